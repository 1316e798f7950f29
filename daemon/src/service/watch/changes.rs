//! One commit as changes for one subject.

use std::collections::HashSet;

use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::watch::{Change, WatchFilter};
use dirigent_store::Commit;
use uuid::Uuid;

use super::super::core::Service;
use super::super::error::ServiceError;
use crate::records::{decode_document, decode_event, key};

/// What is watched, ready to be asked.
pub(super) struct Wanted {
    kinds: HashSet<Kind>,
    runs: HashSet<RunId>,
    all_runs: bool,
}

impl Wanted {
    pub(super) fn new(filter: &WatchFilter) -> Self {
        Self {
            kinds: filter.kinds.iter().copied().collect(),
            runs: filter.runs.iter().copied().collect(),
            all_runs: filter.all_runs,
        }
    }

    fn run(&self, run: RunId) -> bool {
        self.all_runs || self.runs.contains(&run)
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
            }
        }
        for append in &commit.appends {
            let run = RunId(Uuid::from_bytes(append.stream.0));
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
