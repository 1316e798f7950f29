//! The reference model: what was asked of the store, what it acknowledged, what was answered to people, what was
//! performed. Every method says what must not be; nothing here is the product's own code but the decoder of events and
//! the engine's fold, which is compared with itself. What depends on the order of commits is looked at by the audit,
//! which reads the feed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use dirigent_daemon::records::decode_event;
use dirigent_daemon::records::key::parse_document;
use dirigent_daemon::runtime::Call;
use dirigent_engine::{RunState, apply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{EffectId, EventBody, RunEvent};
use dirigent_store::{
    Append, Budget, Commit, Feed, FeedItem, Key, Position, ScanRange, Store, StreamId, Txn,
};
use uuid::Uuid;

use crate::audit::Audit;
use crate::bus;
use crate::hearing::Strategy;
use crate::must;
use crate::plan::Plan;
use crate::run_model::{Definitions, RunModel};

/// What a commit holds.
#[derive(Clone)]
pub(crate) struct Content {
    puts: Vec<(Key, Bytes)>,
    deletes: Vec<Key>,
    appends: Vec<Append>,
    request: Option<[u8; 16]>,
    name: u64,
}

impl Content {
    pub(crate) fn of(txn: &Txn) -> Self {
        Self::new(&txn.puts, &txn.deletes, &txn.appends, txn.request.map(|r| r.id))
    }

    fn stored(commit: &Commit) -> Self {
        let request = commit.request.map(|r| r.id);
        Self::new(&commit.puts, &commit.deletes, &commit.appends, request)
    }

    fn new(puts: &[(Key, Bytes)], deletes: &[Key], appends: &[Append], request: Option<[u8; 16]>) -> Self {
        let mut hasher = DefaultHasher::new();
        request.hash(&mut hasher);
        puts.hash(&mut hasher);
        deletes.hash(&mut hasher);
        for append in appends {
            (append.stream.0, append.expected, &append.records).hash(&mut hasher);
        }
        Self {
            puts: puts.to_vec(),
            deletes: deletes.to_vec(),
            appends: appends.to_vec(),
            request,
            name: hasher.finish(),
        }
    }
}

pub(crate) struct Model {
    submitted: BTreeSet<u64>,
    /// Name of the content at each position that anybody was told of.
    acked: BTreeMap<u64, u64>,
    keys: BTreeMap<Key, Bytes>,
    /// Where each request changed something.
    pub(crate) requests: BTreeMap<[u8; 16], u64>,
    definitions: Definitions,
    pub(crate) runs: BTreeMap<RunId, RunModel>,
    /// Whose each idempotency key is.
    intents: BTreeMap<String, (RunId, EffectId)>,
    /// Effects that are being performed.
    at_work: BTreeSet<(RunId, EffectId)>,
    /// What the runs that people wanted became.
    pub(crate) started: Vec<Option<RunId>>,
    /// What came of going on from runs.
    pub(crate) gone_on: Vec<GoneOn>,
    /// Which of the events that people wanted to publish are on the bus.
    pub(crate) published: Vec<bool>,
    /// Schedules that still begin runs.
    schedules: BTreeSet<EntityId>,
    pub(crate) audit: Audit,
    pub(crate) seen: u64,
    pub(crate) performed: u64,
}

/// What came of going on from a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoneOn {
    /// Nobody has heard.
    Open,
    /// It is this run.
    As(RunId),
    /// It cannot be gone on from there.
    Refused,
}

fn run_of(stream: StreamId) -> RunId {
    RunId(Uuid::from_bytes(stream.0))
}

impl Model {
    pub(crate) fn new(plan: &Plan) -> Self {
        let definitions = plan.library.definitions();
        Self {
            submitted: BTreeSet::new(),
            acked: BTreeMap::new(),
            keys: BTreeMap::new(),
            requests: BTreeMap::new(),
            audit: Audit::new(&plan.library),
            definitions,
            runs: BTreeMap::new(),
            intents: BTreeMap::new(),
            at_work: BTreeSet::new(),
            started: vec![None; plan.runs.len()],
            gone_on: vec![GoneOn::Open; plan.agains.len()],
            published: vec![false; plan.events.len()],
            schedules: plan.library.scheduled.iter().copied().collect(),
            seen: 0,
            performed: 0,
        }
    }

