//! The desk that delivers: it reads the store's feed in order, keeps the index of who listens, and hands each event to
//! those who listened when it came.
//!
//! Invariants: (1) what a listener is handed comes in the order of the bus; (2) the noted position is never beyond an
//! event that somebody has not made durable, so that after a crash it is handed out again (listeners know what they
//! took); (3) no run that does not listen is looked at.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::Payload;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::BusPosition;
use dirigent_store::{Budget, Commit, Feed, FeedItem, Position, ReadError, ScanRange, Txn};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;
use uuid::Uuid;

use super::ack::{Ack, Word};
use super::bell::{BusNews, Heard};
use crate::events::{
    Abouts, CURSOR, Index, LISTENS, ListenRow, Listener, Offer, SCHEDULES, StoredEvent, decode, derived,
    encode, listener_of, moment_of, sweep,
};
use crate::records::{decode_event, key};
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::unread;
use crate::runtime::run::message::{Delivery, Message};

const PAGE: Budget = Budget {
    items: 256,
    bytes: 2 << 20,
};
/// Most commits with deliveries that nobody has acknowledged yet.
const MAX_OPEN: usize = 10_000;
/// While nobody asks for more, the feed is read this often.
const LAZY: Duration = Duration::from_millis(100);
/// Lifecycle events are read this soon behind their commits.
const EAGER: Duration = Duration::from_millis(2);
/// The position is noted at most this often,
const NOTE: Duration = Duration::from_secs(1);
/// and without a delivery after this many commits.
const NOTE_COMMITS: u64 = 10_000;
/// How often a delivery is made that comes back.
const MAX_ATTEMPTS: u32 = 5;
const AGAIN: Duration = Duration::from_secs(1);
const SWEEP: Duration = Duration::from_secs(600);
/// Places of derived events lie behind those of published ones.
const DERIVED: u32 = 1 << 31;

/// See the module header.
pub(crate) struct Desk {
    core: Arc<Core>,
    index: Index,
    abouts: Abouts,
    at: Position,
    noted: Position,
    noted_at: Instant,
    /// Something was delivered behind the noted position.
    delivered: bool,
    open: BTreeMap<u64, usize>,
    attempts: HashMap<u64, u32>,
    words: UnboundedReceiver<Word>,
    mouth: UnboundedSender<Word>,
    swept_at: Instant,
}

impl Desk {
    /// Goes on where the process before it was.
    pub(crate) fn open(core: &Arc<Core>) -> Result<Self, RuntimeError> {
        let (mouth, words) = unbounded_channel();
        let mut desk = Self {
            core: core.clone(),
            index: Index::default(),
            abouts: Abouts::new(core.records.clone()),
            at: Position(0),
            noted: Position(0),
            noted_at: Instant::now(),
            delivered: false,
            open: BTreeMap::new(),
            attempts: HashMap::new(),
            words,
            mouth,
            swept_at: Instant::now(),
        };
        desk.read_listeners()?;
        desk.at = match core.store.get(CURSOR)? {
            Some(found) => Position(decode(&found.value).map_err(unread)?),
            // Nothing was ever noted. Where nobody listens, nobody missed anything; else the store is young.
            None if desk.index.is_empty() => core.store.head(),
            None => Position(0),
        };
        desk.noted = desk.at;
        Ok(desk)
    }

