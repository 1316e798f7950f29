//! What the state's rows are kept in: an ordered map of bytes that takes a batch of changes whole.
//!
//! Two of them: sled, in blocks, for a store on a disk, and the memory for one that is brought up from the journal at
//! every open.
//! Invariant: a batch is seen whole or not at all, and the order of keys is that of their bytes.

use crate::error::StateFault;
use bytes::Bytes;
use std::ops::Bound;

/// A key and its row, or why it cannot be read.
pub(crate) type Found = Result<(Bytes, Bytes), StateFault>;

/// Rows of a range, from both ends.
pub(crate) type Rows<'a> = Box<dyn DoubleEndedIterator<Item = Found> + Send + 'a>;

/// From one key to another.
pub(crate) type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Changes that are made together.
#[derive(Default)]
pub(crate) struct Changes(pub(crate) Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Changes {
    pub(crate) fn insert(&mut self, key: impl Into<Vec<u8>>, row: Vec<u8>) {
        self.0.push((key.into(), Some(row)));
    }

    pub(crate) fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.0.push((key.into(), None));
    }
}

/// An ordered map of bytes.
pub(crate) trait Tree: Send + Sync {
    /// The row of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateFault>;

    /// The rows of many keys, which come in their order.
    fn get_sorted(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StateFault> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Rows in the order of their keys.
    fn range(&self, range: Range) -> Rows<'_>;

    /// Makes all changes at once; of several of one key the last counts.
    fn apply(&self, changes: Changes) -> Result<(), StateFault>;

    /// What was applied is as durable as it gets when this returns.
    fn persist(&self) -> Result<(), StateFault>;

    /// Bytes it takes where it is kept.
    fn bytes(&self) -> u64;

    /// Files it made for large values by itself: must stay 0.
    fn own_blobs(&self) -> usize;
}

/// Every key with a prefix of one byte.
pub(crate) fn prefixed(prefix: u8) -> Range {
    (Bound::Included(vec![prefix]), Bound::Excluded(vec![prefix + 1]))
}
