//! Plays a recording: one decision after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::id::EntityId;
use dirigent_protocol::recording::{Expected, Moment, Recorder, Recording, What};
use dirigent_protocol::run::{
    Amounts, EffectId, EffectRequest, EventBody, Moved, Pins, RunEvent, StepId, TimerPurpose,
};
use jiff::Timestamp;

use crate::expression::{Answers, EvalRequest};
use crate::machine::{Context, Decision, MOST_EVENTS, Quote, Quotes, Stimulus, Unlimited, Workflow, decide};
use crate::state::{RunState, apply};

/// Questions live this long where neither document nor recording says.
const EXPIRY: Duration = Duration::from_secs(72 * 3_600);
/// Decisions that only let others go first, one after the other.
const MAX_YIELDS: usize = 1_000;

/// What came of a step of the play.
pub enum Played {
    /// A decision was made; go on.
    On,
    /// These expressions are to be evaluated; then the same again.
    Ask(Vec<EvalRequest>),
    /// The recording is at its end.
    Over,
}

/// A moment of the recording that found nothing to happen to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The step it is about; none where it is about the run.
    pub step: Option<StepId>,
    /// What it was.
    pub what: &'static str,
    /// Why it could not happen.
    pub why: String,
}

/// A recording being played.
pub struct Player<'a> {
    pub(super) recording: &'a Recording,
    workflow: &'a Workflow,
    /// Versions it is on before that one, and how many of them it has left.
    earlier: Vec<Arc<Workflow>>,
    left: usize,
    pub(super) state: RunState,
    recorder: Recorder,
    /// Effects asked for, by step, attempt and visit.
    pub(super) effects: BTreeMap<(StepId, u32, u32), EffectId>,
    asked: Vec<(StepId, u32, u32, EffectRequest)>,
    newest: Option<EffectId>,
    ids: VecDeque<EntityId>,
    next: usize,
    begun: bool,
    yields: usize,
    /// Events since the last moment, those of its decision among them.
    behind: usize,
    now: Timestamp,
    strays: Vec<Stray>,
    quotes: Recorded,
}

/// What effects were quoted when they were recorded.
struct Recorded(Vec<(EffectRequest, Amounts)>);

impl Quotes for Recorded {
    fn quote(&self, request: &EffectRequest) -> Quote {
        let found = self.0.iter().find(|(recorded, _)| recorded == request);
        Quote {
            worst: found.map(|(_, worst)| *worst).unwrap_or_default(),
            ..Quote::default()
        }
    }
}

/// Whether an event has an id that was drawn for it.
fn draws(event: &EventBody) -> bool {
    matches!(
        event,
        EventBody::ApprovalRequested { .. } | EventBody::EventEmitted { .. }
    )
}

impl<'a> Player<'a> {
    /// Ready to begin, with the recorded document or another one.
    #[must_use]
    pub fn new(recording: &'a Recording, workflow: &'a Workflow) -> Self {
        let quoted = recording
            .effects()
            .filter_map(|effect| Some((effect.request.clone(), effect.reserved?)));
        Self {
            recording,
            workflow,
            earlier: Vec::new(),
            left: 0,
            state: RunState::new(recording.run),
            recorder: Recorder::default(),
            effects: BTreeMap::new(),
            asked: Vec::new(),
            newest: None,
            ids: recording.ids.iter().copied().collect(),
            next: 0,
            begun: false,
            yields: 0,
            behind: 0,
            now: recording.started_at,
            strays: Vec::new(),
            quotes: Recorded(quoted.collect()),
        }
    }

    /// With the versions that the run was on before, in order.
    #[must_use]
    pub fn after(mut self, earlier: Vec<Arc<Workflow>>) -> Self {
        self.earlier = earlier;
        self
    }

    /// The version it is on, where it has not left it.
    pub(super) fn leaves(&self) -> Option<Arc<Workflow>> {
        self.earlier.get(self.left).cloned()
    }

    fn version(&self, left: usize) -> &Workflow {
        self.earlier.get(left).map_or(self.workflow, |earlier| earlier)
    }