    pub(crate) fn submit(&mut self, content: &Content) {
        self.submitted.insert(content.name);
    }

    /// The store said that this is durable at that position. Answers the events that are durable by it.
    pub(crate) fn acknowledge(
        &mut self,
        position: u64,
        content: &Content,
    ) -> Result<Vec<(RunId, RunEvent)>, String> {
        must(self.acked.insert(position, content.name).is_none(), || {
            format!("position {position} is acknowledged twice")
        })?;
        if let Some(request) = content.request {
            let before = self.requests.insert(request, position);
            must(before.is_none(), || {
                format!("one request changed something at {before:?} and at {position}")
            })?;
        }
        let mut events = Vec::new();
        for append in &content.appends {
            let id = run_of(append.stream);
            for (seq, record) in (append.expected..).zip(&append.records) {
                let event = self.append(id, seq, record)?;
                self.key(id, &event.body)?;
                self.quiet(id, &event.body)?;
                events.push((id, event));
            }
        }
        for (key, _) in &content.puts {
            // A run that waits for its turn has no events yet.
            if let Some((Kind::WorkflowExecution, id)) = parse_document(key) {
                let run = RunId::from(id);
                self.runs.entry(run).or_insert_with(|| RunModel::new(run));
            }
        }
        Ok(events)
    }

    fn append(&mut self, id: RunId, seq: u64, record: &Bytes) -> Result<RunEvent, String> {
        if !self.runs.contains_key(&id) {
            let born = self.born(id, record)?;
            self.runs.insert(id, born);
        }
        let run = self.runs.get_mut(&id).ok_or("no such run")?;
        run.append(seq, record, &self.definitions)
    }

    /// A run before the first event of its own.
    fn born(&self, id: RunId, first: &Bytes) -> Result<RunModel, String> {
        let first = decode_event(first).map_err(|e| e.to_string())?;
        match first.body {
            EventBody::WorkflowForked { origin, at, .. } => {
                let past = self.journal(origin, at)?;
                RunModel::behind(id, (origin, at), &past, &self.definitions)
            }
            _ => Ok(RunModel::new(id)),
        }
    }

    /// The first so many events of a run, with those it has from others.
    fn journal(&self, run: RunId, most: u64) -> Result<Vec<Bytes>, String> {
        let known = self
            .runs
            .get(&run)
            .ok_or_else(|| format!("{run} is not durable"))?;
        let mut events = match known.origin {
            Some((origin, at)) => self.journal(origin, at.min(most))?,
            None => Vec::new(),
        };
        let rest = usize::try_from(most).unwrap().saturating_sub(events.len());
        events.extend(known.records.iter().take(rest).cloned());
        must(events.len() as u64 == most, || {
            format!("{run} has {} events, not {most}", events.len())
        })?;
        Ok(events)
    }

    /// Every effect has a key of its own, whatever run it is of and whatever that run comes from.
    fn key(&mut self, run: RunId, body: &EventBody) -> Result<(), String> {
        let EventBody::EffectIntended { effect, key, .. } = body else {
            return Ok(());
        };
        let known = *self.intents.entry(key.clone()).or_insert((run, *effect));
        must(known == (run, *effect), || {
            format!(
                "{key} is the key of {known:?} and of effect {} of {run}",
                effect.0
            )
        })
    }

    /// A run is undone and cancelled only when nothing of it is left running.
    fn quiet(&self, run: RunId, body: &EventBody) -> Result<(), String> {
        let ends = matches!(
            body,
            EventBody::WorkflowCancelled { .. } | EventBody::WorkflowCompensating { .. }
        );
        let open = |effect: &EffectId| self.runs[&run].ledger.is_open(*effect);
        let mut at_work = self.at_work.iter().filter(|_| ends);
        // What lost a race is settled by the winner's commit, and stops by itself.
        let runs_on = at_work.find(|(of, effect)| *of == run && open(effect));
        must(runs_on.is_none(), || {
            format!("{run}: {} while {runs_on:?} is being performed", body.name())
        })
    }

