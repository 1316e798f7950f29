//! One commit: events, documents, rows, audit and the remembered answer, all or none. Applied when durable.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use dirigent_protocol::command::CommandReply;
use dirigent_protocol::entity::{
    Conversation, Document, Progress, Quarantine, WorkflowExecution, WorkflowVersion,
};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{RunEvent, Status};
use dirigent_store::error::Conflict;
use dirigent_store::{Append, BlobId, CommitError, Guard, Key, ReadError, Txn};
use jiff::Timestamp;

use super::batch::Batch;
use super::driver::Driver;
use super::{in_hand, listens, log_lines};
use crate::records::{Actor, Audit, Stored, audit, encode_event, forget_later, put, remember, unchanged};
use crate::runtime::agent_use;
use crate::runtime::approvals::links::LINK_DAYS;
use crate::runtime::approvals::papers::{About, shown};
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::{body, unread};
use crate::runtime::reviews;
use crate::runtime::rows::{self, Snapshot, Unfinished};

/// A snapshot is worth its bytes after this many events where the run parks.
const PARK_EVENTS: usize = 32;
/// And always after this many bytes of events.
const SNAPSHOT_BYTES: usize = 256 << 10;
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// What a person did, for the audit and for the answer of their request.
pub(crate) struct Deed<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) action: &'static str,
    pub(crate) object: String,
    pub(crate) reply: CommandReply,
    /// More for the audit, in words.
    pub(crate) detail: String,
    /// The document of a run that begins.
    pub(crate) document: Option<Document>,
    /// The version the run goes on under, and its entity.
    pub(crate) version: Option<(EntityId, WorkflowVersion)>,
    /// A rule that is made with it.
    pub(crate) rule: Option<Document>,
    /// Documents that must still be as they were read.
    pub(crate) under: Vec<Stored>,
    /// What else it stands on.
    pub(crate) unless: Option<Guard>,
    /// A key that may be used once.
    pub(crate) once: Option<Key>,
    /// What its rows refer to.
    pub(crate) blobs: Vec<BlobId>,
    /// What else is written with it.
    pub(crate) beside: Option<Box<Txn>>,
}

impl<'a> Deed<'a> {
    /// A deed that is acknowledged and leaves nothing else behind.
    pub(crate) const fn new(actor: &'a Actor, action: &'static str, object: String) -> Self {
        Self {
            actor,
            action,
            object,
            reply: CommandReply::Accepted {},
            detail: String::new(),
            document: None,
            version: None,
            rule: None,
            under: Vec::new(),
            unless: None,
            once: None,
            blobs: Vec::new(),
            beside: None,
        }
    }
}

/// What became of a commit.
pub(crate) enum Committed {
    /// It is durable and applied.
    Applied,
    /// The same request was answered before; nothing changed.
    Replayed,
}

/// Why a commit was not made.
pub(crate) enum NotCommitted {
    /// Nothing changed; the driver goes on.
    Refused(RuntimeError),
    /// The events are more than a commit may hold; nothing changed, and a smaller decision may do.
    TooLarge(RuntimeError),
    /// The driver cannot go on.
    Broken(RuntimeError),
}

struct Prepared {
    txn: Txn,
    row: Option<Unfinished>,
    document: Option<Document>,
    snapshotted: bool,
}

