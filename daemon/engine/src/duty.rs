//! What the driver owes the world after a commit: effects to perform or abort, timers to set, people to ask.

use std::sync::Arc;

use dirigent_protocol::run::{
    EffectId, EffectKind, EffectOutcome, EffectRequest, EventBody, OnUnknown, Resolution, RunEvent, StepId,
};

use crate::state::{Effect, EffectPhase, RunState};

/// One thing to do, once the events that say so are durable.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "duties are few and live briefly")]
pub enum Duty {
    /// Perform an effect (again, with the same key, where its outcome was unknown).
    Perform {
        /// Which.
        effect: EffectId,
        /// Of which step.
        step: StepId,
        /// Which attempt.
        attempt: u32,
        /// Its idempotency key.
        key: Arc<str>,
        /// What to do.
        request: EffectRequest,
        /// Whether it was begun before.
        again: bool,
    },
    /// Get a permit for an effect, then send `Stimulus::Permitted`.
    Queue {
        /// Which.
        effect: EffectId,
        /// What kind of permit.
        kind: EffectKind,
    },
    /// Stop performing an effect if it runs; report how it ended only where `report` is set.
    Abort {
        /// Which.
        effect: EffectId,
        /// The run waits for the report.
        report: bool,
    },
}

/// Duties of events that were just committed and folded into `state`.
#[must_use]
pub fn duties(state: &RunState, events: &[RunEvent]) -> Vec<Duty> {
    let mut duties = Vec::new();
    let mut stopped = false;
    for event in events {
        let (effect, again) = match &event.body {
            EventBody::EffectIntended { effect, .. } => (effect, false),
            EventBody::EffectUnknown {
                effect,
                policy: OnUnknown::Retry,
                ..
            }
            | EventBody::EffectResolved {
                effect,
                resolution: Resolution::Again,
                ..
            } => (effect, true),
            EventBody::EffectReleased { effect } | EventBody::EffectQueued { effect, .. } => {
                duties.extend(queue(state, *effect));
                continue;
            }
            EventBody::EffectSettled {
                effect,
                outcome: EffectOutcome::Cancelled,
            } => {
                duties.push(Duty::Abort {
                    effect: *effect,
                    report: false,
                });
                continue;
            }
            EventBody::TaskCancelled { .. } | EventBody::WorkflowCancelling { .. } => {
                stopped = true;
                continue;
            }
            _ => continue,
        };
        duties.extend(state.effect(*effect).and_then(|known| perform(known, again)));
    }
    if stopped {
        let aborted = state.effects().filter(|effect| effect.abort);
        duties.extend(aborted.map(|effect| Duty::Abort {
            effect: effect.id,
            report: true,
        }));
    }
    duties
}

/// Everything owed for a state that was just loaded, after `Stimulus::Recovered` was decided and committed.
#[must_use]
pub fn all_duties(state: &RunState) -> Vec<Duty> {
    state
        .effects()
        .filter_map(|effect| match effect.phase {
            _ if effect.abort => Some(Duty::Abort {
                effect: effect.id,
                report: true,
            }),
            EffectPhase::Queued => Some(Duty::Queue {
                effect: effect.id,
                kind: effect.request.kind(),
            }),
            EffectPhase::Intended { .. } => perform(effect, effect.unknowns > 0),
            EffectPhase::Held | EffectPhase::Parked { .. } | EffectPhase::Verifying { .. } => None,
        })
        .collect()
}

fn queue(state: &RunState, effect: EffectId) -> Option<Duty> {
    let known = state.effect(effect)?;
    (known.phase == EffectPhase::Queued).then(|| Duty::Queue {
        effect,
        kind: known.request.kind(),
    })
}

fn perform(effect: &Effect, again: bool) -> Option<Duty> {
    let EffectPhase::Intended { key, .. } = &effect.phase else {
        return None;
    };
    (!effect.abort).then(|| Duty::Perform {
        effect: effect.id,
        step: effect.step.clone(),
        attempt: effect.attempt,
        key: key.clone(),
        request: effect.request.clone(),
        again,
    })
}
