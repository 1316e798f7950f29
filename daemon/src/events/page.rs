//! Pages of events, newest first; of one run, its lifecycle among them.

use bytes::Bytes;
use dirigent_protocol::bus::{BusEvent, EventsQuery};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::query::MAX_PAGE;
use dirigent_store::{Budget, Feed, FeedItem, Position, ReadError, ScanRange, StreamId};

use super::lifecycle::{Abouts, derived};
use super::rows::{EVENTS, StoredEvent, decode, moment_of};
use crate::records::{RecordError, Records, decode_event};

/// Rows looked at for one page.
const MAX_LOOKED: usize = 20_000;
/// Rows read at once; each may be large.
const ROWS: usize = 64;
/// Bytes of events in a page; far from the frame limit.
const MAX_BYTES: usize = 3 << 20;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The cursor is none of ours.
    #[error("the cursor is not one of this list")]
    Cursor,
    /// The store did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<ReadError> for PageError {
    fn from(error: ReadError) -> Self {
        Self::Record(error.into())
    }
}

/// A page, and where the next one begins.
///
/// # Errors
/// The cursor is none of this list, or the store did not answer.
pub fn page(
    records: &Records,
    org: EntityId,
    query: &EventsQuery,
) -> Result<(Vec<BusEvent>, Option<String>), PageError> {
    let limit = match query.limit {
        0 => 50,
        limit => limit.min(MAX_PAGE) as usize,
    };
    match query.run {
        Some(run) => of_run(records, org, run, query, limit),
        None => of_bus(records, org, query, limit),
    }
}

fn of_bus(
    records: &Records,
    org: EntityId,
    query: &EventsQuery,
    limit: usize,
) -> Result<(Vec<BusEvent>, Option<String>), PageError> {
    let mut range = ScanRange::prefix(EVENTS).reversed().limited(ROWS);
    if let Some(cursor) = &query.cursor {
        range = range.after(read_cursor(cursor)?);
    }
    let (mut items, mut looked, mut bytes) = (Vec::new(), 0, 0);
    loop {
        let page = records.store().scan(range.clone())?;
        for (key, found) in page.items {
            looked += 1;
            let stored: StoredEvent = decode(&found.value)?;
            if stored.org == org && query.wants(&stored.event) {
                bytes += found.value.len();
                items.push(BusEvent {
                    at: moment_of(&key).unwrap_or_default(),
                    event: stored.event,
                    run: stored.run,
                    by: stored.by,
                });
            }
            if items.len() >= limit || looked >= MAX_LOOKED || bytes >= MAX_BYTES {
                return Ok((items, Some(write_cursor(&key))));
            }
        }
        match page.next {
            Some(next) => range = range.after(next),
            None => return Ok((items, None)),
        }
    }
}

/// In the order of the run: what it emitted and what became of it; the cursor is a number of its journal.
fn of_run(
    records: &Records,
    org: EntityId,
    run: RunId,
    query: &EventsQuery,
    limit: usize,
) -> Result<(Vec<BusEvent>, Option<String>), PageError> {
    let Some(about) = Abouts::new(records.clone())
        .of(run)?
        .filter(|about| about.org == org)
    else {
        return Ok((Vec::new(), None));
    };
    let mut at = match &query.cursor {
        Some(cursor) => Position(cursor.parse().map_err(|_| PageError::Cursor)?),
        None => Position(0),
    };
    let mut items = Vec::new();
    loop {
        let budget = Budget {
            items: ROWS,
            bytes: MAX_BYTES,
        };
        let page = records
            .store()
            .read(Feed::Stream(StreamId(run.bytes())), at, budget)?;
        if page.items.is_empty() {
            return Ok((items, None));
        }
        for item in page.items {
            let FeedItem::Record { seq, data, .. } = item else {
                continue;
            };
            let event = decode_event(&data)?;
            let own = match &event.body {
                dirigent_protocol::run::EventBody::EventEmitted { event, .. } => Some((**event).clone()),
                _ => None,
            };
            for made in own.into_iter().chain(derived(&about, &event)) {
                if query.wants(&made) {
                    items.push(BusEvent {
                        event: made.into(),
                        at: event.time,
                        run: Some(run),
                        by: String::new(),
                    });
                }
            }
            if items.len() >= limit {
                return Ok((items, Some(seq.to_string())));
            }
        }
        at = page.next;
    }
}

fn write_cursor(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_cursor(text: &str) -> Result<Bytes, PageError> {
    let pairs = text.len() / 2;
    let byte = |i: usize| {
        text.get(2 * i..2 * i + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let key: Option<Vec<u8>> = (0..pairs).map(byte).collect();
    match key {
        Some(key) if text.len().is_multiple_of(2) && moment_of(&key).is_some() => Ok(key.into()),
        _ => Err(PageError::Cursor),
    }
}
