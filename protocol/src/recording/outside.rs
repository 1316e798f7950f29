//! What a recorder takes of effects and timers: which was asked for where, and what came of it.

use super::recorder::Recorder;
use super::shape::{EffectMoment, What};
use crate::run::{
    Amounts, EffectId, EffectOutcome, EffectRequest, EventBody, RunEvent, StepId, TimerPurpose,
};

/// What the engine says of an effect that the daemon's own end left open.
const DAEMON_ENDED: &str = "the daemon stopped before the outcome was recorded";

/// An effect that was asked for.
pub(super) struct Wanted {
    pub(super) step: StepId,
    pub(super) attempt: u32,
    pub(super) visit: u32,
    pub(super) request: Option<EffectRequest>,
    pub(super) reserved: Option<Amounts>,
}

impl Recorder {
    pub(super) fn timer(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::TimerSet {
                timer, step, purpose, ..
            } => drop(self.timers.insert(*timer, (step.clone(), *purpose))),
            EventBody::TimerFired { timer } => {
                // What lets others go first is no matter of the outside.
                if let Some((step, purpose)) = self.timers.remove(timer)
                    && purpose != TimerPurpose::Yield
                {
                    self.moment(event, What::Timer { step, purpose });
                }
            }
            _ => {}
        }
    }

    pub(super) fn effect(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::EffectQueued {
                effect,
                step,
                attempt,
                request,
            } => self.want(*effect, (step, *attempt), Some(request)),
            EventBody::EffectHeld {
                effect,
                step,
                attempt,
                request,
                ..
            } => self.want(*effect, (step, *attempt), request.as_ref()),
            EventBody::EffectIntended {
                effect,
                step,
                attempt,
                request,
                reserved,
                ..
            } => {
                self.want(*effect, (step, *attempt), request.as_ref());
                if let Some(wanted) = self.effects.get_mut(effect) {
                    wanted.reserved = *reserved;
                }
            }
            EventBody::EffectSettled { effect, outcome } | EventBody::EffectLate { effect, outcome } => {
                self.settled(event, *effect, outcome.clone());
            }
            EventBody::EffectUnknown { reason, .. } if reason == DAEMON_ENDED => self.restarted(event),
            EventBody::EffectUnknown { effect, reason, .. } => {
                let reason = reason.clone();
                self.settled(event, *effect, EffectOutcome::Unknown { reason });
            }
            EventBody::EffectResolved {
                effect,
                resolution,
                by,
            } => {
                if let Some(wanted) = self.effects.get(effect) {
                    let what = What::Resolution {
                        step: wanted.step.clone(),
                        attempt: wanted.attempt,
                        visit: wanted.visit,
                        resolution: resolution.clone(),
                        by: by.clone(),
                    };
                    self.moment(event, what);
                }
            }
            _ => {}
        }
    }

    /// Every effect in flight says so, and it is one restart.
    fn restarted(&mut self, event: &RunEvent) {
        if self.restarted_at.replace(event.time) != Some(event.time) {
            self.moment(event, What::Restart {});
        }
    }

    fn want(&mut self, effect: EffectId, (step, attempt): (&StepId, u32), request: Option<&EffectRequest>) {
        if let Some(known) = self.effects.get_mut(&effect) {
            if known.request.is_none() {
                known.request = request.cloned();
            }
            return;
        }
        let visit = self.visits.entry((step.clone(), attempt)).or_default();
        *visit += 1;
        let wanted = Wanted {
            step: step.clone(),
            attempt,
            visit: *visit,
            request: request.cloned(),
            reserved: None,
        };
        self.effects.insert(effect, wanted);
    }

    fn settled(&mut self, event: &RunEvent, effect: EffectId, outcome: EffectOutcome) {
        let Some(wanted) = self.effects.get(&effect) else {
            return;
        };
        let Some(request) = wanted.request.clone() else {
            return;
        };
        let moment = EffectMoment {
            step: wanted.step.clone(),
            attempt: wanted.attempt,
            visit: wanted.visit,
            request,
            reserved: wanted.reserved,
            outcome,
        };
        self.moment(event, What::Effect(Box::new(moment)));
    }
}
