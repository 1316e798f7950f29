//! Walking the rows of a range, block by block, from both ends.
//!
//! A row only ever moves to a block behind its own: going forwards, what was seen is skipped; going backwards, the block
//! before the one that was left is asked for anew.

use super::find::{at, covering, end, first_behind, last_in};
use crate::error::StateFault;
use crate::tree::{Found, Range, Tree};
use bytes::Bytes;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Bound;

/// Rows of a range, from both ends; the bounds move with what was given out.
pub(super) struct Walk<'a> {
    map: &'a dyn Tree,
    low: Bound<Vec<u8>>,
    high: Bound<Vec<u8>>,
    front: VecDeque<(Bytes, Bytes)>,
    /// The block `front` came from.
    front_fence: Option<Vec<u8>>,
    back: VecDeque<(Bytes, Bytes)>,
    back_fence: Option<Vec<u8>>,
}

fn key_of(bound: &Bound<Vec<u8>>) -> Option<&[u8]> {
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
        Bound::Unbounded => None,
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(map: &'a dyn Tree, (low, high): Range) -> Self {
        Self {
            map,
            low,
            high,
            front: VecDeque::new(),
            front_fence: None,
            back: VecDeque::new(),
            back_fence: None,
        }
    }

    fn is_above_low(&self, key: &[u8]) -> bool {
        match key_of(&self.low).map(|low| key.cmp(low)) {
            None | Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => matches!(self.low, Bound::Included(_)),
            Some(Ordering::Less) => false,
        }
    }

    fn is_below_high(&self, key: &[u8]) -> bool {
        match key_of(&self.high).map(|high| key.cmp(high)) {
            None | Some(Ordering::Less) => true,
            Some(Ordering::Equal) => matches!(self.high, Bound::Included(_)),
            Some(Ordering::Greater) => false,
        }
    }

    /// The next block from the front; false if there is none that may have rows of the range.
    fn load_front(&mut self) -> Result<bool, StateFault> {
        let found = match &self.front_fence {
            Some(fence) => first_behind(self.map, Some(fence))?,
            None => match covering(self.map, key_of(&self.low).unwrap_or_default())? {
                Some(found) => Some(found),
                None => first_behind(self.map, None)?,
            },
        };
        let high = key_of(&self.high);
        let Some(found) = found.filter(|found| high.is_none_or(|high| found.fence.as_slice() <= high)) else {
            return Ok(false);
        };
        self.front = found.rows()?;
        self.front_fence = Some(found.fence);
        Ok(true)
    }

    fn load_back(&mut self) -> Result<bool, StateFault> {
        let found = match &self.back_fence {
            // What is below the fence of a block that was left has none of the range.
            Some(fence) if key_of(&self.low).is_some_and(|low| fence.as_slice() <= low) => None,
            Some(fence) => last_in(self.map, Bound::Excluded(at(fence)))?,
            None => match key_of(&self.high) {
                Some(high) => covering(self.map, high)?,
                None => last_in(self.map, end())?,
            },
        };
        let Some(found) = found else { return Ok(false) };
        self.back = found.rows()?;
        self.back_fence = Some(found.fence);
        Ok(true)
    }

    fn step(&mut self) -> Result<Option<(Bytes, Bytes)>, StateFault> {
        loop {
            while let Some((key, row)) = self.front.pop_front() {
                if !self.is_below_high(&key) {
                    return Ok(None);
                }
                if self.is_above_low(&key) {
                    self.low = Bound::Excluded(key.to_vec());
                    return Ok(Some(alone(key, &row)));
                }
            }
            if !self.load_front()? {
                return Ok(None);
            }
        }
    }

    fn step_back(&mut self) -> Result<Option<(Bytes, Bytes)>, StateFault> {
        loop {
            while let Some((key, row)) = self.back.pop_back() {
                if !self.is_above_low(&key) {
                    return Ok(None);
                }
                if self.is_below_high(&key) {
                    self.high = Bound::Excluded(key.to_vec());
                    return Ok(Some(alone(key, &row)));
                }
            }
            if !self.load_back()? {
                return Ok(None);
            }
        }
    }
}

/// A row that does not keep its block in memory.
fn alone(key: Bytes, row: &Bytes) -> (Bytes, Bytes) {
    (key, Bytes::copy_from_slice(row))
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        self.step().transpose()
    }
}

impl DoubleEndedIterator for Walk<'_> {
    fn next_back(&mut self) -> Option<Found> {
        self.step_back().transpose()
    }
}
