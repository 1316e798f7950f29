//! Schedules as they are kept: their documents, the workflows they come from, rows of those that listen.

use std::collections::VecDeque;
use std::sync::Arc;

use dirigent_engine::{Listening, Workflow};
use dirigent_protocol::entity::{Document, Kind, Schedule, WorkflowVersion};
use dirigent_protocol::id::EntityId;
use dirigent_store::{CommitError, ScanRange, Store, Txn};
use jiff::Timestamp;

use crate::clock::Clock;
use crate::events::{ListenRow, decode, encode, schedule_key};
use crate::records::{Draft, RecordError, Records, Stored, delete, encode_value, key, put};
use crate::runtime::{Heard, RuntimeError, RuntimeHandle};

/// What may say when its runs begin by themselves.
const SCHEDULED: [Kind; 2] = [Kind::Workflow, Kind::Orchestration];
/// Due times that are told in advance, behind the next one.
const TOLD: usize = 3;

/// Why a schedule cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The store did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The store did not commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The workflow cannot be read.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// A schedule in hand.
pub(super) struct Kept {
    pub(super) workflow: Arc<Workflow>,
    pub(super) version: Document,
    pub(super) stored: Stored,
    pub(super) body: Schedule,
    /// What it has taken of the events it listens for, and behind which position it listens.
    pub(super) listening: Listening,
    pub(super) since: u64,
    /// Events that came and are not taken in yet, in order.
    pub(super) backlog: VecDeque<Heard>,
}

impl Kept {
    /// What is changed and written together.
    pub(super) fn memory(&self) -> (Schedule, Listening) {
        (self.body.clone(), self.listening.clone())
    }

    /// As it was.
    pub(super) fn recall(&mut self, before: (Schedule, Listening)) {
        (self.body, self.listening) = before;
    }
}

/// Reads and writes schedules.
pub(super) struct Book {
    pub(super) records: Records,
    pub(super) runtime: RuntimeHandle,
    pub(super) clock: Clock,
}

impl Book {
    pub(super) fn store(&self) -> &dyn Store {
        &**self.records.store()
    }

