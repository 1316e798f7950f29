//! After a commit: begin what is intended, queue what waits, stop what is no longer wanted.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use dirigent_engine::budget_inside;
use dirigent_engine::state::{Effect, EffectPhase};
use dirigent_protocol::run::{EffectId, EffectOutcome, EventBody, OnUnknown, Resolution, RunEvent};
use dirigent_protocol::watch::StreamSource;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::driver::{Driver, Performing};
use super::message::Message;
use crate::runtime::admission::permits::Permit;
use crate::runtime::core::Core;
use crate::runtime::effects::Call;
use crate::runtime::effects::secrets::{self, Revealed};
use crate::runtime::effects::secrets_mask;

/// Before an effect whose outcome is unknown is performed again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(30);

impl Driver {
    /// Acts on events that are durable.
    pub(crate) fn act(&mut self, events: &[RunEvent], mut permits: BTreeMap<EffectId, Permit>) {
        let mut stopped = false;
        for event in events {
            match &event.body {
                EventBody::EffectIntended { effect, .. } => {
                    let permit = permits.remove(effect);
                    self.begin(*effect, permit, Duration::ZERO);
                }
                EventBody::EffectUnknown {
                    effect,
                    policy: OnUnknown::Retry,
                    ..
                } => {
                    self.begin(*effect, None, self.pause(*effect));
                }
                EventBody::EffectResolved {
                    effect,
                    resolution: Resolution::Again,
                    ..
                } => {
                    self.begin(*effect, None, Duration::ZERO);
                }
                EventBody::EffectQueued { effect, .. } | EventBody::EffectReleased { effect } => {
                    self.enqueue(*effect);
                }
                // It waits for room in a budget; its turn is another's.
                EventBody::EffectHeld { .. } => self.let_next(),
                EventBody::EffectSettled { .. }
                | EventBody::TaskCancelled { .. }
                | EventBody::TaskFaulted { .. }
                | EventBody::WorkflowCancelling { .. }
                | EventBody::WorkflowCompleted { .. }
                | EventBody::WorkflowFaulted { .. } => stopped = true,
                _ => {}
            }
        }
        if stopped {
            let unwanted = self
                .performing
                .iter()
                .filter(|(effect, _)| !Batch::is_intended(&self.state, **effect));
            for (_, performing) in unwanted {
                performing.cancel.cancel();
            }
        }
    }

    /// Before a repeat: none after the daemon's own death. Its start was the pause, and a pause that the next death
    /// begins anew, longer, would never end under a daemon that keeps dying.
    fn pause(&self, effect: EffectId) -> Duration {
        if self.recovering {
            return Duration::ZERO;
        }
        let unknowns = self.state.effect(effect).map_or(0, |known| known.unknowns);
        FIRST_PAUSE
            .saturating_mul(1 << unknowns.saturating_sub(1).min(16))
            .min(LAST_PAUSE)
    }

    /// Queues every effect that waits in the state: after a load and after a pause.
    pub(crate) fn enqueue_waiting(&mut self) {
        let waiting: Vec<EffectId> = self
            .state
            .effects()
            .filter(|effect| effect.phase == EffectPhase::Queued && !effect.abort)
            .map(|effect| effect.id)
            .collect();
        for effect in waiting {
            self.enqueue(effect);
        }
    }

    /// Takes everything out of the queues again.
    pub(crate) fn dequeue_all(&mut self) {
        self.core.permits.forget(self.run);
        self.kept_back.clear();
        self.in_queue = 0;
    }

    /// An effect of this run ended or lost its turn: the first one kept back that is still wanted may wait for a
    /// permit. Those that were stopped meanwhile must not take its turn.
    pub(crate) fn let_next(&mut self) {
        while let Some(effect) = self.kept_back.pop_front() {
            if self.is_wanted(effect) {
                self.enqueue(effect);
                return;
            }
        }
    }

    fn is_wanted(&self, effect: EffectId) -> bool {
        let known = self.state.effect(effect);
        known.is_some_and(|known| known.phase == EffectPhase::Queued && !known.abort)
    }

    fn enqueue(&mut self, effect: EffectId) {
        let Some(known) = self
            .state
            .effect(effect)
            .filter(|known| known.phase == EffectPhase::Queued)
        else {
            return;
        };
        let limit = self.workflow.settings().concurrency;
        if limit.is_some_and(|limit| self.performing.len() + self.in_queue >= limit as usize) {
            self.kept_back.push_back(effect);
            return;
        }
        self.in_queue += 1;
        self.core.permits.wait(known.request.kind(), self.run, effect);
    }

