//! The driver of one run: its state, its inbox, its loop.
//!
//! Invariant: what is decided is applied only when it is durable; a driver whose commit did not become durable stops
//! and touches the run no more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use dirigent_engine::machine::Workflow;
use dirigent_engine::state::{EffectPhase, RunState, Timer};
use dirigent_protocol::entity::Conversation;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EffectId, Status, TimerId, TimerPurpose};
use dirigent_store::Fence;
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use super::in_hand::Steps;
use super::message::Message;
use crate::records::Stored;
use crate::runtime::admission::gate::Counted;
use crate::runtime::admission::permits::Permit;
use crate::runtime::admission::place::Place;
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::routing::InHand;
use crate::runtime::rows::Unfinished;

/// Most messages that share a commit.
const MAX_BATCH: usize = 256;
/// A run whose next timer is nearer than this stays in memory.
const STAY: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// A run in hand.
pub(crate) struct Driver {
    pub(crate) core: Arc<Core>,
    /// The lease under which it took the run up: under a later one somebody else may have it in hand.
    pub(crate) fence: Arc<Option<Fence>>,
    pub(crate) run: RunId,
    pub(crate) workflow: Arc<Workflow>,
    pub(crate) state: RunState,
    /// Number of the event its own follow: that of another run it goes on from, or 0.
    pub(crate) base: u64,
    /// The execution's document as it was last written; none before the start.
    pub(crate) document: Option<Stored>,
    /// The unfinished row as it was last written.
    pub(crate) row: Option<Unfinished>,
    pub(crate) tally: Tally,
    pub(crate) performing: BTreeMap<EffectId, Performing>,
    /// Effects that waited for a permit when they were last counted.
    pub(crate) in_queue: usize,
    /// Effects kept back by the run's own limit.
    pub(crate) kept_back: VecDeque<EffectId>,
    /// Timers that are due and mean nothing until the run is resumed.
    pub(crate) deferred: BTreeSet<TimerId>,
    /// Most events of one decision; fewer once that many did not fit a commit.
    pub(crate) most_events: usize,
    /// Messages to itself.
    pub(crate) own: VecDeque<Message>,
    /// Taken up while it was paused: what a crash left open is settled when it is resumed.
    pub(crate) unsettled: bool,
    /// What is committed settles what the daemon's death left open.
    pub(crate) recovering: bool,
    /// Resuming has to settle what the deaths of the daemon left open.
    pub(crate) quarantined: bool,
    /// The gate knows of it.
    pub(crate) asked: bool,
    /// Set aside, it counts among those that go no more.
    pub(crate) aside: bool,
    /// How it stands there, where it waits or a limit counts it.
    pub(crate) place: Option<Box<Place>>,
    /// The gate let it through and it has not begun; where a rate counts it.
    pub(crate) begins: Option<Option<Counted>>,
    /// Steps that agents have in hand.
    pub(crate) in_hand: Steps,
}

/// What the state itself does not hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Tasks that ended.
    pub(crate) done: u32,
    /// The task it is at.
    pub(crate) at: String,
    /// What was said, where it is a conversation.
    pub(crate) talk: Conversation,
    /// Events and their bytes behind the last snapshot.
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// An effect being performed.
pub(crate) struct Performing {
    pub(crate) cancel: CancellationToken,
    pub(crate) _permit: Permit,
}

/// Why a driver stopped before its run was over or parked.
pub(crate) struct Broken;

/// Runs until the run is over, parked, or the daemon stops.
pub(crate) async fn drive(mut driver: Driver, mut messages: UnboundedReceiver<Message>) {
    loop {
        let batch = match driver.next(&mut messages).await {
            Some(batch) => batch,
            None => return,
        };
        if Box::pin(driver.take(batch)).await.is_err() {
            tracing::error!(run = %driver.run, "the run's driver stopped: the store did not take its events");
            // A state that is built again answers soon, and a lease that was lost may be ours again: then the run goes on
            // as after a restart.
            let again =
                driver.core.store.stats().rebuilding.is_some() || driver.core.fence.get() != driver.fence;
            let (core, run) = (driver.core.clone(), driver.run);
            driver.give_up();
            if again {
                core.runs.park_anyway(run);
                drop(core.deliver(run, Message::Recovered));
            }
            return;
        }
        if !(driver.own.is_empty() && messages.is_empty()) {
            continue;
        }
        if driver.is_over() || driver.document.is_none() {
            return driver.finish(&mut messages);
        }
        if driver.may_park(&driver.state, (driver.core.clock)())
            && driver.core.runs.park(driver.run, &messages)
        {
            driver.core.live.ended(driver.run);
            return;
        }
    }
}