    fn read_listeners(&mut self) -> Result<(), RuntimeError> {
        for prefix in [LISTENS, SCHEDULES] {
            let mut range = ScanRange::prefix(prefix);
            loop {
                let page = self.core.store.scan(range.clone())?;
                for (key, found) in page.items {
                    self.listener(&key, &found.value, found.revision)?;
                }
                match page.next {
                    Some(next) => range = range.after(next),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// Delivers for ever.
    pub(crate) async fn serve(mut self) {
        loop {
            if let Err(error) = Box::pin(self.round()).await {
                tracing::warn!(%error, "events could not be delivered; it is tried again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    async fn round(&mut self) -> Result<(), RuntimeError> {
        self.catch_up().await?;
        self.hear_all().await;
        let due = self.delivered || self.low().0.saturating_sub(self.noted.0) >= NOTE_COMMITS;
        if due && self.noted_at.elapsed() >= NOTE && self.low() > self.noted {
            self.note().await?;
        }
        if self.swept_at.elapsed() >= SWEEP {
            self.swept_at = Instant::now();
            match sweep(&*self.core.store, (self.core.clock)()).await {
                Ok(0) => {}
                Ok(events) => tracing::debug!(events, "old events are gone"),
                Err(error) => tracing::warn!(%error, "old events were not deleted"),
            }
        }
        self.rest(due).await;
        Ok(())
    }

    /// Waits until there may be something to do.
    async fn rest(&mut self, due: bool) {
        let pause = if self.index.wants_lifecycle() { EAGER } else { LAZY };
        let (core, at) = (self.core.clone(), self.at);
        let something = async {
            core.store.wait(at, Duration::from_secs(3_600)).await;
            tokio::time::sleep(pause).await;
        };
        let word = tokio::select! {
            word = self.words.recv() => word,
            () = core.bus.poked() => None,
            () = something => None,
            () = tokio::time::sleep(NOTE), if due || !self.open.is_empty() => None,
        };
        if let Some(word) = word {
            self.hear(word).await;
        }
    }

    async fn catch_up(&mut self) -> Result<(), RuntimeError> {
        loop {
            while self.open.len() >= MAX_OPEN {
                if let Some(word) = self.words.recv().await {
                    self.hear(word).await;
                }
            }
            let page = match self.core.store.read(Feed::All, self.at, PAGE) {
                Ok(page) => page,
                Err(ReadError::Compacted { .. }) => return self.leap(),
                Err(error) => return Err(error.into()),
            };
            if page.items.is_empty() {
                self.at = self.at.max(page.next);
                return Ok(());
            }
            for item in page.items {
                let FeedItem::Commit(commit) = item else { continue };
                self.commit(&commit)?;
                self.at = commit.position;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The feed no longer reaches back: events that are kept are taken from their rows. What runs did in between is
    /// not told any more.
    fn leap(&mut self) -> Result<(), RuntimeError> {
        let head = self.core.store.head();
        tracing::warn!(
            from = self.at.0,
            to = head.0,
            "the feed was cut: lifecycle events in between are not delivered"
        );
        let mut missed: BTreeMap<u64, Vec<StoredEvent>> = BTreeMap::new();
        let mut range = ScanRange::prefix(b"Ee").limited(64);
        loop {
            let page = self.core.store.scan(range.clone())?;
            for (_, found) in page.items {
                if found.revision > self.at.0 && found.revision <= head.0 {
                    let stored = decode(&found.value).map_err(unread)?;
                    missed.entry(found.revision).or_default().push(stored);
                }
            }
            match page.next {
                Some(next) => range = range.after(next),
                None => break,
            }
        }
        for (commit, events) in missed {
            self.published(commit, events);
        }
        self.read_listeners()?;
        self.at = head;
        Ok(())
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), RuntimeError> {
        for key in &commit.deletes {
            match key.first() {
                Some(b'E') => {
                    if let Some(listener) = listener_of(key) {
                        self.index.remove(listener);
                    }
                }
                Some(b'd') => self.document(key),
                _ => {}
            }
        }
        let mut events = Vec::new();
        for (key, value) in &commit.puts {
            match key.first() {
                Some(b'E') if moment_of(key).is_some() => events.push(decode(value).map_err(unread)?),
                Some(b'E') => self.listener(key, value, commit.position.0)?,
                Some(b'd') => self.document(key),
                _ => {}
            }
        }
        self.published(commit.position.0, events);
        if self.index.wants_lifecycle() {
            self.derive(commit)?;
        }
        Ok(())
    }

    fn listener(&mut self, key: &[u8], value: &[u8], position: u64) -> Result<(), RuntimeError> {
        if let Some(listener) = listener_of(key) {
            let row: ListenRow = decode(value).map_err(unread)?;
            self.index.insert(listener, row, position);
        }
        Ok(())
    }

    fn document(&self, key: &[u8]) {
        if (key.starts_with(b"dWorkflow\0") || key.starts_with(b"dOrchestration\0"))
            && let Some((_, id)) = key::parse_document(key)
        {
            self.core.bus.tell(BusNews::Workflow(id));
        }
    }

    fn published(&mut self, commit: u64, events: Vec<StoredEvent>) {
        for (index, stored) in (0_u32..).zip(events) {
            let offer = Offer {
                org: stored.org,
                event: &stored.event,
                commit,
                from: stored.run.map(|run| (run, stored.seq)),
                lifecycle: false,
            };
            let found = self.index.find(&offer);
            self.deliver(BusPosition { commit, index }, &stored.event, found);
        }
    }

    fn derive(&mut self, commit: &Commit) -> Result<(), RuntimeError> {
        let mut place = 0_u32;
        for append in &commit.appends {
            let run = RunId(Uuid::from_bytes(append.stream.0));
            let Some(about) = self.abouts.of(run).map_err(unread)? else {
                continue;
            };
            for record in &append.records {
                let event = decode_event(record).map_err(unread)?;
                for made in derived(&about, &event) {
                    // The same place whenever the commit is looked at.
                    let index = DERIVED | place;
                    place += 1;
                    let offer = Offer {
                        org: about.org,
                        event: &made,
                        commit: commit.position.0,
                        from: Some((run, event.seq)),
                        lifecycle: true,
                    };
                    let found = self.index.find(&offer);
                    let at = BusPosition {
                        commit: commit.position.0,
                        index,
                    };
                    self.deliver(at, &Arc::new(made), found);
                }
            }
        }
        Ok(())
    }

    fn deliver(&mut self, at: BusPosition, event: &Payload, to: Vec<Listener>) {
        let mut runs: BTreeMap<RunId, Vec<u64>> = BTreeMap::new();
        for listener in to {
            match listener {
                Listener::Run(run, frame) => runs.entry(run).or_default().push(frame),
                Listener::Schedule(schedule) => self.tell_schedule(at, event, schedule),
            }
        }
        for (run, listens) in runs {
            let ack = self.expect(at.commit);
            let delivery = Delivery {
                at,
                event: event.clone(),
                listens,
                ack,
            };
            if let Err(Message::Event(delivery)) = self.core.deliver(run, Message::Event(Box::new(delivery)))
                && !self.core.tasks.is_stopping()
            {
                // The run is over.
                delivery.ack.done();
            }
        }
    }

    fn tell_schedule(&mut self, at: BusPosition, event: &Payload, schedule: EntityId) {
        let ack = self.expect(at.commit);
        let heard = Heard {
            schedule,
            at,
            event: event.clone(),
            ack,
        };
        self.core.bus.tell(BusNews::Heard(heard));
    }

    fn expect(&mut self, commit: u64) -> Ack {
        *self.open.entry(commit).or_default() += 1;
        self.delivered = true;
        Ack::new(commit, self.mouth.clone())
    }

    async fn hear_all(&mut self) {
        while let Ok(word) = self.words.try_recv() {
            self.hear(word).await;
        }
    }

    async fn hear(&mut self, (commit, done): Word) {
        if let Some(count) = self.open.get_mut(&commit) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&commit);
            }
        }
        if done {
            self.attempts.remove(&commit);
            return;
        }
        let attempts = self.attempts.entry(commit).or_default();
        *attempts += 1;
        if *attempts > MAX_ATTEMPTS {
            tracing::error!(
                commit,
                "an event could not be handed to a listener; it goes without it"
            );
            return;
        }
        tokio::time::sleep(AGAIN).await;
        self.at = Position(self.at.0.min(commit.saturating_sub(1)));
    }

    /// The position behind which something may not have arrived.
    fn low(&self) -> Position {
        match self.open.keys().next() {
            Some(commit) => Position(self.at.0.min(commit.saturating_sub(1))),
            None => self.at,
        }
    }

    async fn note(&mut self) -> Result<(), RuntimeError> {
        let low = self.low();
        let txn = Txn {
            puts: vec![(CURSOR.into(), encode(&low.0).map_err(unread)?)],
            reserve: true,
            ..Txn::default()
        };
        self.core.store.commit(txn).await?;
        self.noted = low;
        self.noted_at = Instant::now();
        self.delivered = !self.open.is_empty();
        Ok(())
    }
}
