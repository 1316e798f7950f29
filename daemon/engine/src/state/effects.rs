//! Folding what happens to effects.

use std::sync::Arc;

use dirigent_protocol::run::{
    AgentCall, AgentTurn, Amounts, EffectId, EffectOutcome, EffectRequest, EventBody, OnUnknown, Resolution,
    StepId, Traits, Usage, WorkflowError,
};

use super::conversation::Conversation;
use super::frame::{Asked, FrameId, Wait};
use super::run::{Effect, EffectPhase, RunState};

impl RunState {
    pub(super) fn effect_event(&mut self, body: &EventBody) {
        match body {
            EventBody::EffectQueued {
                effect,
                step,
                attempt,
                request,
            } => {
                self.add_effect(*effect, step, *attempt, request.clone(), EffectPhase::Queued);
            }
            EventBody::EffectIntended {
                effect,
                step,
                attempt,
                key,
                on_unknown,
                request,
                reserved,
                ..
            } => {
                let phase = EffectPhase::Intended {
                    key: Arc::from(key.as_str()),
                    on_unknown: *on_unknown,
                };
                let known = (*effect, step, *attempt);
                self.intended(known, phase, request.as_ref(), *reserved);
            }
            EventBody::EffectSettled { effect, outcome } => self.settle(*effect, outcome),
            EventBody::EffectLate { effect, outcome } => {
                if let Some(known) = self.effects.remove(effect.0) {
                    self.charge(&known, outcome);
                } else {
                    self.clear_doubt(*effect, outcome);
                }
                self.usage += usage(outcome);
            }
            EventBody::EffectUnknown {
                effect,
                policy,
                reason,
            } => match policy {
                OnUnknown::Fail => {
                    self.settle(
                        *effect,
                        &EffectOutcome::Unknown {
                            reason: reason.clone(),
                        },
                    );
                }
                OnUnknown::Retry | OnUnknown::Ask | OnUnknown::Verify => self.unknown(*effect, *policy),
            },
            EventBody::EffectResolved {
                effect, resolution, ..
            } => self.resolve(*effect, resolution),
            _ => {}
        }
    }

    fn unknown(&mut self, effect: EffectId, policy: OnUnknown) {
        self.doubt(effect);
        if let Some(known) = self.effects.get_mut(effect.0).map(Arc::make_mut) {
            known.unknowns += 1;
            known.phase = known.phase.clone().unknown(policy);
        }
    }

    fn intended(
        &mut self,
        (effect, step, attempt): (EffectId, &StepId, u32),
        phase: EffectPhase,
        request: Option<&EffectRequest>,
        reserved: Option<Amounts>,
    ) {
        if let Some(known) = self.effects.get_mut(effect.0) {
            Arc::make_mut(known).phase = phase;
        } else if let Some(request) = request {
            self.add_effect(effect, step, attempt, request.clone(), phase);
        }
        if let Some(reserved) = reserved {
            self.reserve(effect, reserved);
        }
    }

    pub(super) fn resolve(&mut self, effect: EffectId, resolution: &Resolution) {
        match resolution {
            Resolution::Again => {
                if let Some(known) = self.effects.get_mut(effect.0).map(Arc::make_mut) {
                    known.phase = known.phase.clone().resumed();
                }
            }
            Resolution::Happened { output } => {
                let outcome = EffectOutcome::Done {
                    output: output.clone(),
                    usage: Usage::default(),
                    facts: std::collections::BTreeMap::default(),
                };
                self.settle(effect, &outcome);
            }
            Resolution::Failed { reason } => {
                let error = WorkflowError::standard("runtime", 500, "Outcome decided by a person")
                    .detail(reason.clone());
                let outcome = EffectOutcome::Failed {
                    error,
                    retryable: false,
                    retry_after_ms: None,
                    usage: Usage::default(),
                    retry: None,
                };
                self.settle(effect, &outcome);
            }
        }
    }