impl Driver {
    /// Everything that waits now, in order; a person's command comes alone.
    async fn next(&mut self, messages: &mut UnboundedReceiver<Message>) -> Option<Vec<Message>> {
        let first = match self.own.pop_front() {
            Some(message) => message,
            None => messages.recv().await?,
        };
        let alone =
            |message: &Message| !matches!(message, Message::Settled { .. } | Message::Permitted { .. });
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH && !batch.last().is_some_and(alone) {
            let Some(more) = self.own.pop_front().or_else(|| messages.try_recv().ok()) else {
                break;
            };
            if alone(&more) {
                self.own.push_front(more);
                break;
            }
            batch.push(more);
        }
        Some(batch)
    }

    async fn take(&mut self, batch: Vec<Message>) -> Result<(), Broken> {
        let mut many = Vec::new();
        for message in batch {
            match message {
                Message::Command(command) => self.command(*command).await?,
                Message::Recovered => self.recovered().await?,
                Message::Quarantine => self.set_aside().await?,
                Message::Wake => self.wake().await?,
                Message::Event(delivery) => self.hear(*delivery).await?,
                Message::Admitted(counted) => Box::pin(self.admitted(counted)).await?,
                Message::Answered { approval, answered } => self.answered(approval, &answered).await?,
                Message::Settled { .. } | Message::Permitted { .. } => many.push(message),
            }
        }
        if !many.is_empty() {
            self.together(many).await?;
        }
        if self.state.shares_undo() {
            return Box::pin(self.undo_own_part()).await;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.state.status().is_final() && self.performing.is_empty()
    }

    /// Whether nothing of the run needs memory in this state.
    pub(crate) fn may_park(&self, state: &RunState, now: Timestamp) -> bool {
        if self.waits() {
            return true;
        }
        let status = state.status();
        let rests = matches!(status, Status::Waiting | Status::Suspended) && !state.shares_undo();
        let idle = state.effects().all(|effect| match effect.phase {
            EffectPhase::Held | EffectPhase::Parked { .. } | EffectPhase::Verifying { .. } => true,
            EffectPhase::Queued => status == Status::Suspended,
            EffectPhase::Intended { .. } => self.quarantined,
        });
        let later = self
            .next_due(state)
            .is_none_or(|due| due.duration_since(now) > STAY);
        rests && idle && later && self.performing.is_empty()
    }

    /// The next timer that means something.
    pub(crate) fn next_due(&self, state: &RunState) -> Option<Timestamp> {
        if state.status().is_final() {
            return None;
        }
        state
            .timers()
            .filter(|timer| !self.deferred.contains(&timer.id))
            .map(|timer| self.due(timer))
            .min()
    }

    /// When a timer is due; after a leap of the clock what a person must answer gets a respite.
    pub(crate) fn due(&self, timer: &Timer) -> Timestamp {
        match (timer.purpose, self.core.held()) {
            (TimerPurpose::ApprovalExpiry, Some(held)) => timer.due.max(held),
            _ => timer.due,
        }
    }

    /// The run is over: nothing of it stays behind.
    fn finish(self, messages: &mut UnboundedReceiver<Message>) {
        let (core, run, status) = (&self.core, self.run, self.state.status());
        core.timers.set(run, None);
        core.permits.forget(run);
        core.live.ended(run);
        core.runs.leave(run);
        core.figures.set(run, InHand::new());
        for left in core.performers.all().flat_map(|performer| performer.over(run)) {
            core.tasks.spawn_until_stop("over", left);
        }
        if self.asked {
            core.admit(core.gate.leave(run, !self.waits() && !self.aside, (core.clock)()));
        }
        messages.close();
        while let Ok(message) = messages.try_recv() {
            match message {
                // The caller is gone when this fails; nothing was promised yet.
                Message::Command(command) => {
                    drop(command.reply.send(Err(RuntimeError::Ended { run, status })))
                }
                Message::Event(delivery) => delivery.ack.done(),
                _ => {}
            }
        }
    }

    fn give_up(self) {
        self.core.timers.set(self.run, None);
        self.core.permits.forget(self.run);
        for performing in self.performing.values() {
            performing.cancel.cancel();
        }
    }
}
