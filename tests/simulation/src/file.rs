//! One file of the simulated disk: what programs see, what would survive, and what lies between.

use crate::rng::Rng;

const SECTOR: usize = 512;

/// A change that is not on the platter yet.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { len: usize },
}

#[derive(Debug, Default)]
pub(crate) struct File {
    /// What programs read.
    pub(crate) now: Vec<u8>,
    /// What is on the platter for sure.
    safe: Vec<u8>,
    /// Since the last sync.
    fresh: Vec<Change>,
    /// What a failed sync left behind: read as if it were there, but no later sync brings it.
    limbo: Vec<Change>,
}

impl File {
    pub(crate) fn change(&mut self, change: Change) {
        happen(&mut self.now, &change);
        self.fresh.push(change);
    }

    pub(crate) fn sync(&mut self) {
        for change in std::mem::take(&mut self.fresh) {
            happen(&mut self.safe, &change);
            if let Change::Write { offset, bytes } = &change {
                let end = offset + bytes.len();
                self.limbo.retain(|old| match old {
                    Change::Write { offset: at, bytes } => *at >= end || at + bytes.len() <= *offset,
                    Change::Truncate { .. } => true,
                });
            }
        }
    }

    /// The sync failed: what it should have brought is marked clean and forgotten, as systems do.
    pub(crate) fn fail_sync(&mut self) {
        self.limbo.append(&mut self.fresh);
    }

    /// The power goes: of what was not synced each sector stays with a chance of `keep` percent.
    pub(crate) fn cut(&mut self, keep: u64, rng: &mut Rng) {
        let mut image = std::mem::take(&mut self.safe);
        for change in self.limbo.drain(..).chain(self.fresh.drain(..)) {
            match &change {
                Change::Write { offset, bytes } => tear(&mut image, *offset, bytes, keep, rng),
                Change::Truncate { .. } if rng.percent(keep) => happen(&mut image, &change),
                Change::Truncate { .. } => {}
            }
        }
        self.safe.clone_from(&image);
        self.now = image;
    }
}

/// All of a change.
fn happen(to: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Truncate { len } => to.resize(*len, 0),
        Change::Write { offset, bytes } => {
            let end = offset + bytes.len();
            if to.len() < end {
                to.resize(end, 0);
            }
            to[*offset..end].copy_from_slice(bytes);
        }
    }
}

/// Each sector of a write by chance.
fn tear(to: &mut Vec<u8>, offset: usize, bytes: &[u8], keep: u64, rng: &mut Rng) {
    let (mut at, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let n = rest.len().min(SECTOR - at % SECTOR);
        if rng.percent(keep) {
            if to.len() < at + n {
                to.resize(at + n, 0);
            }
            to[at..at + n].copy_from_slice(&rest[..n]);
        }
        at += n;
        rest = &rest[n..];
    }
}
