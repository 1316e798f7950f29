//! The journal of a run as one sequence, also where it goes on from another run's.
//!
//! Such a run's own stream holds only what is its own; the events before it are read from the other run's stream,
//! never copied. Invariant: what is read is gapless from 1, whoever's stream it comes from.

use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{Origin, RunEvent};
use dirigent_store::{Budget, Feed, FeedItem, Position, Store, StreamId};

use super::bytes::decode_event;
use super::error::RecordError;
use super::read::Records;

/// Most runs of one chain; a run further on is refused when it is to begin.
pub const MAX_CHAIN: usize = 64;

/// Whose events make up a run's journal.
#[derive(Debug, Clone)]
pub struct Journal {
    /// Oldest first; the last is the run itself.
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    run: RunId,
    /// Number of the event its own follow.
    base: u64,
}

impl Journal {
    /// The journal of a run that comes from `origin`.
    ///
    /// # Errors
    /// A run of the chain cannot be read.
    pub fn of(records: &Records, run: RunId, origin: Option<&Origin>) -> Result<Self, RecordError> {
        let mut parts = Vec::new();
        let (mut run, mut origin) = (run, origin.copied());
        loop {
            let base = origin.map_or(0, |origin| origin.at);
            parts.push(Part { run, base });
            let Some(before) = origin.filter(|_| base > 0 && parts.len() <= 2 * MAX_CHAIN) else {
                break;
            };
            run = before.run;
            let found = records.get(Kind::WorkflowExecution, run.into())?;
            let body = found.and_then(|stored| stored.document.body::<WorkflowExecution>().ok());
            origin = body.and_then(|body| body.origin);
        }
        parts.reverse();
        Ok(Self { parts })
    }

    /// Number of the event that the run's own follow; 0 where all are its own.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.base)
    }

    /// How many runs it goes through.
    #[must_use]
    pub fn chain(&self) -> usize {
        self.parts.len()
    }

    /// The run in whose stream an event stands.
    #[must_use]
    pub fn owner(&self, seq: u64) -> Option<RunId> {
        let own = self.parts.iter().rev().find(|part| part.base < seq);
        own.map(|part| part.run)
    }

    /// A page of events behind a number, each with its size in bytes; an empty one is the end.
    ///
    /// # Errors
    /// The store did not answer, or an event cannot be read.
    pub fn page(
        &self,
        store: &dyn Store,
        after: u64,
        budget: Budget,
    ) -> Result<Vec<(RunEvent, usize)>, RecordError> {
        let at = self
            .parts
            .iter()
            .rposition(|part| part.base <= after)
            .unwrap_or(0);
        let Some(part) = self.parts.get(at) else {
            return Ok(Vec::new());
        };
        let end = self.parts.get(at + 1).map_or(u64::MAX, |next| next.base);
        let feed = Feed::Stream(StreamId(part.run.bytes()));
        let page = store.read(feed, Position(after - part.base.min(after)), budget)?;
        let mut events = Vec::with_capacity(page.items.len());
        for item in page.items {
            let FeedItem::Record { data, .. } = item else {
                continue;
            };
            let event = decode_event(&data)?;
            if event.seq > end {
                break;
            }
            events.push((event, data.len()));
        }
        Ok(events)
    }

    /// Number of the newest event there is.
    ///
    /// # Errors
    /// The store did not answer.
    pub fn end(&self, store: &dyn Store) -> Result<u64, RecordError> {
        let Some(own) = self.parts.last() else {
            return Ok(0);
        };
        Ok(own.base + store.stream_end(StreamId(own.run.bytes()))?)
    }
}