    pub(super) fn settle(&mut self, id: EffectId, outcome: &EffectOutcome) {
        let Some(effect) = self.effects.remove(id.0) else {
            return;
        };
        self.charge(&effect, outcome);
        self.usage += usage(outcome);
        self.comes_in(&effect, outcome);
        if let (EffectOutcome::Turn { turn, usage, .. }, EffectRequest::Agent(call)) =
            (outcome, &effect.request)
        {
            self.turned(effect.frame, call, turn, *usage);
        }
        if let Some(frame) = self.frame_mut(effect.frame)
            && frame.wait == Wait::Effect(id)
        {
            if let EffectOutcome::Asks { ask } = outcome {
                let (request, ask) = (effect.request.clone(), ask.clone());
                frame.asked = Some(Arc::new(Asked { request, ask }));
            }
            frame.wait = Wait::Outcome {
                outcome: outcome.clone(),
                attempt: effect.attempt,
            };
        }
    }

    /// What came into the run with an outcome. What tools of agents bring is counted with their answers: a grant says it.
    fn comes_in(&mut self, effect: &Effect, outcome: &EffectOutcome) {
        let answered = matches!(outcome, EffectOutcome::Done { .. } | EffectOutcome::Failed { .. });
        let tool = self.is_tool_call(effect);
        let by_kind = if answered && !tool {
            effect.request.brings()
        } else {
            Traits::default()
        };
        self.seen = self.seen.and(by_kind).and(outcome.brought());
    }

    /// A model wants tools: its turn is part of the conversation.
    fn turned(&mut self, frame: FrameId, call: &AgentCall, turn: &Arc<AgentTurn>, usage: Usage) {
        // Whatever came into this run may stand in its input, whoever wrote it down in between.
        let seen = self.seen;
        let Some(own) = self.frame_mut(frame) else { return };
        // Attempts count within a turn.
        own.attempt = 1;
        own.refused = None;
        let conversation = own
            .conversation
            .get_or_insert_with(|| Arc::new(Conversation::new(call, seen)));
        Arc::make_mut(conversation).turned(turn, usage);
        let now = conversation.seen;
        self.seen = self.seen.and(now);
    }

    pub(super) fn add_effect(
        &mut self,
        id: EffectId,
        step: &StepId,
        attempt: u32,
        request: EffectRequest,
        phase: EffectPhase,
    ) {
        let Some(frame) = self.frame_of(step) else { return };
        self.note_handoff(frame, &request);
        let effect = Effect {
            id,
            step: step.clone(),
            frame,
            attempt,
            request,
            phase,
            unknowns: 0,
            abort: false,
            reserved: None,
        };
        self.effects.insert(id.0, Arc::new(effect));
        if let Some(frame) = self.frame_mut(frame) {
            frame.wait = Wait::Effect(id);
            frame.asked = None;
        }
    }
}

impl EffectPhase {
    fn unknown(self, policy: OnUnknown) -> Self {
        match (self, policy) {
            (Self::Intended { key, on_unknown } | Self::Verifying { key, on_unknown }, OnUnknown::Ask) => {
                Self::Parked { key, on_unknown }
            }
            (Self::Intended { key, on_unknown }, OnUnknown::Verify) => Self::Verifying { key, on_unknown },
            (other, _) => other,
        }
    }

    fn resumed(self) -> Self {
        match self {
            Self::Parked { key, on_unknown } | Self::Verifying { key, on_unknown } => {
                Self::Intended { key, on_unknown }
            }
            other => other,
        }
    }
}

pub(super) fn usage(outcome: &EffectOutcome) -> Usage {
    match outcome {
        EffectOutcome::Done { usage, .. }
        | EffectOutcome::Turn { usage, .. }
        | EffectOutcome::Failed { usage, .. } => *usage,
        EffectOutcome::Unknown { .. } | EffectOutcome::Cancelled | EffectOutcome::Asks { .. } => {
            Usage::default()
        }
    }
}
