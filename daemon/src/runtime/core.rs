//! What all drivers share, and who has which run in hand.
//!
//! Invariant: a message for a run that is not over reaches its one driver; a run that leaves memory is taken up again
//! by the first message that comes.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{Status, Waiting};
use dirigent_store::{Fence, Position, ReadError, Store};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::admission::gate::Gate;
use super::admission::permits::Permits;
use super::admission::space::Space;
use super::api::{Counts, RuntimeSettings};
use super::approvals::links::LinkKey;
use super::bus::bell::Bus;
use super::effects::{Egress, Performers, Watch};
use super::emergency::EmergencyStop;
use super::error::RuntimeError;
use super::live::Live;
use super::plans::Plans;
use super::policy::Policy;
use super::routing::Figures;
use super::rows::Unfinished;
use super::run::message::Message;
use super::run::{driver, load};
use super::timers::Timers;
use crate::chance::Chance;
use crate::clock::{Clock, Held};
use crate::door::Door;
use crate::records::Records;
use crate::spawn::Supervisor;
use crate::swap::Swap;
use crate::worker::WorkerPool;

/// Shared by everything of the runtime.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) fence: Arc<Swap<Option<Fence>>>,
    pub(crate) records: Records,
    pub(crate) clock: Clock,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) settings: RuntimeSettings,
    /// What a reload exchanges.
    pub(crate) policy: Arc<Swap<Policy>>,
    pub(crate) egress: Egress,
    pub(crate) performers: Performers,
    pub(crate) watch: Arc<Watch>,
    /// What is known of agents from their calls.
    pub(crate) figures: Arc<Figures>,
    pub(crate) permits: Permits,
    /// Which runs may begin.
    pub(crate) gate: Gate,
    pub(crate) timers: Timers,
    pub(crate) live: Live,
    pub(crate) bus: Bus,
    /// Until then no approval expires; unset where nobody watches the clock.
    pub(crate) held: OnceLock<Held>,
    pub(crate) plans: Arc<Plans>,
    pub(crate) worker: Arc<WorkerPool>,
    pub(crate) tasks: Supervisor,
    pub(crate) approvals_pending: AtomicI64,
    /// The daemon is about to stop: no run begins any more.
    pub(crate) draining: AtomicBool,
    pub(crate) space: Swap<Space>,
    pub(crate) emergency: EmergencyStop,
    /// Asked before a run starts another.
    pub(crate) door: Option<Arc<Door>>,
    pub(crate) runs: Runs,
    pub(crate) ended: Ended,
    /// Told where runs were deleted.
    pub(crate) given_up: tokio::sync::Notify,
    /// What signs links that answer approvals.
    pub(crate) link_key: LinkKey,
}

/// Runs that ended, counted: a status must not have to count documents.
pub(crate) struct Ended {
    /// Position of the store before any run was taken up.
    since: Position,
    by_status: Mutex<BTreeMap<Status, u64>>,
    /// Deleted ones that had ended before.
    deleted_before: AtomicU64,
}

impl Ended {
    /// None yet.
    pub(crate) fn since(since: Position) -> Self {
        Self {
            since,
            by_status: Mutex::default(),
            deleted_before: AtomicU64::new(0),
        }
    }

    /// A run went from one status to another, durably.
    pub(crate) fn note(&self, before: Status, after: Status) {
        if after.is_final() && !before.is_final() {
            let mut counts = self.by_status.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(after).or_default() += 1;
        }
    }

    /// A run was deleted that went to its last status with the commit at `position`.
    pub(crate) fn forget(&self, status: Status, position: Option<u64>) {
        if position.is_none_or(|position| position <= self.since.0) {
            self.deleted_before.fetch_add(1, Ordering::Relaxed);
        } else {
            let mut counts = self.by_status.lock().unwrap_or_else(PoisonError::into_inner);
            counts
                .entry(status)
                .and_modify(|count| *count = count.saturating_sub(1));
        }
    }