    /// Performs an effect whose intent is durable, after a pause.
    fn begin(&mut self, effect: EffectId, permit: Option<Permit>, pause: Duration) {
        let Some(known) = self.state.effect(effect).cloned() else {
            return;
        };
        let EffectPhase::Intended { key, .. } = &known.phase else {
            return;
        };
        if known.abort {
            // Stopped in the very commit that intended it: it never began.
            self.own.push_back(Message::Settled {
                effect,
                outcome: Box::new(EffectOutcome::Cancelled),
            });
            return;
        }
        let kind = known.request.kind();
        let permit = permit.unwrap_or_else(|| self.core.permits.take_anyway(kind));
        let cancel = CancellationToken::new();
        let call = self.call(&known, key.clone(), cancel.clone());
        self.performing.insert(
            effect,
            Performing {
                cancel,
                _permit: permit,
            },
        );
        let Some(performer) = self.core.performers.of(kind) else {
            return;
        };
        if performer.immediate()
            && let Some(outcome) = performer.perform(call.clone()).now_or_never()
        {
            let outcome = Box::new(outcome);
            self.own.push_back(Message::Settled { effect, outcome });
            return;
        }
        let (core, run) = (self.core.clone(), self.run);
        self.core.tasks.spawn_until_stop("effect", async move {
            let outcome = AssertUnwindSafe(perform(&core, call, pause)).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| EffectOutcome::Unknown {
                reason: "its performer failed; this is a defect".into(),
            });
            let outcome = Box::new(outcome);
            if core.deliver(run, Message::Settled { effect, outcome }).is_err() {
                tracing::debug!(%run, effect = effect.0, "an outcome came after its run was over");
            }
        });
    }

    pub(super) fn call(&self, known: &Effect, key: std::sync::Arc<str>, cancel: CancellationToken) -> Call {
        let inside = || budget_inside(&self.workflow, &self.state, known.id, (self.core.clock)());
        let budget = known.request.is_run().then(inside);
        Call {
            run: self.run,
            step: known.step.clone(),
            effect: known.id,
            attempt: known.attempt,
            key,
            request: known.request.clone(),
            conversation: self.state.conversation(known),
            cancel,
            reserved: known.reserved,
            budget: budget.flatten(),
            tool: self.state.is_tool_call(known),
            seen: self.state.seen(),
            trial: self.state.pins().trial,
            live: self.core.live.sink(self.run, &known.step, known.attempt),
        }
    }
}

async fn perform(core: &Core, call: Call, pause: Duration) -> EffectOutcome {
    tokio::select! {
        biased;
        () = core.emergency.over() => {}
        // What was performed before and is stopped now may have happened.
        () = call.cancel.cancelled() => return match pause.is_zero() {
            true => EffectOutcome::Cancelled,
            false => EffectOutcome::Unknown { reason: "stopped before it was repeated".into() },
        },
    }
    if !pause.is_zero() {
        call.live.write(
            StreamSource::Note,
            "nobody knows how the last attempt ended; again with the same key\n",
        );
        tokio::select! {
            biased;
            () = call.cancel.cancelled() => return EffectOutcome::Unknown { reason: "stopped before it was repeated".into() },
            () = tokio::time::sleep(pause) => {}
        }
    }
    watched(core, call).await
}

/// Performs it with its secrets filled in; nothing that must not be kept stands in the outcome.
async fn watched(core: &Core, call: Call) -> EffectOutcome {
    let Some(performer) = core.performers.of(call.request.kind()) else {
        return EffectOutcome::Unknown {
            reason: "there is no performer".into(),
        };
    };
    let kept = match core.watch.before(&call).await {
        Ok(kept) => kept,
        Err(outcome) => return *outcome,
    };
    let marked = performer.remembers(&call.request).then(|| call.clone());
    let Revealed { request, mut values } = match secrets::reveal(&core.settings.data_dir, call.request) {
        Ok(revealed) => revealed,
        Err(outcome) => return *outcome,
    };
    // What a step with secrets writes is not shown: a value could stand in any two pieces of it.
    let live = if values.is_empty() {
        call.live
    } else {
        call.live.silenced()
    };
    values.extend(kept.iter().map(|one| one.value.clone()));
    let values = secrets::longest_first(values);
    let run = call.run;
    let (is_run, cancel) = (request.is_run(), call.cancel.clone());
    let performing = performer.perform(Call {
        request,
        live,
        ..call
    });
    // A run that another one waits for is not ended with its effects.
    let outcome = match is_run {
        true => performing.await,
        false => core.emergency.unless_stopped(cancel, performing).await,
    };
    let outcome = secrets_mask::masked(outcome, &values);
    if let Some(marked) = marked {
        performer.ended(&marked, &outcome);
    }
    core.watch.after(run, &outcome).await;
    outcome
}
