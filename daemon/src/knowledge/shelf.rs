//! What was read, kept by folder and path for as long as size and time of change stand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::gather::{self, Listing};
use super::passages::Passage;
use crate::tools::workspace::{FileError, Stamp};

/// Most passages that are kept, over all folders: some 60 MiB with their words.
const MAX_KEPT: usize = 20_000;

/// Passages of folders, in memory.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    folders: BTreeMap<String, Folder>,
    uses: u64,
}

#[derive(Debug, Default, Clone)]
struct Folder {
    files: BTreeMap<String, (Stamp, Arc<Vec<Passage>>)>,
    used: u64,
}

impl Folder {
    fn passages(&self) -> usize {
        self.files.values().map(|(_, passages)| passages.len()).sum()
    }
}

/// A folder as it is now.
pub(super) struct Looked {
    pub(super) files: Vec<(String, Arc<Vec<Passage>>)>,
    pub(super) left_out: usize,
}

impl Shelf {
    /// The folder as it is now; only what is new or changed is read.
    pub(super) fn look(&self, folder: &str, began: Instant) -> Result<Looked, FileError> {
        let Listing { files, mut left_out } = gather::listing(folder, began)?;
        let before = self.kept().folders.get(folder).cloned().unwrap_or_default();
        let mut now = Folder::default();
        for (path, stamp) in files {
            let known = before.files.get(&path).filter(|(kept, _)| *kept == stamp);
            let passages = match known {
                Some((_, passages)) => passages.clone(),
                None => match gather::passages(folder, &path, began) {
                    Some(passages) => Arc::new(passages),
                    None => {
                        left_out += 1;
                        continue;
                    }
                },
            };
            now.files.insert(path, (stamp, passages));
        }
        let looked = Looked {
            files: now
                .files
                .iter()
                .map(|(path, (_, passages))| (path.clone(), passages.clone()))
                .collect(),
            left_out,
        };
        self.keep(folder, now);
        Ok(looked)
    }

    fn keep(&self, folder: &str, mut now: Folder) {
        let mut kept = self.kept();
        kept.uses += 1;
        now.used = kept.uses;
        kept.folders.insert(folder.to_owned(), now);
        while kept.folders.values().map(Folder::passages).sum::<usize>() > MAX_KEPT {
            let oldest = kept.folders.iter().min_by_key(|(_, folder)| folder.used);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            kept.folders.remove(&oldest);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