impl Driver {
    /// Whose documents this run's are.
    pub(crate) fn about(&self, document: &Document) -> About {
        About {
            run: self.run.into(),
            org: document.metadata.org,
            owner: document.metadata.owner,
            workflow: self.workflow.name().to_owned(),
            started_by: document.spec["started_by"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        }
    }

    /// Makes a batch durable, applies it, and begins what it intends. A batch without events or deed is nothing.
    pub(crate) async fn commit(
        &mut self,
        mut batch: Batch,
        deed: Option<&Deed<'_>>,
        puts: Vec<(Key, Bytes)>,
    ) -> Result<Committed, NotCommitted> {
        if batch.events.is_empty() && deed.is_none() && puts.is_empty() && batch.papers.is_empty() {
            return Ok(Committed::Applied);
        }
        let now = (self.core.clock)();
        let pending = batch.papers.pending;
        let on_bus = !batch.papers.emitted.is_empty() || listens::changed(&self.state, &batch.state);
        let prepared = Box::pin(self.prepare(&mut batch, deed, now)).await;
        let mut prepared = prepared.map_err(NotCommitted::Refused)?;
        prepared.txn.puts.extend(puts);
        if Box::pin(self.submit(prepared.txn, deed.is_some())).await? {
            return Ok(Committed::Replayed);
        }
        if prepared.snapshotted {
            (batch.tally.events, batch.tally.bytes) = (0, 0);
        }
        self.core.ended.note(self.state.status(), batch.state.status());
        self.state = batch.state;
        self.tally = batch.tally;
        self.row = prepared.row;
        if let Some(in_hand) = batch.in_hand {
            self.core.figures.set(self.run, in_hand::counted(&in_hand));
            self.in_hand = in_hand;
        }
        if let Some(document) = prepared.document {
            self.document = Some(Stored::sole_writer(document));
        }
        let core = &self.core;
        if let Some(at) = self.state.started_at()
            && self.begins.take().is_some()
            && self.asked
        {
            core.gate.began(self.run, at);
        }
        core.approvals_pending.fetch_add(pending, Ordering::Relaxed);
        let waits = self.row.as_ref().and_then(|row| row.waits.clone());
        core.runs
            .update(self.run, (self.state.status(), self.quarantined), waits);
        core.timers.set(self.run, self.next_due(&self.state));
        if on_bus {
            core.bus.poke();
        }
        log_lines::tell(self.run, self.workflow.name(), &batch.events);
        self.act(&batch.events, batch.permits);
        self.tell(&batch.events);
        Ok(Committed::Applied)
    }

    async fn prepare(
        &self,
        batch: &mut Batch,
        deed: Option<&Deed<'_>>,
        now: Timestamp,
    ) -> Result<Prepared, RuntimeError> {
        let mut txn = Txn {
            fence: (*self.fence).clone(),
            reserve: deed.is_none_or(|deed| deed.document.is_none()),
            ..Txn::default()
        };
        let first = self.state.seq() + 1;
        txn.appends.extend(self.append(batch, first)?);
        let status = batch.state.status();
        let old = self.document.as_ref();
        let born = deed.and_then(|deed| deed.document.as_ref());
        let Some(base) = old.map(|stored| &stored.document).or(born) else {
            return Err(RuntimeError::Internal("a run without its document"));
        };
        batch.in_hand = in_hand::after(&self.in_hand, &batch.events);
        let row = self.unfinished(batch, base, now);
        let parks = row.as_ref().is_some_and(|row| row.parked);
        let mut document = None;
        let version = deed.and_then(|deed| deed.version.as_ref());
        let waits = |row: &Option<Unfinished>| row.as_ref().and_then(|row| row.waits.clone());
        let changed = waits(&row) != waits(&self.row)
            || version.is_some()
            || batch.tally.talk != self.tally.talk
            || self.core.runs.status(self.run) != Some(status);
        if old.is_none() || parks || status.is_final() || changed {
            let next = self.next_document(batch, (base, old), version, now)?;
            put(&mut txn, old, &next).map_err(unread)?;
            document = Some(next);
        }
        self.put_listens(batch, base.metadata.org, &mut txn)?;
        let snapshotted = self.put_rows(batch, row.as_ref(), parks, &mut txn).await?;
        self.put_begin(batch, base.metadata.org, row.as_ref(), &mut txn)?;
        self.put_used(batch, base.metadata.org, &mut txn).await?;
        batch.papers.file(&mut txn, now)?;
        if status.is_final() {
            let ended = (base, &batch.state);
            reviews::file(&mut txn, ended, &batch.events, &*self.core.chance, now)?;
        }
        txn.guards.append(&mut batch.guards);
        if let Some(deed) = deed {
            sign(&mut txn, deed, now)?;
            txn.blobs.extend(deed.blobs.iter().copied());
        }
        Ok(Prepared {
            txn,
            row,
            document,
            snapshotted,
        })
    }

    fn append(&self, batch: &mut Batch, first: u64) -> Result<Option<Append>, RuntimeError> {
        if batch.events.is_empty() {
            return Ok(None);
        }
        let encoded: Result<Vec<Bytes>, _> = batch
            .events
            .iter()
            .map(|event: &RunEvent| encode_event(event))
            .collect();
        let records = encoded.map_err(unread)?;
        batch.tally.bytes += records.iter().map(Bytes::len).sum::<usize>();
        Ok(Some(Append {
            stream: rows::stream(self.run),
            expected: first - self.base,
            records,
        }))
    }

    /// The run's row after this batch; none where it is over.
    fn unfinished(&self, batch: &Batch, base: &Document, now: Timestamp) -> Option<Unfinished> {
        let status = batch.state.status();
        (!status.is_final()).then(|| Unfinished {
            org: base.metadata.org,
            status,
            parked: self.own.is_empty() && self.may_park(&batch.state, now),
            due: self.next_due(&batch.state),
            pending: u32::try_from(batch.state.approvals().count() + batch.papers.asks.len()).ok(),
            asks: batch.papers.asks.clone(),
            quarantined: self.quarantined,
            place: self.place.clone(),
            waits: batch.state.waiting(),
            agents: in_hand::counted(batch.in_hand.as_ref().unwrap_or(&self.in_hand)),
        })
    }

    /// A run that begins: a rate remembers when; what it was given while it waited is not needed any more.
    fn put_begin(
        &self,
        batch: &Batch,
        org: EntityId,
        row: Option<&Unfinished>,
        txn: &mut Txn,
    ) -> Result<(), RuntimeError> {
        let waits = |row: &Unfinished| row.place.as_ref().is_some_and(|place| place.waits());
        if self.row.as_ref().is_some_and(waits) && !row.is_some_and(waits) {
            txn.deletes.push(rows::start_key(self.run));
        }
        let Some(Some(counted)) = self.begins else {
            return Ok(());
        };
        let begun = batch.state.started_at().zip(self.place.as_ref());
        if let Some((at, place)) = begun {
            txn.puts
                .push(rows::rate_row(org, &place.ask.definition, counted, at)?);
        }
        Ok(())
    }

    /// What its agents took. Outcomes are not lost because the state is being built again: this waits, as commits do.
    async fn put_used(&self, batch: &Batch, org: EntityId, txn: &mut Txn) -> Result<(), RuntimeError> {
        let settled = agent_use::settled(&self.state, &batch.events);
        loop {
            let mut own = Txn::default();
            match agent_use::put(&*self.core.store, (org, self.run), &settled, &mut own) {
                Ok(()) => {
                    txn.puts.append(&mut own.puts);
                    return Ok(());
                }
                Err(RuntimeError::Read(ReadError::Rebuilding { retry_after, .. })) => {
                    tokio::time::sleep(retry_after).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn put_rows(
        &self,
        batch: &Batch,
        row: Option<&Unfinished>,
        parks: bool,
        txn: &mut Txn,
    ) -> Result<bool, RuntimeError> {
        let Some(row) = row else {
            let keys = [
                rows::unfinished_key(self.run),
                rows::snapshot_key(self.run),
                rows::deaths_key(self.run),
            ];
            txn.deletes.extend(keys);
            txn.closes.push(rows::stream(self.run));
            return Ok(false);
        };
        if self.row.as_ref() != Some(row) {
            txn.puts
                .push((rows::unfinished_key(self.run), rows::encode(row)?));
        }
        let tally = &batch.tally;
        if !(parks && tally.events >= PARK_EVENTS || tally.bytes >= SNAPSHOT_BYTES) {
            return Ok(false);
        }
        let snapshot = Snapshot {
            state: batch.state.clone(),
            done: tally.done,
            at: tally.at.clone(),
        };
        let (bytes, blob) = rows::snapshot_row(&*self.core.store, row.org, &snapshot).await?;
        txn.puts.push((rows::snapshot_key(self.run), bytes));
        txn.blobs.extend(blob);
        Ok(true)
    }

    fn next_document(
        &self,
        batch: &Batch,
        (base, old): (&Document, Option<&Stored>),
        version: Option<&(EntityId, WorkflowVersion)>,
        now: Timestamp,
    ) -> Result<Document, RuntimeError> {
        let (state, tally) = (&batch.state, &batch.tally);
        let mut run: WorkflowExecution = body(base)?;
        if let Some((id, version)) = version {
            run.workflow_version = *id;
            run.digest.clone_from(&version.digest);
            run.version.clone_from(&version.version);
        }
        let known = u32::try_from(self.workflow.steps()).unwrap_or(u32::MAX);
        run.status = state.status();
        run.step.clone_from(&tally.at);
        run.progress = Progress {
            done: tally.done,
            total: known.max(tally.done),
        };
        run.started_at = state.started_at();
        run.ended_at = state.ended_at();
        run.usage = state.usage();
        run.budget = dirigent_engine::run_budget(&self.workflow, state);
        run.events = state.seq();
        run.waits = state.waiting();
        let talks_with = base.metadata.labels.get(Conversation::LABEL);
        run.conversation = talks_with.map(|agent| Conversation {
            agent: agent.clone(),
            ..tally.talk.clone()
        });
        run.quarantine = self.quarantined.then(|| {
            run.quarantine.take().unwrap_or(Quarantine {
                deaths: self.core.settings.max_crashes,
                since: Some(now),
            })
        });
        run.queue = self
            .queued(run.queue.take())
            .filter(|_| run.status == Status::Pending);
        run.output = state.output().map(|output| shown(&**output)).unwrap_or_default();
        run.error = state.error().map(shown).unwrap_or_default();
        let spec = serde_json::to_value(&run).unwrap_or_default();
        Ok(match old {
            Some(old) => old.next(spec, now),
            None => Document { spec, ..base.clone() },
        })
    }

    /// Whether the request had been answered before. Waits where the store asks for it, unless a person waits too.
    async fn submit(&self, txn: Txn, person: bool) -> Result<bool, NotCommitted> {
        loop {
            let error = match self.core.store.commit(txn.clone()).await {
                Ok(receipt) => return Ok(receipt.replayed),
                Err(error) => error,
            };
            match error {
                CommitError::TooLarge { .. } => return Err(NotCommitted::TooLarge(error.into())),
                CommitError::Conflict(Conflict::Stream { .. })
                | CommitError::Unknown
                | CommitError::Failed(_)
                | CommitError::Fenced { .. } => return Err(NotCommitted::Broken(error.into())),
                // What it stands on was changed by somebody.
                CommitError::Conflict(Conflict::Key { .. }) => {
                    return Err(NotCommitted::Refused(error.into()));
                }
                other if person => return Err(NotCommitted::Refused(other.into())),
                CommitError::Overloaded { retry_after } | CommitError::Rebuilding { retry_after } => {
                    tokio::time::sleep(retry_after).await
                }
                CommitError::Full => tokio::time::sleep(FULL_PAUSE).await,
                other => return Err(NotCommitted::Broken(other.into())),
            }
        }
    }
}

/// What a person's deed leaves behind: its audit, a rule, what it stands on, the remembered answer.
fn sign(txn: &mut Txn, deed: &Deed<'_>, now: Timestamp) -> Result<(), RuntimeError> {
    let request = deed.actor.request.to_string();
    let record = Audit {
        request: Some(&request),
        detail: &deed.detail,
        ..Audit::allowed(&deed.actor.subject, deed.action, &deed.object)
    };
    audit(txn, now, &record).map_err(unread)?;
    if let Some(rule) = &deed.rule {
        let made = format!("{}/{}", rule.kind, rule.metadata.name);
        let record = Audit {
            request: Some(&request),
            ..Audit::allowed(&deed.actor.subject, "create", &made)
        };
        audit(txn, now, &record).map_err(unread)?;
        put(txn, None, rule).map_err(unread)?;
    }
    for read in &deed.under {
        unchanged(txn, read);
    }
    txn.guards.extend(deed.unless.clone());
    if let Some(beside) = deed.beside.as_deref() {
        txn.guards.extend_from_slice(&beside.guards);
        txn.deletes.extend_from_slice(&beside.deletes);
        txn.puts.extend_from_slice(&beside.puts);
    }
    if let Some(once) = &deed.once {
        txn.guards.push(Guard::Absent(once.clone()));
        txn.puts.push((once.clone(), Bytes::new()));
        forget_later(txn, once, now, LINK_DAYS);
    }
    remember(txn, deed.actor.key, &deed.reply, now).map_err(unread)?;
    Ok(())
}

/// Where a run stands once a deed is done, for its answer.
pub(crate) fn started(run: dirigent_protocol::id::RunId, status: Status) -> CommandReply {
    CommandReply::RunStarted {
        run,
        existing: false,
        status,
    }
}
