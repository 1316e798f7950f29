//! Rows in blocks: an ordered map over another one that is good at few, longer rows.
//!
//! Writers take turns, for a change reads the blocks it is made to; readers need no lock, because it is one batch of the
//! map below. A map with rows and without the mark of this layout is of an older version and is refused: whoever opened
//! it builds a new one.

use super::find::{self, Loaded, at};
use super::format::{self, Row};
use super::walk::Walk;
use crate::entry;
use crate::error::StateFault;
use crate::sync::lock;
use crate::tree::{Changes, Range, Rows, Tree};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;

/// The key of the mark.
pub(super) const LAYOUT: &[u8] = b"A";
/// 1: rows in blocks. Before, there was no mark.
pub(super) const FORMAT: u8 = 1;

pub(crate) struct BlockTree<T> {
    pub(super) inner: T,
    /// Whose turn it is to write.
    turn: Mutex<()>,
}

impl<T: Tree> BlockTree<T> {
    /// Over a map that has blocks, or nothing yet.
    pub(crate) fn open(inner: T) -> Result<Self, StateFault> {
        match inner.get(LAYOUT)? {
            Some(mark) => match entry::unseal(LAYOUT, &mark).as_deref() {
                Some([FORMAT]) => {}
                Some(_) => return Err(StateFault::Layout),
                None => return Err(StateFault::Row),
            },
            None if inner.range((Bound::Unbounded, Bound::Unbounded)).next().is_some() => {
                return Err(StateFault::Layout);
            }
            None => {
                let mut mark = Changes::default();
                mark.insert(LAYOUT, entry::seal(LAYOUT, &[FORMAT]));
                inner.apply(mark)?;
            }
        }
        let turn = Mutex::default();
        Ok(Self { inner, turn })
    }

    /// The block that covers a key, none where it would be the first, and the fence behind it.
    fn place(&self, key: &[u8]) -> Result<(Option<Loaded>, Option<Vec<u8>>), StateFault> {
        let found = find::covering(&self.inner, key)?;
        let fence = found.as_ref().map(|found| found.fence.as_slice());
        let next = find::fence_behind(&self.inner, fence)?;
        Ok((found, next))
    }
}

fn is_below(key: &[u8], fence: Option<&[u8]>) -> bool {
    fence.is_none_or(|fence| key < fence)
}

impl<T: Tree> Tree for BlockTree<T> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateFault> {
        match find::covering(&self.inner, key)? {
            Some(found) => found.get(key),
            None => Ok(None),
        }
    }

    fn get_sorted(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StateFault> {
        let mut rows = Vec::with_capacity(keys.len());
        let mut rest = keys;
        while let Some(first) = rest.first() {
            let (found, next) = self.place(first)?;
            let here = rest.partition_point(|key| is_below(key, next.as_deref()));
            let (here, behind) = rest.split_at(here);
            for key in here {
                rows.push(match &found {
                    Some(found) => found.get(key)?,
                    None => None,
                });
            }
            rest = behind;
        }
        Ok(rows)
    }

    fn range(&self, range: Range) -> Rows<'_> {
        Box::new(Walk::new(&self.inner, range))
    }

    fn apply(&self, changes: Changes) -> Result<(), StateFault> {
        // Of several changes of a key the last counts.
        let changes: BTreeMap<Vec<u8>, Option<Vec<u8>>> = changes.0.into_iter().collect();
        let mut changes = changes.into_iter().peekable();
        let _turn = lock(&self.turn);
        let mut blocks = Changes::default();
        while let Some((key, _)) = changes.peek() {
            let (found, next) = self.place(key)?;
            let mut own = Vec::new();
            while let Some(change) = changes.next_if(|(key, _)| is_below(key, next.as_deref())) {
                own.push(change);
            }
            let (fence, rows) = match &found {
                Some(found) => (found.fence.as_slice(), found.block.rows(&found.fence)?),
                None => (&[][..], Vec::new()),
            };
            let rows = merge(rows, own);
            if rows.is_empty() {
                blocks.remove(at(fence));
            }
            for (fence, value) in format::pack(fence, &rows) {
                blocks.insert(at(&fence), value);
            }
        }
        self.inner.apply(blocks)
    }

    fn persist(&self) -> Result<(), StateFault> {
        self.inner.persist()
    }

    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    fn own_blobs(&self) -> usize {
        self.inner.own_blobs()
    }
}

/// Rows with changes made to them; both in the order of their keys.
fn merge(rows: Vec<Row>, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Vec<Row> {
    let mut merged = Vec::with_capacity(rows.len() + changes.len());
    let mut rows = rows.into_iter().peekable();
    for (key, change) in changes {
        while let Some(row) = rows.next_if(|row| row.key < key) {
            merged.push(row);
        }
        let new = rows.next_if(|row| row.key == key).is_none();
        if let Some(row) = change {
            let (key, row) = (key.into(), row.into());
            merged.push(Row { key, row, new });
        }
    }
    merged.extend(rows);
    merged
}
