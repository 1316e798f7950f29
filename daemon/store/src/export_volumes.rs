//! Volumes of the archive in an export: which ones its rows rely on, and their bytes in parts.

use crate::archive::{Volume, verify};
use crate::codec::Cursor;
use crate::error::{DamageKind, ExportError, IoFault, ReadError};
use crate::export_file::{Block, Writer};
use crate::io::{Disk, DiskFile, Mode};
use crate::layout::Layout;
use crate::segment::damage;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Bytes of a part.
const PART: usize = 1 << 20;

pub(crate) fn encode(volumes: &BTreeMap<u64, [u8; 32]>) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, digest) in volumes {
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(digest);
    }
    out
}

pub(crate) fn decode(from: Bytes) -> Option<BTreeMap<u64, [u8; 32]>> {
    let mut c = Cursor { from, at: 0 };
    let mut volumes = BTreeMap::new();
    while !c.is_done() {
        volumes.insert(c.u64()?, c.array()?);
    }
    Some(volumes)
}

/// Writes a volume, part by part: number, offset, bytes.
pub(crate) fn copy(disk: &dyn Disk, volume: &Volume, to: &mut Writer) -> Result<(), ExportError> {
    let path = &volume.path;
    let file = disk
        .open(path, Mode::Read)
        .map_err(|e| IoFault::new("open", path, e))?;
    let mut at = 0;
    while at < volume.bytes {
        let n = usize::try_from(volume.bytes - at).unwrap_or(PART).min(PART);
        let mut part = vec![0; 16 + n];
        part[..8].copy_from_slice(&volume.number.to_le_bytes());
        part[8..16].copy_from_slice(&at.to_le_bytes());
        file.read_at(&mut part[16..], at)
            .map_err(|e| IoFault::new("read", path, e))?;
        to.block(Block::Volume, &part)?;
        at += n as u64;
    }
    Ok(())
}

/// Volumes on their way into a new store.
pub(crate) struct Import<'a> {
    disk: &'a dyn Disk,
    layout: &'a Layout,
    files: BTreeMap<u64, (PathBuf, Arc<dyn DiskFile>)>,
}

impl<'a> Import<'a> {
    pub(crate) fn new(disk: &'a dyn Disk, layout: &'a Layout) -> Self {
        let files = BTreeMap::new();
        Self { disk, layout, files }
    }

    /// Writes a part under the volume's temporary name.
    pub(crate) fn take(&mut self, from: &Path, part: &Bytes) -> Result<(), ExportError> {
        let mut c = Cursor {
            from: part.clone(),
            at: 0,
        };
        let head = (|| Some((c.u64()?, c.u64()?)))();
        let (number, at) = head.ok_or_else(|| damage(from, 0, DamageKind::Contents))?;
        if !self.files.contains_key(&number) {
            let path = self.layout.volume(number).with_extension("new");
            let made = self.disk.open(&path, Mode::Create);
            let file = made.map_err(|e| IoFault::new("create", &path, e))?;
            self.files.insert(number, (path, file));
        }
        if let Some((path, file)) = self.files.get(&number) {
            file.write_at(&part[16..], at)
                .map_err(|e| IoFault::new("write", path, e))?;
        }
        Ok(())
    }

    /// Every volume that is listed must be there, whole; then they get their names, durably.
    pub(crate) fn finish(
        self,
        from: &Path,
        database: Uuid,
        volumes: &BTreeMap<u64, [u8; 32]>,
    ) -> Result<(), ExportError> {
        for (number, digest) in volumes {
            let lacks = || ExportError::WithoutArchive {
                file: from.to_owned(),
                number: *number,
            };
            let (path, file) = self.files.get(number).ok_or_else(lacks)?;
            file.sync().map_err(|e| IoFault::new("sync", path, e))?;
            let volume = Volume::load(self.disk, path, *number, database).map_err(|e| match e {
                ReadError::Io(fault) => ExportError::Io(fault),
                other => other.into(),
            })?;
            if let Some(damage) = verify(self.disk, &volume)?.into_iter().next() {
                return Err(damage.into());
            }
            if volume.digest() != *digest {
                return Err(damage(path, 0, DamageKind::Digest).into());
            }
            let named = self.layout.volume(*number);
            self.disk
                .rename(path, &named)
                .map_err(|e| IoFault::new("rename", &named, e))?;
        }
        let dir = self.layout.archive();
        self.disk
            .sync_dir(&dir)
            .map_err(|e| IoFault::new("sync", &dir, e).into())
    }
}