    /// Workflows and orchestrations that say `schedule`, and schedules there are.
    pub(super) fn candidates(&self) -> Result<Vec<EntityId>, RecordError> {
        let mut ids = Vec::new();
        for kind in SCHEDULED.into_iter().chain([Kind::Schedule]) {
            let mut after = None;
            loop {
                let page = self.records.all(kind, after, 200)?;
                let Some(last) = page.last() else { break };
                after = Some(last.document.metadata.id);
                let told = |stored: &&Stored| match kind {
                    Kind::Schedule => true,
                    Kind::Orchestration => !stored.document.spec["schedule"].is_null(),
                    _ => stored.document.spec["source"]
                        .as_str()
                        .is_some_and(|text| text.contains("schedule")),
                };
                ids.extend(page.iter().filter(told).map(|stored| stored.document.metadata.id));
            }
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// The schedule of a workflow as its newest version has it; its document is made, changed or deleted accordingly.
    pub(super) async fn sync(&self, id: EntityId) -> Result<Option<Kept>, BookError> {
        let known = self.records.get(Kind::Schedule, id)?;
        let Some((version, workflow)) = self.scheduled(id)? else {
            if let Some(known) = known {
                let mut txn = Txn {
                    deletes: vec![schedule_key(id)],
                    ..Txn::default()
                };
                delete(&mut txn, &known, (self.clock)())?;
                self.store().commit(txn).await?;
            }
            return Ok(None);
        };
        let before = known
            .as_ref()
            .and_then(|stored| stored.document.body::<Schedule>().ok());
        let body = described(id, &version, &workflow, before.as_ref(), (self.clock)());
        let same = before
            .as_ref()
            .is_some_and(|before| before.when == body.when && before.timezone == body.timezone);
        let draft = self.draft(id, &version)?;
        let row = self
            .store()
            .get(&schedule_key(id))
            .map_err(RecordError::from)?
            .map(|row| decode::<ListenRow>(&row.value))
            .transpose()?;
        let (listening, since) = self.listening(&workflow, row.filter(|_| same));
        let mut kept = Kept {
            workflow,
            version,
            stored: known.clone().unwrap_or_else(|| Stored::sole_writer(draft)),
            body,
            listening,
            since,
            backlog: VecDeque::new(),
        };
        if before.as_ref() != Some(&kept.body) {
            self.write(&mut kept, known.is_none(), Txn::default()).await?;
        }
        Ok(Some(kept))
    }

    fn listening(&self, workflow: &Workflow, row: Option<ListenRow>) -> (Listening, u64) {
        let fresh = || {
            workflow
                .schedule()
                .map(|schedule| schedule.fresh())
                .unwrap_or_default()
        };
        match row {
            Some(row) => {
                let state = row.state.and_then(|state| serde_json::from_value(state).ok());
                (state.unwrap_or_else(fresh), row.since.unwrap_or(0))
            }
            None => (fresh(), self.store().head().0),
        }
    }

    /// What has the schedule of that id.
    fn owner(&self, id: EntityId) -> Result<Option<Stored>, RecordError> {
        for kind in SCHEDULED {
            if let Some(found) = self.records.get(kind, id)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The newest version of a workflow, or of what an orchestration compiles to, if it has a schedule.
    fn scheduled(&self, id: EntityId) -> Result<Option<(Document, Arc<Workflow>)>, BookError> {
        let Some(draft) = self.owner(id)? else {
            return Ok(None);
        };
        let Some(value) = encode_value(&id.to_string().into()) else {
            return Ok(None);
        };
        let org = draft.document.metadata.org;
        let prefix = key::index_value(org, Kind::WorkflowVersion, "workflow", &value);
        let (rows, _) = self
            .records
            .rows(ScanRange::prefix(&prefix).reversed().limited(1))?;
        let Some(row) = rows.first() else { return Ok(None) };
        let Some(version) = self.records.get(Kind::WorkflowVersion, row.id)? else {
            return Ok(None);
        };
        let workflow = self.runtime.workflow(&version.document)?;
        Ok(workflow
            .schedule()
            .is_some()
            .then(|| (version.document, workflow.clone())))
    }

    fn draft(&self, id: EntityId, version: &Document) -> Result<Document, RecordError> {
        let workflow = self.owner(id)?;
        let name = workflow
            .as_ref()
            .map_or_else(|| id.to_string(), |stored| stored.document.metadata.name.clone());
        let owner = workflow.map_or(version.metadata.owner, |stored| stored.document.metadata.owner);
        Ok(Draft::of(Kind::Schedule, &name, serde_json::Value::Null)
            .id(id)
            .org(version.metadata.org)
            .owner(owner)
            .document((self.clock)()))
    }

    /// Writes a schedule's document with everything in the transaction, and its row where it listens.
    pub(super) async fn write(&self, kept: &mut Kept, new: bool, mut txn: Txn) -> Result<(), BookError> {
        let next = self.put(kept, new, &mut txn)?;
        self.store().commit(txn).await?;
        self.written(kept, next);
        Ok(())
    }

    /// Changes a schedule and writes it; what could not be written did not happen.
    pub(super) async fn change(&self, kept: &mut Kept, so: impl FnOnce(&mut Kept)) -> Result<(), BookError> {
        let before = kept.memory();
        so(kept);
        let written = self.write(kept, false, Txn::default()).await;
        if written.is_err() {
            kept.recall(before);
        }
        written
    }

    /// It is durable: what was put.
    pub(super) fn written(&self, kept: &mut Kept, next: Document) {
        kept.stored = Stored::sole_writer(next);
        self.runtime.bus_changed();
    }

    /// Puts a schedule's document and row into a transaction; the document.
    pub(super) fn put(&self, kept: &mut Kept, new: bool, txn: &mut Txn) -> Result<Document, BookError> {
        told(&mut kept.body, &kept.workflow, (self.clock)());
        let now = (self.clock)();
        let spec = serde_json::to_value(&kept.body).unwrap_or_default();
        let next = if new {
            Document {
                spec,
                ..kept.stored.document.clone()
            }
        } else {
            kept.stored.next(spec, now)
        };
        put(txn, (!new).then_some(&kept.stored), &next)?;
        let listens = kept
            .workflow
            .schedule()
            .is_some_and(|schedule| schedule.listens());
        let row = schedule_key(next.metadata.id);
        if listens {
            let value = ListenRow {
                org: next.metadata.org,
                patterns: kept
                    .workflow
                    .schedule()
                    .map(|schedule| schedule.patterns())
                    .unwrap_or_default(),
                since: Some(kept.since),
                state: serde_json::to_value(&kept.listening).ok(),
            };
            txn.puts.push((row, encode(&value)?));
        } else {
            txn.deletes.push(row);
        }
        Ok(next)
    }
}

/// A schedule's document as a version has it; what came of it so far stays.
fn described(
    id: EntityId,
    version: &Document,
    workflow: &Workflow,
    before: Option<&Schedule>,
    now: Timestamp,
) -> Schedule {
    let mut body = before.cloned().unwrap_or_default();
    let Some(schedule) = workflow.schedule() else {
        return body;
    };
    let digest = version
        .body::<WorkflowVersion>()
        .map(|version| version.digest)
        .unwrap_or_default();
    let (when, timezone) = (schedule.words(), schedule.zone().to_owned());
    if body.when != when || body.timezone != timezone {
        // Another schedule: what the one before missed is not made up for.
        body.since = Some(now);
        body.last_due = None;
    }
    body.workflow = id;
    body.workflow_name = workflow.name().to_owned();
    body.digest = digest;
    (body.when, body.timezone) = (when, timezone);
    body.missed = schedule.rules.missed.as_str().to_owned();
    body.overlap = schedule.rules.overlap.as_str().to_owned();
    told(&mut body, workflow, now);
    body
}

/// Fills in the due times that are to come.
fn told(body: &mut Schedule, workflow: &Workflow, now: Timestamp) {
    let (since, last) = (body.since.unwrap_or(now), body.last_due.unwrap_or(Timestamp::MIN));
    (body.next_due, body.then) = (None, Vec::new());
    if body.paused {
        return;
    }
    let Some(schedule) = workflow.schedule() else {
        return;
    };
    let mut at = now.max(last).max(since);
    while let Some(next) = schedule.next(at, since) {
        if body.next_due.is_none() {
            body.next_due = Some(next);
        } else {
            body.then.push(next);
        }
        if body.then.len() >= TOLD {
            break;
        }
        at = next;
    }
    if body.next_due.is_none()
        && let Some(after) = schedule.after()
        && body.last_run.is_none()
    {
        body.next_due = since.checked_add(after).ok();
    }
}
