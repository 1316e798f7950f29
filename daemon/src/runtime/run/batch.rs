//! Deciding: stimuli in, events out, with the expression worker asked where the engine needs it. Nothing is durable
//! and nothing is performed yet.

use std::collections::BTreeMap;

use dirigent_engine::expression::Answers;
use dirigent_engine::machine::{Context, Decision, PermitClass, Refusal, Stimulus, decide};
use dirigent_engine::state::{EffectPhase, RunState, apply};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{EffectId, EventBody, Moved, RunEvent};

use dirigent_store::Guard;

use super::driver::{Driver, Tally};
use super::in_hand::Steps;
use crate::runtime::admission::permits::{Permit, Permits};
use crate::runtime::admission::quotes::PriceDesk;
use crate::runtime::approvals::papers::{About, Papers};
use crate::runtime::conversation;
use crate::runtime::error::RuntimeError;

/// How often the engine may come back with more expressions for one decision.
const MAX_ROUNDS: usize = 1_000;

/// Decisions that will share a commit.
pub(crate) struct Batch {
    /// The state after them.
    pub(crate) state: RunState,
    pub(crate) events: Vec<RunEvent>,
    /// Permits of effects that were intended in it.
    pub(crate) permits: BTreeMap<EffectId, Permit>,
    pub(crate) papers: Papers,
    pub(crate) tally: Tally,
    /// What else its commit stands on.
    pub(crate) guards: Vec<Guard>,
    /// Steps that agents have in hand behind it, where that changes.
    pub(crate) in_hand: Option<Steps>,
}

/// Why a stimulus gave no events.
pub(crate) enum NoDecision {
    /// It does not fit the run.
    Refused(Refusal),
    /// Something of ours failed.
    Failed(RuntimeError),
}

impl Driver {
    /// A batch that begins with the run as it is.
    pub(crate) fn batch(&self, about: About) -> Batch {
        let asks = self.row.as_ref().map(|row| row.asks.clone()).unwrap_or_default();
        Batch {
            state: self.state.clone(),
            events: Vec::new(),
            permits: BTreeMap::new(),
            papers: Papers::new(about, self.core.records.clone(), self.core.chance.clone(), asks),
            tally: self.tally.clone(),
            guards: Vec::new(),
            in_hand: None,
        }
    }

    /// Decides one stimulus and folds its events into the batch; answers how many there were. `held` is the permit of
    /// the effect that a `Permitted` is about.
    pub(crate) async fn decide(
        &self,
        batch: &mut Batch,
        stimulus: &Stimulus,
        held: Option<(EffectId, Permit)>,
    ) -> Result<usize, NoDecision> {
        let mut answers = Answers::default();
        let now = (self.core.clock)();
        let policy = self.core.policy.get();
        let quotes = PriceDesk {
            plans: &self.core.plans,
            policy: &policy,
        };
        for _ in 0..MAX_ROUNDS {
            let limit_used = self.performing.len() + self.in_queue + batch.permits.len();
            let mut desk = Desk {
                pool: &self.core.permits,
                taken: Vec::new(),
                used: limit_used,
            };
            let decision = {
                let mut cx = Context {
                    now,
                    random: &mut || self.core.chance.number(),
                    ids: &mut || EntityId(self.core.chance.id()),
                    permits: &mut desk,
                    quotes: &quotes,
                    answers: &answers,
                    approval_expiry: policy.approval_expiry,
                    most_events: self.most_events,
                };
                decide(&self.workflow, &batch.state, stimulus, &mut cx).map_err(NoDecision::Refused)?
            };
            match decision {
                Decision::Ready { events } => {
                    let count = events.len();
                    let taken = desk.taken;
                    batch.fold(events, held, taken).map_err(NoDecision::Failed)?;
                    return Ok(count);
                }
                Decision::Evaluate(requests) => {
                    drop(desk);
                    for reply in self.core.worker.evaluate(requests).await {
                        answers.insert(reply);
                    }
                }
            }
        }
        Err(NoDecision::Failed(RuntimeError::Internal(
            "a decision asks for expressions without end",
        )))
    }
}

impl Batch {
    fn fold(
        &mut self,
        events: Vec<RunEvent>,
        mut held: Option<(EffectId, Permit)>,
        mut taken: Vec<Permit>,
    ) -> Result<(), RuntimeError> {
        for event in events {
            self.papers.note(&self.state, &event)?;
            apply(&mut self.state, &event);
            self.tally.note(&event.body);
            conversation::note(&mut self.tally.talk, &event);
            if let EventBody::EffectIntended { effect, .. } = &event.body {
                let own = held.take_if(|(of, _)| of == effect).map(|(_, permit)| permit);
                let kind = self.state.effect(*effect).map(|known| known.request.kind());
                let place = taken.iter().position(|permit| Some(permit.kind()) == kind);
                if let Some(permit) = own.or_else(|| place.map(|at| taken.swap_remove(at))) {
                    self.permits.insert(*effect, permit);
                }
            }
            self.events.push(event);
        }
        Ok(())
    }

    /// Whether an effect may be performed once this is durable.
    pub(crate) fn is_intended(state: &RunState, effect: EffectId) -> bool {
        state
            .effect(effect)
            .is_some_and(|known| matches!(known.phase, EffectPhase::Intended { .. }) && !known.abort)
    }
}

impl Tally {
    fn note(&mut self, event: &EventBody) {
        self.events += 1;
        match event {
            EventBody::TaskStarted { task, .. } => self.at = task.to_string(),
            EventBody::WorkflowMigrated { moved, .. } => self.follow(moved),
            EventBody::TaskCompleted { .. } | EventBody::TaskSkipped { .. } => {
                self.done = self.done.saturating_add(1)
            }
            _ => {}
        }
    }

    /// The task it is at may have another name in the version a run goes on under.
    fn follow(&mut self, moved: &[Moved]) {
        let is_at = |place: &&Moved| place.from.rsplit('/').next() == Some(&*self.at);
        let to = moved.iter().find(is_at).and_then(|place| place.to.as_deref());
        if let Some(name) = to.and_then(|to| to.rsplit('/').next()) {
            self.at = name.to_owned();
        }
    }
}

/// Hands out permits within one decision.
struct Desk<'a> {
    pool: &'a Permits,
    taken: Vec<Permit>,
    /// Permits of the run that are in use already, for its own limit.
    used: usize,
}

impl dirigent_engine::machine::Permits for Desk<'_> {
    fn try_acquire(&mut self, class: PermitClass) -> bool {
        let used = self.used + self.taken.len();
        if class.run_limit.is_some_and(|limit| used >= limit as usize) {
            return false;
        }
        match self.pool.try_take(class.kind) {
            Some(permit) => {
                self.taken.push(permit);
                true
            }
            None => false,
        }
    }

    fn release(&mut self, class: PermitClass) {
        if let Some(at) = self.taken.iter().position(|permit| permit.kind() == class.kind) {
            self.taken.swap_remove(at);
        }
    }
}