    /// Somebody begins to perform an effect; answers the how manieth time.
    pub(crate) fn perform(&mut self, call: &Call) -> Result<u32, String> {
        self.performed += 1;
        self.at_work.insert((call.run, call.effect));
        self.run_of(call)?.perform(call)
    }

    /// Nobody performs it any more.
    pub(crate) fn rests(&mut self, run: RunId, effect: EffectId) {
        self.at_work.remove(&(run, effect));
    }

    /// It happens outside, whatever becomes known of it.
    pub(crate) fn happens(&mut self, call: &Call) -> Result<(), String> {
        self.run_of(call)?.happens(call)
    }

    /// A model is called so often by it.
    pub(crate) fn bills(&mut self, call: &Call, calls: u64) -> Result<(), String> {
        self.run_of(call)?.bills(call, calls)
    }

    fn run_of(&mut self, call: &Call) -> Result<&mut RunModel, String> {
        let run = call.run;
        let known = self.runs.get_mut(&run);
        known.ok_or_else(|| format!("an effect of {run} is performed, but the run is not durable"))
    }

    /// Somebody looks whether an effect happened, and is told.
    pub(crate) fn look_up(&mut self, run: RunId, key: &str, tells: bool) -> Option<bool> {
        let known = self.runs.get_mut(&run)?;
        let found = tells.then(|| known.ledger.has_happened(key));
        known.ledger.say(key, found);
        found
    }

    /// A watcher sees a commit.
    pub(crate) fn watch(&mut self, commit: &Commit) -> Result<(), String> {
        let position = commit.position.0;
        must(position == self.seen + 1, || {
            format!("a watcher at {} is shown {position}", self.seen)
        })?;
        self.seen = position;
        self.known(commit).map(drop)
    }

    fn known(&self, commit: &Commit) -> Result<Content, String> {
        let (position, content) = (commit.position.0, Content::stored(commit));
        must(self.submitted.contains(&content.name), || {
            format!("nobody asked for what is at {position}")
        })?;
        let acked = self.acked.get(&position);
        must(acked.is_none_or(|name| *name == content.name), || {
            format!("at {position} is not what was acknowledged there")
        })?;
        Ok(content)
    }

    /// The store was opened again: everything that anybody was told of is in it, and nothing that nobody asked for.
    pub(crate) fn reopen(&mut self, store: &dyn Store) -> Result<(), String> {
        let head = store.head().0;
        let last = self.acked.last_key_value().map_or(0, |(position, _)| *position);
        self.at_work.clear();
        must(last <= head, || {
            format!("commit {last} was acknowledged, but the head is {head}")
        })?;
        must(self.seen <= head, || {
            format!("a watcher saw commit {}, but the head is {head}", self.seen)
        })?;
        self.keys.clear();
        let mut cursor = Position(0);
        while cursor.0 < head {
            let page = store
                .read(Feed::All, cursor, Budget::default())
                .map_err(|e| e.to_string())?;
            must(!page.items.is_empty(), || {
                format!("the feed ends at {}", cursor.0)
            })?;
            for item in &page.items {
                let FeedItem::Commit(commit) = item else { continue };
                cursor = cursor.next();
                must(commit.position == cursor, || {
                    format!("the feed has a gap at {}", cursor.0)
                })?;
                let content = self.known(commit)?;
                for key in &content.deletes {
                    self.keys.remove(key);
                }
                self.keys.extend(content.puts.iter().cloned());
                if !self.acked.contains_key(&cursor.0) {
                    self.acknowledge(cursor.0, &content)?;
                }
                self.audit.commit(commit)?;
            }
        }
        self.compare(store)
    }

