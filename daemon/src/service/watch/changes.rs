//! One commit as changes for one subject.

use std::collections::HashSet;

use bytes::Bytes;
use dirigent_protocol::bus::BusEvent;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::watch::{Change, WatchFilter};
use dirigent_store::Commit;
use jiff::Timestamp;
use uuid::Uuid;

use super::super::core::Service;
use super::super::error::ServiceError;
use crate::events::{StoredEvent, decode, derived, moment_of};
use crate::records::{decode_document, decode_event, key};

/// What is watched, ready to be asked.
pub(super) struct Wanted {
    kinds: HashSet<Kind>,
    runs: HashSet<RunId>,
    all_runs: bool,
    events: bool,
    lifecycle: bool,
}

impl Wanted {
    pub(super) fn new(filter: &WatchFilter) -> Self {
        Self {
            kinds: filter.kinds.iter().copied().collect(),
            runs: filter.runs.iter().copied().collect(),
            all_runs: filter.all_runs,
            events: filter.events,
            lifecycle: filter.lifecycle,
        }
    }

    fn run(&self, run: RunId) -> bool {
        self.all_runs || self.runs.contains(&run)
    }
}

fn on_bus(stored: StoredEvent, at: Timestamp) -> BusEvent {
    BusEvent {
        event: stored.event,
        at,
        run: stored.run,
        by: stored.by,
    }
}

/// Runs whose visibility is known within one poll.
pub(super) type Seen = std::collections::HashMap<RunId, bool>;

impl Service {
    /// Adds what a commit means to the subject; answers how many bytes it had.
    pub(super) fn changes(
        &self,
        subject: &Subject,
        wanted: &Wanted,
        commit: &Commit,
        seen: &mut Seen,
        changes: &mut Vec<Change>,
    ) -> Result<usize, ServiceError> {
        let mut bytes = 0;
        for (key, value) in &commit.puts {
            if let Some((kind, id)) = key::parse_document(key).filter(|(kind, _)| wanted.kinds.contains(kind))
            {
                let document = decode_document(value)?;
                if self.door.sees(subject, &document) {
                    bytes += value.len();
                    changes.push(Change::Put(Box::new(document)));
                } else if self.saw(subject, commit, kind, id)? {
                    changes.push(Change::Gone { kind, id });
                }
            } else if let Some((kind, id)) =
                key::parse_trace(key).filter(|(kind, _)| wanted.kinds.contains(kind))
                && self.door.sees(subject, &decode_document(value)?)
            {
                changes.push(Change::Gone { kind, id });
            } else if wanted.events
                && let Some(at) = moment_of(key)
            {
                let stored: StoredEvent = decode(value)?;
                if stored.org == subject.org {
                    bytes += value.len();
                    changes.push(Change::Event(Box::new(on_bus(stored, at))));
                }
            }
        }
        for append in &commit.appends {
            let run = RunId(Uuid::from_bytes(append.stream.0));
            if wanted.lifecycle && self.sees_run(subject, run, seen)? {
                bytes += self.lifecycle(run, &append.records, changes)?;
            }
            if !wanted.run(run) || !self.sees_run(subject, run, seen)? {
                continue;
            }
            for record in &append.records {
                bytes += record.len();
                changes.push(Change::Run {
                    run,
                    event: Box::new(decode_event(record)?),
                });
            }
        }
        Ok(bytes)
    }

    /// Adds what a run's events are as CloudEvents; answers how many bytes they had.
    fn lifecycle(
        &self,
        run: RunId,
        records: &[Bytes],
        changes: &mut Vec<Change>,
    ) -> Result<usize, ServiceError> {
        let Some(about) = self.abouts.of(run)? else {
            return Ok(0);
        };
        let mut bytes = 0;
        for record in records {
            let event = decode_event(record)?;
            for made in derived(&about, &event) {
                bytes += record.len();
                changes.push(Change::Event(Box::new(BusEvent {
                    event: made.into(),
                    at: event.time,
                    run: Some(run),
                    by: String::new(),
                })));
            }
        }
        Ok(bytes)
    }

    /// Whether the subject saw the document as it was before this commit: its earlier revision is in the commit.
    fn saw(
        &self,
        subject: &Subject,
        commit: &Commit,
        kind: Kind,
        id: EntityId,
    ) -> Result<bool, ServiceError> {
        for (key, value) in &commit.puts {
            if key::parse_history(key) == Some((kind, id)) {
                let before: Document = decode_document(value)?;
                return Ok(self.door.sees(subject, &before));
            }
        }
        Ok(false)
    }

    fn sees_run(&self, subject: &Subject, run: RunId, seen: &mut Seen) -> Result<bool, ServiceError> {
        if let Some(known) = seen.get(&run) {
            return Ok(*known);
        }
        let found = self.records.get(Kind::WorkflowExecution, run.into())?;
        let sees = found.is_some_and(|found| self.door.sees(subject, &found.document));
        seen.insert(run, sees);
        Ok(sees)
    }
}