    /// Makes the next decision; `answers` are those to the last question, empty where there was none.
    pub fn play(&mut self, answers: &Answers) -> Played {
        let Some((stimulus, moment)) = self.stimulus() else {
            return Played::Over;
        };
        let (mut seed, mut ids) = (self.state.seq(), self.ids.clone());
        let mut random = || {
            // Any number does: what it delays is fired when it is recorded to be.
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        let mut fresh = || ids.pop_front().unwrap_or_else(EntityId::nil);
        let mut cx = Context {
            now: self.now,
            random: &mut random,
            ids: &mut fresh,
            permits: &mut Unlimited,
            quotes: &self.quotes,
            answers,
            approval_expiry: self.expiry(),
            most_events: MOST_EVENTS,
        };
        let left = self.left + usize::from(matches!(stimulus, Stimulus::Migrate(_)));
        match decide(self.version(left), &self.state, &stimulus, &mut cx) {
            Ok(Decision::Evaluate(requests)) => return Played::Ask(requests),
            Ok(Decision::Ready { mut events }) => {
                if moment.is_some() {
                    self.behind = 0;
                }
                match &stimulus {
                    Stimulus::Fork(_) => self.leave_behind(),
                    Stimulus::Migrate(migrate) => self.move_open(&migrate.moved),
                    _ => {}
                }
                self.left = left;
                // Where it went on as another run in the middle of this decision, the rest of it never happened.
                let next = moment.map_or(self.next, |at| at + 1);
                let counts = self.events_before_fork(next).unwrap_or(events.len());
                if counts < events.len() {
                    events.truncate(counts);
                    let drew = events.iter().filter(|event| draws(&event.body)).count();
                    self.ids.drain(..drew.min(self.ids.len()));
                } else {
                    self.ids = ids;
                }
                self.behind += events.len();
                events.iter().for_each(|event| self.fold(event));
            }
            Err(refusal) => {
                if let Some(moment) = moment.and_then(|at| self.recording.boundary.get(at)) {
                    let (step, what) = super::stimuli::about(&moment.what);
                    let why = refusal.to_string();
                    self.strays.push(Stray { step, what, why });
                }
            }
        }
        match moment {
            Some(at) => self.next = at + 1,
            None if self.begun => self.yields += 1,
            None => self.begun = true,
        }
        Played::On
    }

    /// What happens next, and at which place of the recording it stands.
    fn stimulus(&mut self) -> Option<(Stimulus, Option<usize>)> {
        if !self.begun {
            let agents = self.recording.agents.iter();
            let pins = Pins {
                agents: agents.map(|(name, agent)| (name.clone(), agent.digest)).collect(),
                budget: self.recording.budget,
                seen: self.recording.seen,
                trial: self.recording.trial,
            };
            let input = self.recording.input.clone();
            return Some((Stimulus::Start { input, pins }, None));
        }
        let yields = self
            .state
            .timers()
            .find(|timer| timer.purpose == TimerPurpose::Yield);
        let cut = self.events_before_fork(self.next) == Some(0);
        if let Some(timer) = yields.filter(|_| self.yields < MAX_YIELDS && !cut) {
            return Some((Stimulus::TimerFired { timer: timer.id }, None));
        }
        while let Some(moment) = self.recording.boundary.get(self.next) {
            if self.state.status().is_final() {
                return None;
            }
            self.now = self.now.max(moment.at);
            match self.stimulus_of(moment) {
                Ok(stimulus) => {
                    if let Stimulus::TimerFired { timer } = &stimulus {
                        let due = self.state.timers().find(|known| known.id == *timer);
                        self.now = due.map_or(self.now, |timer| self.now.max(timer.due));
                    }
                    return Some((stimulus, Some(self.next)));
                }
                Err(None) => {}
                Err(Some(why)) => self.stray(moment, why),
            }
            self.next += 1;
        }
        None
    }

    /// What is in flight in the other run is that one's; nothing of it is in the recording.
    fn leave_behind(&mut self) {
        let open: Vec<EffectId> = self.state.effects().map(|effect| effect.id).collect();
        let effects = &self.effects;
        self.asked.retain(|(step, attempt, visit, _)| {
            let known = effects.get(&(step.clone(), *attempt, *visit));
            known.is_none_or(|known| !open.contains(known))
        });
    }

    /// What is in flight goes on where its step stands now.
    fn move_open(&mut self, moved: &[Moved]) {
        let open: Vec<EffectId> = self.state.effects().map(|effect| effect.id).collect();
        let now = |step: &StepId| {
            let found = moved.iter().find(|moved| moved.from == step.pointer);
            found
                .and_then(|moved| moved.to.clone())
                .map(|to| StepId::iterated(to, step.iterations.clone()))
        };
        for (step, attempt, visit, _) in &mut self.asked {
            let place = (step.clone(), *attempt, *visit);
            if let Some(effect) = self.effects.get(&place).copied()
                && open.contains(&effect)
                && let Some(to) = now(step)
            {
                self.effects.remove(&place);
                self.effects.insert((to.clone(), *attempt, *visit), effect);
                *step = to;
            }
        }
    }

    /// Events that still count before it goes on as another run; none where that is not what happens next.
    fn events_before_fork(&self, next: usize) -> Option<usize> {
        let What::Fork { behind, .. } = self.recording.boundary.get(next)?.what else {
            return None;
        };
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        Some(behind.saturating_sub(self.behind))
    }

    fn stray(&mut self, moment: &Moment, why: String) {
        let (step, what) = super::stimuli::about(&moment.what);
        self.strays.push(Stray { step, what, why });
    }

    /// How long the next question lived when it was recorded.
    fn expiry(&self) -> Duration {
        let asked = self.recorder.questions();
        let recorded = self.recording.expect.asked.get(asked);
        let lived = recorded.and_then(|asked| asked.request.expires_after_ms);
        lived.map_or(EXPIRY, Duration::from_millis)
    }

    fn fold(&mut self, event: &RunEvent) {
        apply(&mut self.state, event);
        self.recorder.note(event);
        if let Some((effect, step, attempt, visit, request)) = self.recorder.newest() {
            // By its name: where it was asked for, another version may have another address.
            if self.newest < Some(effect) {
                self.newest = Some(effect);
                self.asked.push((step.clone(), attempt, visit, request.clone()));
                self.effects.insert((step.clone(), attempt, visit), effect);
            }
        }
    }

    /// What the play did.
    #[must_use]
    pub fn expected(&self) -> Expected {
        Expected {
            status: self.state.status(),
            ..self.recorder.expected()
        }
    }

    /// Every effect it asked for.
    #[must_use]
    pub fn asked(&self) -> &[(StepId, u32, u32, EffectRequest)] {
        &self.asked
    }

    /// Moments that found nothing to happen to.
    #[must_use]
    pub fn strays(&self) -> &[Stray] {
        &self.strays
    }

    /// How many moments of the recording were played.
    #[must_use]
    pub fn played(&self) -> usize {
        self.next
    }

    /// The state it came to.
    #[must_use]
    pub fn state(&self) -> &RunState {
        &self.state
    }
}
