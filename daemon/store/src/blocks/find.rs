//! Finding blocks in the map below: keys there are `B` and the block's fence.

use super::format::Block;
use crate::entry;
use crate::error::StateFault;
use crate::tree::{Found, Tree};
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Bound;

const BLOCK: u8 = b'B';

/// A block and its fence.
pub(super) struct Loaded {
    pub(super) fence: Vec<u8>,
    pub(super) block: Block,
}

impl Loaded {
    fn of(found: Found) -> Result<Self, StateFault> {
        let (key, value) = found?;
        let fence = key.get(1..).unwrap_or_default().to_vec();
        let block = Block::open(&fence, &value)?;
        Ok(Self { fence, block })
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateFault> {
        self.block.get(&self.fence, key)
    }

    pub(super) fn rows(&self) -> Result<VecDeque<(Bytes, Bytes)>, StateFault> {
        let rows = self.block.rows(&self.fence)?;
        Ok(rows.into_iter().map(|row| (row.key, row.row)).collect())
    }
}

/// The key of a block.
pub(super) fn at(fence: &[u8]) -> Vec<u8> {
    entry::prefixed(BLOCK, fence)
}

/// Behind every block.
pub(super) fn end() -> Bound<Vec<u8>> {
    Bound::Excluded(vec![BLOCK + 1])
}

/// The block that has a key if any has it.
pub(super) fn covering(map: &dyn Tree, key: &[u8]) -> Result<Option<Loaded>, StateFault> {
    last_in(map, Bound::Included(at(key)))
}

/// The last block up to there.
pub(super) fn last_in(map: &dyn Tree, to: Bound<Vec<u8>>) -> Result<Option<Loaded>, StateFault> {
    let range = (Bound::Included(vec![BLOCK]), to);
    map.range(range).next_back().map(Loaded::of).transpose()
}

/// The first block behind a fence, or of all.
pub(super) fn first_behind(map: &dyn Tree, fence: Option<&[u8]>) -> Result<Option<Loaded>, StateFault> {
    behind(map, fence).map(Loaded::of).transpose()
}

/// The fence of that block; it is not opened.
pub(super) fn fence_behind(map: &dyn Tree, fence: Option<&[u8]>) -> Result<Option<Vec<u8>>, StateFault> {
    let found = behind(map, fence).transpose()?;
    Ok(found.map(|(key, _)| key.get(1..).unwrap_or_default().to_vec()))
}

fn behind(map: &dyn Tree, fence: Option<&[u8]>) -> Option<Found> {
    let from = fence.map_or(Bound::Included(vec![BLOCK]), |fence| Bound::Excluded(at(fence)));
    map.range((from, end())).next()
}
