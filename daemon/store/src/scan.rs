//! Scans: sled and overlay merged, a page at a time.
//!
//! The overlay's part is copied first, sled is read second, and of two versions of a key the later wins: so a page has
//! every commit acknowledged before the call. A page is not a snapshot: later commits may show in it.

use crate::error::{ReadError, StateFault};
use crate::shared::Shared;
use crate::sync::read;
use crate::types::{Key, ScanPage, ScanRange, Versioned};
use bytes::Bytes;
use std::iter::Peekable;
use std::ops::Bound;

const MOST: usize = 10_000;
/// A page ends early beyond this, so that it stays below the frame limit of the wire.
const PAGE_BYTES: usize = 4 << 20;

type Lately = (Key, u64, Option<Bytes>);

pub(crate) fn page(shared: &Shared, range: ScanRange) -> Result<ScanPage, ReadError> {
    if range.limit == 0 || range.limit > MOST {
        return Err(ReadError::Limit);
    }
    if is_empty(&range.start, &range.end) {
        return Ok(ScanPage::default());
    }
    let (lately, horizon) = lately(shared, &range);
    let state = shared.state()?;
    let stored = state.values(&range.start, &range.end, range.reverse);
    let mut merge = Merge {
        lately: lately.into_iter().peekable(),
        stored: stored.peekable(),
        reverse: range.reverse,
    };
    let mut page = ScanPage::default();
    let mut bytes = 0;
    let mut looked_at = None;
    while let Some((key, found)) = merge.next().map_err(|fault| shared.suspect(&state, fault))? {
        if horizon
            .as_ref()
            .is_some_and(|h| if range.reverse { key < *h } else { key > *h })
        {
            page.next = looked_at.or(horizon);
            return Ok(page);
        }
        looked_at = Some(key.clone());
        let Some(versioned) = found else { continue };
        bytes += key.len() + versioned.value.len();
        page.items.push((key.clone(), versioned));
        if page.items.len() >= range.limit || bytes >= PAGE_BYTES {
            page.next = Some(key);
            return Ok(page);
        }
    }
    // Beyond the horizon the overlay has keys that were not copied.
    page.next = horizon;
    Ok(page)
}

/// The overlay's entries in scan order. If there are more than are worth copying, the last key copied is the horizon.
fn lately(shared: &Shared, range: &ScanRange) -> (Vec<Lately>, Option<Key>) {
    let most = range.limit * 2 + 64;
    let overlay = read(&shared.overlay);
    let within = overlay
        .keys()
        .range::<Key, _>((range.start.as_ref(), range.end.as_ref()));
    let copy =
        |(key, (revision, value)): (&Key, &(u64, Option<Bytes>))| (key.clone(), *revision, value.clone());
    let entries: Vec<Lately> = if range.reverse {
        within.rev().take(most).map(copy).collect()
    } else {
        within.take(most).map(copy).collect()
    };
    let horizon = (entries.len() == most)
        .then(|| entries.last().map(|(key, _, _)| key.clone()))
        .flatten();
    (entries, horizon)
}

/// Would the range make an ordered map panic, or find nothing?
fn is_empty(start: &Bound<Key>, end: &Bound<Key>) -> bool {
    match (start, end) {
        (Bound::Included(s), Bound::Included(e)) => s > e,
        (Bound::Included(s) | Bound::Excluded(s), Bound::Included(e) | Bound::Excluded(e)) => s >= e,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}

struct Merge<L: Iterator<Item = Lately>, S: Iterator<Item = Result<(Key, Versioned), StateFault>>> {
    lately: Peekable<L>,
    stored: Peekable<S>,
    reverse: bool,
}

impl<L, S> Merge<L, S>
where
    L: Iterator<Item = Lately>,
    S: Iterator<Item = Result<(Key, Versioned), StateFault>>,
{
    /// The next key and its value; `None` as a value: it was deleted.
    fn next(&mut self) -> Result<Option<(Key, Option<Versioned>)>, StateFault> {
        let order = match (self.lately.peek(), self.stored.peek()) {
            (Some((lately, _, _)), Some(Ok((stored, _)))) => {
                if self.reverse {
                    stored.cmp(lately)
                } else {
                    lately.cmp(stored)
                }
            }
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, None) => return Ok(None),
            (_, Some(_)) => std::cmp::Ordering::Greater,
        };
        let stored = if order.is_ge() {
            self.stored.next().transpose()?
        } else {
            None
        };
        let lately = if order.is_le() { self.lately.next() } else { None };
        Ok(match (lately, stored) {
            (Some((key, revision, _)), Some((_, versioned))) if versioned.revision > revision => {
                Some((key, Some(versioned)))
            }
            (Some((key, revision, value)), _) => {
                Some((key, value.map(|value| Versioned { revision, value })))
            }
            (None, stored) => stored.map(|(key, versioned)| (key, Some(versioned))),
        })
    }
}
