//! Volumes of which nothing is wanted any more.
//!
//! Invariant: that a volume was given back is durable before its file goes, so a state or an export that relies on it is
//! told apart from one whose volume was lost.

use super::shelf::Archive;
use super::volume::Volume;
use crate::error::IoFault;
use crate::io::{self, Disk};
use crate::layout::Layout;
use crate::sync::{lock, write};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of the sum behind the digest.
const SUM: usize = 8;

fn contents(number: u64, digest: [u8; 32]) -> Vec<u8> {
    let sum = Sha256::new()
        .chain_update(number.to_le_bytes())
        .chain_update(digest);
    let mut out = digest.to_vec();
    out.extend_from_slice(&sum.finalize()[..SUM]);
    out
}

/// Number and digest of every volume that was given back. One whose file is still there goes now.
pub(super) fn read(disk: &dyn Disk, layout: &Layout) -> Result<BTreeMap<u64, [u8; 32]>, IoFault> {
    let dir = layout.archive();
    let mut gone = BTreeMap::new();
    let numbers = layout.all_given_back(disk);
    for number in numbers.map_err(|e| IoFault::new("list", &dir, e))? {
        let found = io::read_all(disk, &layout.given_back(number))?;
        let digest = found.first_chunk().copied();
        if let Some(digest) = digest.filter(|digest| contents(number, *digest) == found) {
            gone.insert(number, digest);
        }
    }
    let there = layout.volumes(disk).map_err(|e| IoFault::new("list", &dir, e))?;
    for number in there.into_iter().filter(|number| gone.contains_key(number)) {
        let path = layout.volume(number);
        disk.remove(&path).map_err(|e| IoFault::new("remove", &path, e))?;
    }
    Ok(gone)
}

impl Archive {
    /// Gives a volume back, durably: nobody finds anything in it any more.
    pub(crate) fn give_back(&self, volume: &Volume) -> Result<(), IoFault> {
        let (number, path) = (volume.number, &volume.path);
        let said = contents(number, volume.digest());
        io::replace(&*self.disk, &self.layout.given_back(number), &said)?;
        lock(&self.gone).insert(number, volume.digest());
        write(&self.volumes).retain(|known| known.number != number);
        self.disk
            .remove(path)
            .map_err(|e| IoFault::new("remove", path, e))?;
        let dir = self.layout.archive();
        self.disk
            .sync_dir(&dir)
            .map_err(|e| IoFault::new("sync", &dir, e))
    }
}