    /// The state is that of the journal, and every run folds to the same bytes.
    pub(crate) fn compare(&self, store: &dyn Store) -> Result<(), String> {
        let mut range = ScanRange::prefix(b"");
        let mut found = BTreeMap::new();
        loop {
            let page = store.scan(range.clone()).map_err(|e| e.to_string())?;
            found.extend(page.items.into_iter().map(|(key, v)| (key, v.value)));
            match page.next {
                Some(next) => range = range.after(next),
                None => break,
            }
        }
        must(found == self.keys, || {
            "the state is not what the journal says".to_owned()
        })?;
        for (id, run) in &self.runs {
            let mut replayed = RunState::new(*id);
            if let Some((origin, at)) = run.origin {
                for record in self.journal(origin, at)? {
                    apply(&mut replayed, &decode_event(&record).map_err(|e| e.to_string())?);
                }
            }
            let mut cursor = Position(0);
            let mut records = Vec::new();
            while (cursor.0 as usize) < run.records.len() {
                let page = store
                    .read(Feed::Stream(StreamId(id.bytes())), cursor, Budget::default())
                    .map_err(|e| e.to_string())?;
                must(!page.items.is_empty(), || {
                    format!("the journal of {id} ends at {}", cursor.0)
                })?;
                for item in page.items {
                    let FeedItem::Record { data, .. } = item else {
                        continue;
                    };
                    let event = decode_event(&data).map_err(|e| e.to_string())?;
                    apply(&mut replayed, &event);
                    records.push(data);
                }
                cursor = page.next;
            }
            must(records == run.records, || {
                format!("the journal of {id} has changed")
            })?;
            let bytes = |state: &RunState| serde_json::to_string(state).unwrap();
            must(bytes(&replayed) == bytes(&run.state), || {
                format!("{id} folds to another state than before")
            })?;
        }
        Ok(())
    }

    /// Approvals that wait for a person.
    pub(crate) fn waiting(&self) -> Vec<(RunId, EntityId)> {
        let each = self.runs.iter().filter(|(_, run)| !run.ended);
        each.flat_map(|(id, run)| run.questions.waiting().map(|approval| (*id, approval)))
            .collect()
    }

    /// Effects about which a person is asked.
    pub(crate) fn parked(&self) -> Vec<(RunId, EffectId)> {
        let each = self.runs.iter().filter(|(_, run)| !run.ended);
        each.flat_map(|(id, run)| run.ledger.parked().map(|effect| (*id, effect)))
            .collect()
    }

    pub(crate) fn suspended(&self) -> Vec<RunId> {
        let each = self.runs.iter().filter(|(_, run)| run.suspended && !run.ended);
        each.map(|(id, _)| *id).collect()
    }

    /// Whoever wanted something knows what came of it.
    pub(crate) fn all_answered(&self) -> bool {
        self.started.iter().all(Option::is_some)
            && !self.gone_on.contains(&GoneOn::Open)
            && self.published.iter().all(|known| *known)
            && self.schedules.is_empty()
    }

    /// A schedule begins no more runs.
    pub(crate) fn steered(&mut self, schedule: EntityId) {
        self.schedules.remove(&schedule);
    }

    /// Whoever wanted something knows what came of it, and every run is over.
    pub(crate) fn is_done(&self) -> bool {
        self.all_answered() && self.runs.values().all(|run| run.ended)
    }

    /// How those listen that listen now.
    pub(crate) fn hearing(&self) -> Vec<Strategy> {
        let each = self.runs.values().filter(|run| !run.ended);
        each.flat_map(|run| {
            let steps = run.state.listens().filter_map(|(frame, _)| {
                let mut frames = run.state.frames();
                Some(frames.find(|(id, _)| *id == frame)?.1.step.pointer.clone())
            });
            steps.map(|step| bus::strategy(&run.definition, &step))
        })
        .collect()
    }

    /// Runs that are not over.
    pub(crate) fn open(&self) -> Vec<RunId> {
        let each = self.runs.iter().filter(|(_, run)| !run.ended);
        each.map(|(id, _)| *id).collect()
    }

    pub(crate) fn names(events: &[(RunId, RunEvent)]) -> String {
        let each: Vec<String> = events
            .iter()
            .map(|(run, event)| format!("{}:{} {}", run.short(), event.seq, Self::told(&event.body)))
            .collect();
        each.join(", ")
    }

    fn told(body: &EventBody) -> String {
        match body.step() {
            Some(step) => format!("{} {step}", body.name()),
            None => body.name().to_owned(),
        }
    }
}
