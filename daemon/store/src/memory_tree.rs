//! Rows in memory, for a store that is brought up from its journal at every open.
//!
//! Ranges are copied when they begin, so that no lock is held while somebody walks them.

use crate::error::StateFault;
use crate::sync::{read, write};
use crate::tree::{Changes, Range, Rows, Tree};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::RwLock;

#[derive(Default)]
pub(crate) struct MemoryTree(RwLock<BTreeMap<Bytes, Bytes>>);

impl Tree for MemoryTree {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateFault> {
        Ok(read(&self.0).get(key).cloned())
    }

    fn range(&self, (from, to): Range) -> Rows<'_> {
        let from = from.as_ref().map(Vec::as_slice);
        let to = to.as_ref().map(Vec::as_slice);
        let backwards = matches!((from, to), (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) if from > to);
        if backwards {
            return Box::new(std::iter::empty());
        }
        let rows: Vec<_> = read(&self.0)
            .range::<[u8], _>((from, to))
            .map(|(key, row)| Ok((key.clone(), row.clone())))
            .collect();
        Box::new(rows.into_iter())
    }

    fn apply(&self, changes: Changes) -> Result<(), StateFault> {
        let mut rows = write(&self.0);
        for (key, row) in changes.0 {
            match row {
                Some(row) => drop(rows.insert(key.into(), row.into())),
                None => drop(rows.remove(key.as_slice())),
            }
        }
        Ok(())
    }

    fn persist(&self) -> Result<(), StateFault> {
        Ok(())
    }

    fn bytes(&self) -> u64 {
        let rows = read(&self.0);
        rows.iter().map(|(key, row)| (key.len() + row.len()) as u64).sum()
    }

    fn own_blobs(&self) -> usize {
        0
    }
}