    fn counts(&self) -> BTreeMap<Status, u64> {
        self.by_status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Which runs are not over, and where they are.
#[derive(Default)]
pub(crate) struct Runs(Mutex<Places>);

#[derive(Default)]
struct Places {
    by_run: HashMap<RunId, Place>,
    /// Dropped with the run's place: whoever waits for its end hears it. Few are waited for, and most runs only wait.
    waiting: HashMap<RunId, Vec<oneshot::Sender<()>>>,
}

struct Place {
    status: Status,
    quarantined: bool,
    /// What steps of it wait for that were refused at a door.
    waits: Option<Waiting>,
    /// Its driver's inbox; none while it is out of memory.
    inbox: Option<UnboundedSender<Message>>,
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a run that needs no memory now.
    pub(crate) fn note_parked(&self, run: RunId, row: &Unfinished) {
        let place = Place {
            status: row.status,
            quarantined: row.quarantined,
            waits: row.waits.clone(),
            inbox: None,
        };
        self.lock().by_run.insert(run, place);
    }

    /// Makes room for a driver.
    pub(crate) fn enter(&self, run: RunId, status: Status) -> UnboundedReceiver<Message> {
        let (inbox, messages) = unbounded_channel();
        let place = Place {
            status,
            quarantined: false,
            waits: None,
            inbox: Some(inbox),
        };
        self.lock().by_run.insert(run, place);
        messages
    }

    /// A driver says where its run stands.
    pub(crate) fn update(&self, run: RunId, (status, quarantined): (Status, bool), waits: Option<Waiting>) {
        if let Some(place) = self.lock().by_run.get_mut(&run) {
            place.status = status;
            place.quarantined = quarantined;
            place.waits = waits;
        }
    }

    /// The run is over, or its driver gave up.
    pub(crate) fn leave(&self, run: RunId) {
        let mut places = self.lock();
        places.by_run.remove(&run);
        places.waiting.remove(&run);
    }

    /// Waits until a run is over; at once where it is.
    pub(crate) async fn left(&self, run: RunId) {
        let (sender, over) = oneshot::channel::<()>();
        {
            let mut places = self.lock();
            if !places.by_run.contains_key(&run) {
                return;
            }
            let waiting = places.waiting.entry(run).or_default();
            // A wait that was given up leaves nothing behind for long.
            waiting.retain(|other| !other.is_closed());
            waiting.push(sender);
        }
        drop(over.await);
    }

    /// Lets a run out of memory, unless a message came in the meantime.
    pub(crate) fn park(&self, run: RunId, messages: &UnboundedReceiver<Message>) -> bool {
        let mut places = self.lock();
        let empty = messages.is_empty();
        if empty && let Some(place) = places.by_run.get_mut(&run) {
            place.inbox = None;
        }
        empty
    }

    /// Whether the run is not over, and where it stands.
    pub(crate) fn status(&self, run: RunId) -> Option<Status> {
        self.lock().by_run.get(&run).map(|place| place.status)
    }

    fn figures(&self, counts: &mut Counts) {
        // What has not begun durably does not exist yet; what is over is only still putting its tools away.
        let counted = |place: &&Place| place.status != Status::Pending && !place.status.is_final();
        for place in self.lock().by_run.values().filter(counted) {
            *counts.runs.entry(place.status).or_default() += 1;
            counts.loaded += u64::from(place.inbox.is_some());
            counts.quarantined += u64::from(place.quarantined);
            if let Some(waits) = &place.waits {
                counts.note_waiting(waits);
            }
        }
    }
}

impl Core {
    /// Until when no approval expires.
    pub(crate) fn held(&self) -> Option<Timestamp> {
        let until = self.held.get()?.load(Ordering::Acquire);
        Timestamp::from_millisecond(until).ok()
    }

    /// Brings a message to a run; gives it back when the run is over or the daemon stops.
    pub(crate) fn deliver(self: &Arc<Self>, run: RunId, message: Message) -> Result<(), Message> {
        if self.tasks.is_stopping() {
            return Err(message);
        }
        let messages = {
            let mut places = self.runs.lock();
            let Some(place) = places.by_run.get_mut(&run) else {
                return Err(message);
            };
            if let Some(inbox) = &place.inbox {
                return inbox.send(message).map_err(|back| back.0);
            }
            let (inbox, messages) = unbounded_channel();
            inbox.send(message).map_err(|back| back.0)?;
            place.inbox = Some(inbox);
            messages
        };
        self.take_up(run, messages);
        Ok(())
    }

    /// Loads a run and gives it a driver.
    pub(crate) fn take_up(self: &Arc<Self>, run: RunId, messages: UnboundedReceiver<Message>) {
        let core = self.clone();
        self.tasks.spawn_until_stop("run", async move {
            let loaded = loop {
                match Box::pin(load::load(&core, run)).await {
                    Err(RuntimeError::Read(ReadError::Rebuilding { retry_after, .. })) => {
                        tokio::time::sleep(retry_after).await;
                    }
                    other => break other,
                }
            };
            match loaded {
                Ok(driver) => Box::pin(driver::drive(driver, messages)).await,
                Err(error) => {
                    tracing::error!(%run, %error, "a run cannot be loaded; it stays as it is");
                    // The next message tries again; answers of this one are dropped, which callers see.
                    core.runs.park_anyway(run);
                }
            }
        });
    }

    /// Figures of this moment.
    pub(crate) fn counts(&self) -> Counts {
        let (in_flight, queued) = self.permits.figures();
        let pending = self.approvals_pending.load(Ordering::Relaxed);
        let mut counts = Counts {
            runs: BTreeMap::new(),
            ended: self.ended.counts(),
            since: self.ended.since,
            deleted_before: self.ended.deleted_before.load(Ordering::Relaxed),
            in_flight,
            queued,
            approvals_pending: u64::try_from(pending).unwrap_or(0),
            ..Counts::default()
        };
        self.runs.figures(&mut counts);
        counts.runs.insert(Status::Pending, self.gate.waiting() as u64);
        counts
    }
}

impl Runs {
    /// Lets a run out of memory whose driver is gone.
    pub(crate) fn park_anyway(&self, run: RunId) {
        if let Some(place) = self.lock().by_run.get_mut(&run) {
            place.inbox = None;
        }
    }
}
