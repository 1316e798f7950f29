//! The effect ledger within a decision: requests, permits, keys, attempts.

use std::time::Duration;

use dirigent_protocol::run::{
    Amounts, EffectId, EffectOutcome, EffectRequest, EventBody, OnUnknown, WorkflowError,
};

use super::budget::Room;
use super::model::{Me, Next, Outcome, Stop, Turn};
use super::stimulus::PermitClass;

/// How often an effect under `retry` may end unknown before its task fails.
const MAX_UNKNOWNS: u32 = 5;

impl Turn<'_, '_> {
    /// Asks for an effect: intended at once where a permit is free, else queued.
    pub fn request(&mut self, me: Me<'_>, request: EffectRequest) -> Outcome {
        let step = self.step(me.frame);
        let attempt = self.state.frame(me.frame).map_or(1, |frame| frame.attempt);
        let reserved = match self.room(me.frame, &request) {
            Room::Free => None,
            Room::Reserve(worst) => Some(worst),
            Room::Later(limited) => {
                self.hold(&step, attempt, limited, request);
                return Ok(Next::Wait);
            }
            Room::Full(shortage) => {
                if !self.ask_to_raise(&shortage) {
                    return Err(Stop::fault(shortage.error()));
                }
                self.hold(&step, attempt, shortage.limited, request);
                return Ok(Next::Wait);
            }
        };
        let effect = EffectId(self.next_seq());
        if self.permit(&request) {
            self.intend(me, effect, attempt, Some(request), reserved);
        } else {
            self.emit(EventBody::EffectQueued {
                effect,
                step,
                attempt,
                request,
            });
        }
        Ok(Next::Wait)
    }

    /// Secrets that a request of this task may have filled in.
    pub(crate) fn secrets(&self, me: Me<'_>) -> Vec<String> {
        if me.task.uses_secrets {
            self.workflow.secrets.clone()
        } else {
            Vec::new()
        }
    }

    fn class(&self, request: &EffectRequest) -> PermitClass {
        PermitClass {
            kind: request.kind(),
            run_limit: self.workflow.settings.concurrency,
        }
    }

    pub(super) fn permit(&mut self, request: &EffectRequest) -> bool {
        let class = self.class(request);
        let given = self.cx.permits.try_acquire(class);
        if given {
            self.taken.push(class);
        }
        given
    }

    /// Records the intent; `request` where it was not queued before.
    pub(crate) fn intend(
        &mut self,
        me: Me<'_>,
        effect: EffectId,
        attempt: u32,
        request: Option<EffectRequest>,
        reserved: Option<Amounts>,
    ) {
        let step = self.step(me.frame);
        let digest = match (&request, self.state.effect(effect)) {
            (Some(request), _) => request.digest(),
            (None, Some(queued)) => queued.request.digest(),
            (None, None) => return,
        };
        // The frame's number names this visit of the step: a retry of the daemon repeats it, a known failure
        // or another visit does not.
        let mut key = format!("{}-{}-{attempt}", self.state.run, me.frame);
        if let Some(turn) = self
            .state
            .frame(me.frame)
            .and_then(|frame| frame.conversation.as_ref())
        {
            key.push_str(&format!("-t{}", turn.exchanges.len()));
        }
        let asked = request
            .as_ref()
            .or_else(|| self.state.effect(effect).map(|queued| &queued.request));
        let answers = asked.map_or(0, |request| request.answers().len());
        if answers > 0 {
            // With another answer it is another request.
            key.push_str(&format!("-a{answers}"));
        }
        let on_unknown = match asked {
            Some(request) if request.follows() => OnUnknown::Retry,
            _ => self.on_unknown(me),
        };
        self.emit(EventBody::EffectIntended {
            effect,
            step,
            attempt,
            key,
            digest,
            on_unknown,
            request,
            reserved,
        });
    }

    pub(crate) fn on_unknown(&self, me: Me<'_>) -> OnUnknown {
        if let Some(always) = me
            .task
            .body
            .always_on_unknown()
            .or_else(|| self.planned_policy(me))
        {
            return always;
        }
        let own = &me.task.base.settings;
        let verify = me.task.verify.map(|_| OnUnknown::Verify);
        let declared = own
            .on_unknown
            .or(verify)
            .or(own.class.map(|_| OnUnknown::Ask))
            .or(self.workflow.settings.on_unknown)
            .unwrap_or_default();
        match declared {
            OnUnknown::Verify if me.task.verify.is_none() => OnUnknown::Ask,
            declared => declared,
        }
    }

    /// An effect ended: go on, try again, or fail.
    pub(crate) fn effect_ended(&mut self, me: Me<'_>, outcome: EffectOutcome, attempt: u32) -> Outcome {
        match outcome {
            EffectOutcome::Done { output, .. } => me.task.body.performed(self, me, output),
            EffectOutcome::Turn { .. } => self.converse(me),
            EffectOutcome::Asks { ask } => self.effect_asks(me, &ask),
            EffectOutcome::Failed {
                error,
                retryable: true,
                retry_after_ms,
                retry,
                ..
            } => self.try_again(me, error, (retry_after_ms, retry.as_deref()), attempt),
            EffectOutcome::Failed { error, .. } => Err(Stop::fault(error)),
            EffectOutcome::Unknown { reason } => {
                let error = WorkflowError::standard("runtime", 500, "Nobody knows whether it happened");
                Err(Stop::fault(error.detail(reason)))
            }
            EffectOutcome::Cancelled => {
                let error = WorkflowError::standard("runtime", 500, "The effect was stopped");
                Err(Stop::fault(error))
            }
        }
    }

    /// Nobody knows how an effect ended: what its policy says. Repeats after the daemon's own death are not counted
    /// against the effect (the runtime sets aside a run that keeps killing it), those after a cut connection are.
    /// Answers whether it is to be repeated, and so needs room in the budgets once more.
    pub(crate) fn effect_unknown(&mut self, effect: EffectId, reason: String, daemon_died: bool) -> bool {
        let Some(known) = self.state.effect(effect) else {
            return false;
        };
        let crate::state::EffectPhase::Intended { on_unknown, .. } = &known.phase else {
            return false;
        };
        let policy = match on_unknown {
            OnUnknown::Retry if !daemon_died && known.unknowns >= MAX_UNKNOWNS => OnUnknown::Fail,
            OnUnknown::Verify if known.unknowns >= MAX_UNKNOWNS => OnUnknown::Ask,
            policy => *policy,
        };
        let abort = known.abort;
        if abort {
            self.emit(EventBody::EffectSettled {
                effect,
                outcome: EffectOutcome::Unknown { reason },
            });
        } else {
            self.emit(EventBody::EffectUnknown {
                effect,
                policy,
                reason,
            });
        }
        !abort && policy == OnUnknown::Retry
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
