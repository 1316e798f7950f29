//! What came from outside, as the engine is told of it.

use dirigent_protocol::recording::{EffectMoment, Moment, What};
use dirigent_protocol::run::{EffectId, EffectOutcome, StepId, TimerId, TimerPurpose};

use super::player::Player;
use crate::machine::{Fork, Migrate, Stimulus};
use crate::state::{FrameId, PendingApproval};

/// The step a moment is about, and a word for it.
pub(super) fn about(what: &What) -> (Option<StepId>, &'static str) {
    match what {
        What::Effect(effect) => (Some(effect.step.clone()), "the outcome of an effect"),
        What::Timer { step, .. } => (Some(step.clone()), "a timer"),
        What::Decision { step, .. } => (Some(step.clone()), "a decision"),
        What::Amendment { step, .. } => (Some(step.clone()), "a changed question"),
        What::Delegation { step, .. } => (Some(step.clone()), "a delegation"),
        What::Event { step, .. } => (Some(step.clone()), "an event"),
        What::Resolution { step, .. } => (Some(step.clone()), "what became of an effect"),
        What::Cancel { .. } => (None, "a cancel"),
        What::Pause { .. } => (None, "a pause"),
        What::Resume { .. } => (None, "a resume"),
        What::Restart {} => (None, "a restart of the daemon"),
        What::Fork { .. } => (None, "the beginning of the run that went on"),
        What::Migrate { .. } => (None, "a change of its version"),
        What::Undo { .. } => (None, "what was left to others"),
    }
}

impl Player<'_> {
    /// The stimulus of a moment; why there is none, unless that does not matter.
    pub(super) fn stimulus_of(&self, moment: &Moment) -> Result<Stimulus, Option<String>> {
        Ok(match &moment.what {
            What::Effect(effect) => self.settled(effect)?,
            What::Timer { step, purpose } => Stimulus::TimerFired {
                timer: self
                    .timer(step, *purpose)
                    .ok_or_else(|| none("no such timer is set"))?,
            },
            What::Decision { .. } | What::Amendment { .. } | What::Delegation { .. } => {
                self.answered(&moment.what)?
            }
            What::Event { step, place, event } => Stimulus::Received {
                at: *place,
                event: event.clone(),
                listens: self.listening(step)?,
            },
            What::Resolution {
                step,
                attempt,
                visit,
                resolution,
                by,
            } => Stimulus::Resolve {
                effect: self.effect(step, *attempt, *visit)?,
                resolution: resolution.clone(),
                by: by.clone(),
            },
            What::Cancel { by, reason } => Stimulus::Cancel {
                by: by.clone(),
                reason: reason.clone(),
            },
            What::Pause { by } => Stimulus::Pause { by: by.clone() },
            What::Resume { by } => Stimulus::Resume { by: by.clone() },
            What::Restart {} => Stimulus::Recovered,
            What::Fork {
                origin, how, input, ..
            } => Stimulus::Fork(Fork {
                origin: *origin,
                at: self.state.seq(),
                how: *how,
                input: input.clone(),
            }),
            What::Migrate {
                by,
                moved,
                passed,
                pins,
            } => Stimulus::Migrate(Migrate {
                old: self.leaves().ok_or_else(|| none("it is on its last version"))?,
                moved: moved.clone(),
                passed: passed.clone(),
                pins: pins.clone(),
                by: by.clone(),
            }),
            What::Undo { left } => Stimulus::Undo { left: *left },
        })
    }

    fn settled(&self, effect: &EffectMoment) -> Result<Stimulus, Option<String>> {
        let place = (effect.step.clone(), effect.attempt, effect.visit);
        let Some(id) = self.effects.get(&place).copied() else {
            // The effect that was not asked for is named by itself.
            return Err(None);
        };
        if effect.outcome == EffectOutcome::Cancelled && self.state.effect(id).is_none() {
            return Err(None);
        }
        Ok(Stimulus::Settled {
            effect: id,
            outcome: effect.outcome.clone(),
        })
    }

    fn answered(&self, what: &What) -> Result<Stimulus, Option<String>> {
        Ok(match what {
            What::Decision { step, record } => {
                let asked = self.question(step)?;
                let mut record = record.clone();
                // What was shown is compared by itself; here it is answered.
                record.digest = asked.digest;
                Stimulus::Decided {
                    approval: asked.id,
                    record,
                }
            }
            What::Amendment { step, payload, by } => {
                let asked = self.question(step)?;
                Stimulus::Amend {
                    approval: asked.id,
                    digest: asked.digest,
                    payload: payload.clone(),
                    by: by.clone(),
                }
            }
            What::Delegation { step, from, to, by } => Stimulus::Delegate {
                approval: self.question(step)?.id,
                from: from.clone(),
                to: to.clone(),
                by: by.clone(),
            },
            _ => return Err(None),
        })
    }

    fn listening(&self, step: &StepId) -> Result<Vec<FrameId>, Option<String>> {
        let listens = self.state.listens().map(|(frame, _)| frame);
        let of = |frame: &FrameId| self.state.frame(*frame).is_some_and(|frame| frame.step == *step);
        let listens: Vec<FrameId> = listens.filter(of).collect();
        if listens.is_empty() {
            return Err(none("the step does not listen"));
        }
        Ok(listens)
    }

    fn effect(&self, step: &StepId, attempt: u32, visit: u32) -> Result<EffectId, Option<String>> {
        let known = self.effects.get(&(step.clone(), attempt, visit)).copied();
        known.ok_or_else(|| none("the step asked for no such effect"))
    }

    fn timer(&self, step: &StepId, purpose: TimerPurpose) -> Option<TimerId> {
        let of = |frame: u64| self.state.frame(frame).is_some_and(|frame| frame.step == *step);
        let mut found = self.state.timers().filter(|timer| timer.purpose == purpose);
        found.find(|timer| of(timer.frame)).map(|timer| timer.id)
    }

    fn question(&self, step: &StepId) -> Result<&PendingApproval, Option<String>> {
        let found = self.state.approvals().find(|asked| asked.step == *step);
        found.ok_or_else(|| none("nobody is asked there"))
    }
}

fn none(why: &str) -> Option<String> {
    Some(why.to_owned())
}
