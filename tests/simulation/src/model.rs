//! The reference model: what was asked of the store, what it acknowledged, what was answered to people, what was
//! performed. Every method says what must not be; nothing here is the product's own code but the decoder of events and
//! the engine's fold, which is compared with itself.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use dirigent_daemon::runtime::Call;
use dirigent_engine::{RunState, apply};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, EffectId, EventBody, RunEvent};
use dirigent_store::{
    Append, Budget, Commit, Feed, FeedItem, Key, Position, ScanRange, Store, StreamId, Txn,
};
use uuid::Uuid;

use crate::run_model::RunModel;

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
    requests: BTreeMap<[u8; 16], u64>,
    pub(crate) runs: BTreeMap<RunId, RunModel>,
    /// What the runs that people wanted became.
    pub(crate) started: Vec<Option<RunId>>,
    /// Who was told that their decision counts.
    told: BTreeMap<EntityId, String>,
    pub(crate) seen: u64,
    pub(crate) performed: u64,
}

fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn run_of(stream: StreamId) -> RunId {
    RunId(Uuid::from_bytes(stream.0))
}

impl Model {
    pub(crate) fn new(runs: usize) -> Self {
        Self {
            submitted: BTreeSet::new(),
            acked: BTreeMap::new(),
            keys: BTreeMap::new(),
            requests: BTreeMap::new(),
            runs: BTreeMap::new(),
            started: vec![None; runs],
            told: BTreeMap::new(),
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
        for Append {
            stream,
            expected,
            records,
        } in &content.appends
        {
            let id = run_of(*stream);
            let run = self.runs.entry(id).or_insert_with(|| RunModel::new(id));
            for (seq, record) in (*expected..).zip(records) {
                events.push((id, run.append(seq, record)?));
            }
        }
        Ok(events)
    }

    /// Somebody begins to perform an effect; answers the how manieth time.
    pub(crate) fn perform(&mut self, call: &Call) -> Result<u32, String> {
        self.performed += 1;
        let run = self.runs.get_mut(&call.run);
        run.ok_or_else(|| {
            format!(
                "an effect of {} is performed, but the run is not durable",
                call.run
            )
        })?
        .perform(call)
    }

    /// Somebody who wanted a run was told which one it is.
    pub(crate) fn answer_start(&mut self, at: usize, run: RunId) -> Result<(), String> {
        must(self.runs.contains_key(&run), || {
            format!("a start was answered with {run}, which is not durable")
        })?;
        let known = *self.started[at].get_or_insert(run);
        must(known == run, || {
            format!("one request started two runs: {known} and {run}")
        })
    }

    /// Somebody was told that a run is being cancelled.
    pub(crate) fn answer_cancel(&self, run: RunId) -> Result<(), String> {
        let known = &self.runs[&run];
        must(known.cancelling || known.ended, || {
            format!("a cancel of {run} was acknowledged, but is not durable")
        })
    }

    /// Somebody was told that their decision counts.
    pub(crate) fn answer_decision(&mut self, run: RunId, approval: EntityId, by: &str) -> Result<(), String> {
        let asked = self.runs[&run].approvals.get(&approval);
        let record = asked.and_then(|asked| asked.decided.as_ref());
        let record = record.ok_or_else(|| format!("{by} decided {approval}, but that is not durable"))?;
        must(record.by == by && record.decision != Decision::Expire, || {
            format!("{by} was told that their decision of {approval} counts; the journal has {record:?}")
        })?;
        let first = self.told.entry(approval).or_insert_with(|| by.to_owned());
        must(first == by, || {
            format!("{first} and {by} both decided {approval}")
        })
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
                    let event = dirigent_daemon::records::decode_event(&data).map_err(|e| e.to_string())?;
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
        each.flat_map(|(id, run)| {
            let open = run.approvals.iter();
            open.filter(|(_, asked)| asked.decided.is_none() && !asked.withdrawn)
                .map(|(approval, _)| (*id, *approval))
        })
        .collect()
    }

    /// Effects about which a person is asked.
    pub(crate) fn parked(&self) -> Vec<(RunId, EffectId)> {
        let each = self.runs.iter().filter(|(_, run)| !run.ended);
        each.flat_map(|(id, run)| {
            let parked = run.effects.iter().filter(|(_, known)| known.parked);
            parked.map(|(effect, _)| (*id, *effect))
        })
        .collect()
    }

    pub(crate) fn suspended(&self) -> Vec<RunId> {
        let each = self.runs.iter().filter(|(_, run)| run.suspended && !run.ended);
        each.map(|(id, _)| *id).collect()
    }

    /// Whoever wanted a run knows which it is, and every run is over.
    pub(crate) fn is_done(&self) -> bool {
        self.started.iter().all(Option::is_some) && self.runs.values().all(|run| run.ended)
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
