//! What the rest of the daemon may know and use of the runtime without a run of its own.

use std::sync::Arc;

use dirigent_engine::expression::{EvalReply, EvalRequest};
use dirigent_engine::machine::Workflow;
use dirigent_protocol::entity::{Document, WorkflowVersion};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::Status;

use super::error::RuntimeError;
use super::handle::RuntimeHandle;
use super::plans::body;
use crate::clock::Held;

impl RuntimeHandle {
    /// The compiled form of a stored version.
    ///
    /// # Errors
    /// It does not compile.
    pub fn workflow(&self, version: &Document) -> Result<Arc<Workflow>, RuntimeError> {
        let version: WorkflowVersion = body(version)?;
        self.core.plans.compiled(&version)
    }

    /// Whether a run exists that is not over.
    #[must_use]
    pub fn is_unfinished(&self, run: RunId) -> bool {
        self.core
            .runs
            .status(run)
            .is_some_and(|status: Status| !status.is_final())
    }

    /// Runs expressions in the worker.
    pub async fn evaluate(&self, requests: Vec<EvalRequest>) -> Vec<EvalReply> {
        self.core.worker.evaluate(requests).await
    }

    /// No approval expires before the time that stands there; whoever watches the clock sets it.
    pub fn heed(&self, held: Held) {
        self.core.held.get_or_init(|| held);
    }

    /// Something durable concerns the bus.
    pub fn bus_changed(&self) {
        self.core.bus.poke();
    }
}
