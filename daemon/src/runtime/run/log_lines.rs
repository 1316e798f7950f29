//! What of a run's events the log tells: its beginning and end, what went wrong in a step, what waits for a person.
//!
//! Every line names the run in `run`, and its step in `step`, so that a log can be asked for one of them.
//! Steps that go well are told at `debug` only: there may be thousands in a second.

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, RunEvent};
use tracing::{Level, debug, enabled, info, warn};

/// Tells the events of a durable commit.
pub(crate) fn tell(run: RunId, workflow: &str, events: &[RunEvent]) {
    if !enabled!(Level::INFO) {
        return;
    }
    for event in events {
        one(run, workflow, &event.body);
    }
}

fn one(run: RunId, workflow: &str, body: &EventBody) {
    match body {
        EventBody::WorkflowStarted { .. } => info!(%run, workflow, "run started"),
        EventBody::WorkflowCompleted { .. } => info!(%run, workflow, "run completed"),
        EventBody::WorkflowCancelled { .. } => info!(%run, workflow, "run cancelled"),
        EventBody::WorkflowSuspended { by, .. } => info!(%run, workflow, by, "run suspended"),
        EventBody::WorkflowFaulted { error } => {
            warn!(%run, workflow, error = %error.title, "run faulted");
        }
        EventBody::TaskFaulted { step, error } => {
            warn!(%run, workflow, %step, error = %error.title, "step faulted");
        }
        EventBody::TaskRetried {
            step, attempt, error, ..
        } => {
            warn!(%run, workflow, %step, attempt, error = %error.title, "step will be tried again");
        }
        EventBody::TaskStarted { step, task, kind, .. } => {
            debug!(%run, workflow, %step, task = &**task, kind = &**kind, "step started");
        }
        EventBody::TaskCompleted { step, .. } => debug!(%run, workflow, %step, "step completed"),
        EventBody::ApprovalRequested { approval, step, .. } => {
            info!(%run, workflow, %step, %approval, "waiting for a decision");
        }
        EventBody::EffectUnknown { effect, reason, .. } => {
            warn!(%run, workflow, effect = effect.0, reason, "what became of an effect is unknown");
        }
        _ => {}
    }
}
