//! Ranges of keys and pages of values.

use super::ids::{Key, Versioned};
use std::ops::Bound;

/// A stretch of keys.
#[derive(Clone, Debug)]
pub struct ScanRange {
    /// Lower end.
    pub start: Bound<Key>,
    /// Upper end.
    pub end: Bound<Key>,
    /// From the upper end downwards.
    pub reverse: bool,
    /// Most items in a page, 1 to 10,000.
    pub limit: usize,
}

impl ScanRange {
    /// All keys beginning with `prefix` (an empty one means every key), forwards, 1,000 a page.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        let start = if prefix.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Included(Key::copy_from_slice(prefix))
        };
        Self {
            start,
            end: prefix_end(prefix),
            reverse: false,
            limit: 1000,
        }
    }

    /// Keys from `start` up to but not including `end`.
    #[must_use]
    pub fn between(start: Key, end: Key) -> Self {
        Self {
            start: Bound::Included(start),
            end: Bound::Excluded(end),
            reverse: false,
            limit: 1000,
        }
    }

    /// The same range from its end.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// With another page size.
    #[must_use]
    pub fn limited(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The rest of the range behind `key`, in the direction of the scan: give it a page's `next`.
    #[must_use]
    pub fn after(mut self, key: Key) -> Self {
        if self.reverse {
            self.end = Bound::Excluded(key);
        } else {
            self.start = Bound::Excluded(key);
        }
        self
    }
}

fn prefix_end(prefix: &[u8]) -> Bound<Key> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end.into());
        }
    }
    Bound::Unbounded
}

/// A page of a scan.
#[derive(Clone, Debug, Default)]
pub struct ScanPage {
    /// In the scan's order. Contains every acknowledged commit of the moment of the call, and possibly later ones.
    pub items: Vec<(Key, Versioned)>,
    /// Give it to `ScanRange::after` for the next page; `None` means the range is exhausted.
    pub next: Option<Key>,
}
