//! Between runs and the gate: what a run says of itself, and telling those whose turn has come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dirigent_engine::machine::Workflow;
use dirigent_engine::{Answers, RunKey};
use dirigent_protocol::Payload;
use dirigent_protocol::entity::WorkflowExecution;
use dirigent_protocol::id::RunId;

use super::gate::Admitted;
use super::place::{Ask, Limits};
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::body;
use crate::runtime::run::message::Message;

/// How often a key may ask the expression worker.
const MAX_ROUNDS: usize = 300;
/// Runs above a run that are looked at.
const MAX_DEPTH: usize = 64;
/// Longest single wait, so that a clock that jumps is noticed.
const PIECE: Duration = Duration::from_secs(1);

impl Core {
    /// What a run of a version says to the gate. A run of a run that is one of the same definition goes along with that
    /// one: it could never begin otherwise.
    pub(crate) async fn ask_for(
        &self,
        workflow: &Workflow,
        input: &Payload,
        priority: Option<i32>,
        parent: Option<RunId>,
    ) -> Result<Ask, RuntimeError> {
        let settings = workflow.settings();
        let mut ask = Ask {
            definition: workflow.name().to_owned(),
            key: None,
            limits: Limits::of(&settings.runs),
            priority: priority.or(settings.priority).unwrap_or_default(),
            child: parent.is_some(),
        };
        if !ask.limits.any() {
            return Ok(ask);
        }
        if self.is_inside(parent, workflow.name())? {
            ask.limits = Limits::default();
            return Ok(ask);
        }
        ask.key = self.key_of(workflow, input).await?;
        Ok(ask)
    }

    async fn key_of(&self, workflow: &Workflow, input: &Payload) -> Result<Option<String>, RuntimeError> {
        let (mut answers, now) = (Answers::default(), (self.clock)());
        for _ in 0..MAX_ROUNDS {
            match workflow.settings().runs.key_of(input, &answers, now) {
                RunKey::None => return Ok(None),
                RunKey::Of(key) => return Ok(Some(key)),
                RunKey::Failed(detail) => return Err(RuntimeError::BadInput { detail }),
                RunKey::Ask(requests) => {
                    for reply in self.worker.evaluate(requests).await {
                        answers.insert(reply);
                    }
                }
            }
        }
        Err(RuntimeError::Internal("a key asks for expressions without end"))
    }

    /// Whether a run above is one of that definition.
    fn is_inside(&self, mut parent: Option<RunId>, definition: &str) -> Result<bool, RuntimeError> {
        for _ in 0..MAX_DEPTH {
            let Some(run) = parent else { return Ok(false) };
            let above: WorkflowExecution = body(&self.plans.execution(run)?)?;
            if above.workflow == definition {
                return Ok(true);
            }
            parent = above.parent;
        }
        Ok(false)
    }

    /// Tells runs that their turn has come.
    pub(crate) fn admit(self: &Arc<Self>, passed: Vec<Admitted>) {
        let mut passed = passed;
        while let Some(Admitted { run, counted }) = passed.pop() {
            if self.deliver(run, Message::Admitted(counted)).is_err() && !self.tasks.is_stopping() {
                // It is over meanwhile.
                passed.extend(self.gate.leave(run, false, (self.clock)()));
            }
        }
    }

    /// Lets runs begin, or none, as the disk and the daemon's life say.
    pub(crate) fn hold_gate(self: &Arc<Self>) {
        let rests = self.draining.load(Ordering::Acquire)
            || self.emergency.stopped().is_some()
            || self.space.get().admit().is_err();
        self.admit(self.gate.hold(rests, (self.clock)()));
    }

    /// Lets runs through whose turn comes by the clock, for ever.
    pub(crate) async fn serve_gate(self: Arc<Self>) {
        loop {
            let now = (self.clock)();
            self.admit(self.gate.pass(now));
            match self.gate.due(now) {
                Some(due) => {
                    let rest = Duration::try_from(due.duration_since(now)).unwrap_or_default();
                    let piece = rest.clamp(Duration::from_millis(1), PIECE);
                    drop(tokio::time::timeout(piece, self.gate.changed()).await);
                }
                None => self.gate.changed().await,
            }
        }
    }
}
