//! Reading events: all commits in order, or one stream's records by number.

use crate::error::{ReadError, StateFault};
use crate::shared::Shared;
use crate::sync::read;
use crate::types::{Budget, Feed, FeedItem, FeedPage, Position, StreamId};
use bytes::Bytes;
use std::sync::Arc;

pub(crate) fn page(
    shared: &Shared,
    of: Feed,
    cursor: Position,
    budget: Budget,
) -> Result<FeedPage, ReadError> {
    match of {
        Feed::All => all(shared, cursor, budget),
        Feed::Stream(stream) => records(shared, stream, cursor, budget),
    }
}

fn all(shared: &Shared, cursor: Position, budget: Budget) -> Result<FeedPage, ReadError> {
    let (head, recent) = {
        let overlay = read(&shared.overlay);
        (
            overlay.head,
            overlay.recent_after(cursor, budget.items, budget.bytes),
        )
    };
    if cursor >= head {
        return Ok(FeedPage {
            items: Vec::new(),
            next: cursor,
        });
    }
    let items: Vec<FeedItem> = match recent {
        Some(recent) => recent.into_iter().map(FeedItem::Commit).collect(),
        None => {
            let commits = shared.catalog.commits(cursor.next(), head, budget)?;
            commits
                .into_iter()
                .map(|commit| FeedItem::Commit(Arc::new(commit)))
                .collect()
        }
    };
    let next = Position(cursor.0 + items.len() as u64);
    Ok(FeedPage { items, next })
}

/// Where a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Last `seq`, 0 if there is none.
    pub(crate) seq: u64,
    /// Nobody can append to it.
    pub(crate) closed: bool,
}

/// A closed stream may be half out of the state: there the volume is asked first.
pub(crate) fn stream_end(shared: &Shared, stream: StreamId) -> Result<End, ReadError> {
    let (archive, closed) = (&shared.archive, shared.archive.is_closed(stream));
    let end = |seq| End { seq, closed };
    if let Some(seq) = read(&shared.overlay).stream_end(stream) {
        return Ok(end(seq));
    }
    if closed {
        let seq = archive.end(stream)?;
        if seq > 0 {
            return Ok(end(seq));
        }
    }
    let seq = shared.ask(|state| state.stream_end(stream))?;
    if seq > 0 {
        return Ok(end(seq));
    }
    let seq = archive.end(stream)?;
    let closed = closed || seq > 0;
    Ok(End { seq, closed })
}

struct Page {
    items: Vec<FeedItem>,
    bytes: usize,
    budget: Budget,
    next: u64,
}

impl Page {
    fn done(self) -> FeedPage {
        FeedPage {
            items: self.items,
            next: Position(self.next - 1),
        }
    }

    /// Takes the records of a run that are still wanted; false once the page is full or the run does not continue it.
    fn take(&mut self, first: u64, position: Position, records: &[Bytes]) -> bool {
        let skip = usize::try_from(self.next.saturating_sub(first)).unwrap_or(usize::MAX);
        for data in records.iter().skip(skip) {
            if !self.items.is_empty()
                && (self.items.len() >= self.budget.items || self.bytes >= self.budget.bytes)
            {
                return false;
            }
            self.bytes += data.len();
            self.items.push(FeedItem::Record {
                seq: self.next,
                position,
                data: data.clone(),
            });
            self.next += 1;
        }
        true
    }
}

/// sled first up to what it holds, then the overlay: taken in the other order, so that nothing falls between.
fn records(
    shared: &Shared,
    stream: StreamId,
    cursor: Position,
    budget: Budget,
) -> Result<FeedPage, ReadError> {
    let mut page = Page {
        items: Vec::new(),
        bytes: 0,
        budget,
        next: cursor.0 + 1,
    };
    let closed = shared.archive.is_closed(stream);
    if closed && archived(shared, stream, &mut page)? {
        return Ok(page.done());
    }
    let lately = read(&shared.overlay).stream_from(stream, page.next);
    let only_lately = lately.keys().next().is_some_and(|first| *first <= page.next);
    if !only_lately {
        let state = shared.state()?;
        let fault = |fault| shared.suspect(&state, fault);
        let mut run = state.run_before(stream, page.next).map_err(fault)?;
        let mut gap = run.is_none();
        while let Some((first, position, records)) = run {
            let end = first + records.len() as u64;
            if first > page.next {
                gap = true;
                break;
            }
            if !page.take(first, position, &records) {
                return Ok(page.done());
            }
            run = state.run_from(stream, end).map_err(fault)?;
        }
        // It may have moved between the two looks, all of it or some.
        if (closed || gap || page.items.is_empty()) && archived(shared, stream, &mut page)? {
            return Ok(page.done());
        }
        if gap && page.next > 1 && state.stream_end(stream).map_err(fault)? >= page.next {
            return Err(fault(StateFault::Row));
        }
    }
    for (first, (position, records)) in &lately {
        if *first > page.next {
            return shared.ask(|_| Err(StateFault::Row));
        }
        if !page.take(*first, *position, records) {
            break;
        }
    }
    Ok(page.done())
}

/// Fills the page from the volume that holds the stream; false if none does.
fn archived(shared: &Shared, stream: StreamId, page: &mut Page) -> Result<bool, ReadError> {
    let from = page.next;
    shared.archive.records(stream, from, |first, position, records| {
        page.take(first, position, records)
    })
}
