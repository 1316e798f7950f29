//! Names in the store directory. No other file of the crate spells a path.

use crate::io::{Disk, RealDisk};
use crate::types::BlobId;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
}

impl Layout {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(crate) fn meta(&self) -> PathBuf {
        self.dir.join("meta.json")
    }

    /// Lower bound of what sled holds.
    pub(crate) fn noted(&self) -> PathBuf {
        self.dir.join("noted")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }

    pub(crate) fn segment(&self, number: u64) -> PathBuf {
        self.journal().join(format!("{number:012}.seg"))
    }

    /// The next segment, already zeroed.
    pub(crate) fn spare(&self) -> PathBuf {
        self.journal().join("spare")
    }

    /// The segment kept for a full disk.
    pub(crate) fn reserve(&self) -> PathBuf {
        self.journal().join("reserve")
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.dir.join("archive")
    }

    pub(crate) fn volume(&self, number: u64) -> PathBuf {
        self.archive().join(format!("{number:012}.arc"))
    }

    /// Numbers of all volumes, ascending.
    pub(crate) fn volumes(&self, disk: &dyn Disk) -> std::io::Result<Vec<u64>> {
        let mut numbers = numbered(disk, &self.archive(), ".arc")?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Says that a volume was given back.
    pub(crate) fn given_back(&self, number: u64) -> PathBuf {
        self.archive().join(format!("{number:012}.gone"))
    }

    /// Numbers of all volumes that were given back.
    pub(crate) fn all_given_back(&self, disk: &dyn Disk) -> std::io::Result<Vec<u64>> {
        numbered(disk, &self.archive(), ".gone")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// Under construction; incomplete by its name.
    pub(crate) fn state_new(&self) -> PathBuf {
        self.dir.join("state.new")
    }

    /// Written when a read of sled failed: rebuild at the next open.
    pub(crate) fn state_suspect(&self) -> PathBuf {
        self.dir.join("state.suspect")
    }

    pub(crate) fn state_aside(&self, epoch: u64) -> PathBuf {
        self.dir.join(format!("state.aside-{epoch}"))
    }

    pub(crate) fn check_copy(&self) -> PathBuf {
        self.dir.join("state.check")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    pub(crate) fn blob(&self, id: BlobId) -> PathBuf {
        let name = id.to_string();
        self.blobs().join(&name[..2]).join(name)
    }

    /// What the addresses of blobs are made with.
    pub(crate) fn blob_key(&self) -> PathBuf {
        self.dir.join("blob.key")
    }

    pub(crate) fn exports(&self) -> PathBuf {
        self.dir.join("exports")
    }

    pub(crate) fn export(&self, position: u64) -> PathBuf {
        self.exports().join(format!("{position:020}.export"))
    }

    /// Is there no trace of a store?
    pub(crate) fn is_vacant(&self, disk: &dyn Disk) -> bool {
        let empty = |dir: &Path| std::fs::read_dir(dir).map_or(true, |mut list| list.next().is_none());
        let no_segments = self.segments(disk).is_ok_and(|numbers| numbers.is_empty());
        let bare = [self.meta(), self.noted(), self.state()]
            .iter()
            .all(|path| !path.exists());
        no_segments && bare && empty(&self.archive()) && empty(&self.blobs()) && empty(&self.exports())
    }

    /// Numbers of all segments, ascending. Files with other names are not ours and are left alone.
    pub(crate) fn segments(&self, disk: &dyn Disk) -> std::io::Result<Vec<u64>> {
        let mut numbers = numbered(disk, &self.journal(), ".seg")?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Exports, newest first.
    pub(crate) fn all_exports(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut positions = numbered(&RealDisk, &self.exports(), ".export")?;
        positions.sort_unstable();
        Ok(positions.into_iter().rev().map(|p| self.export(p)).collect())
    }

    /// State directories set aside, oldest first.
    pub(crate) fn asides(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(epoch) = name
                .to_str()
                .and_then(|n| n.strip_prefix("state.aside-")?.parse::<u64>().ok())
            {
                found.push((epoch, entry.path()));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }
}

fn numbered(disk: &dyn Disk, dir: &Path, suffix: &str) -> std::io::Result<Vec<u64>> {
    let names = match disk.names(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let number = |name: &String| name.strip_suffix(suffix)?.parse().ok();
    Ok(names.iter().filter_map(number).collect())
}
