//! What is said of a dry run at the places of the text: what would fail, and which samples were made up.

use dirigent_engine::RunState;
use dirigent_protocol::run::{StepId, WorkflowError};
use dirigent_protocol::source::{Diagnostic, Node, Place};

pub(super) struct Report<'a> {
    pub(super) node: &'a Node,
    pub(super) state: &'a RunState,
    pub(super) made_up: &'a [(StepId, String)],
    pub(super) stuck: Option<&'a WorkflowError>,
}

impl Report<'_> {
    pub(super) fn findings(&self) -> Vec<Diagnostic> {
        let failure = self
            .stuck
            .or(self.state.error())
            .map(|error| self.would_fail(error));
        let made_up = self.made_up.iter().map(|(step, what)| {
            let message = format!("{what}: its outcome here is made up");
            Diagnostic::warning("made_up", message, self.place(step))
                .help("say what it gives: `metadata: { dirigent: { sample: VALUE } }` of the task")
        });
        failure.into_iter().chain(made_up).collect()
    }

    fn would_fail(&self, error: &WorkflowError) -> Diagnostic {
        let detail = error
            .detail
            .as_ref()
            .map_or_else(String::new, |detail| format!(": {detail}"));
        let at = error
            .instance
            .as_ref()
            .map_or_else(Place::default, |step| self.place(step));
        Diagnostic::error(
            "would_fail",
            format!("{} ({}){detail}", error.title, error.status),
            at,
        )
    }

    /// Where the step's task stands: its name, which is above and before what it holds.
    fn place(&self, step: &StepId) -> Place {
        let pointer = &*step.pointer;
        let (list, name) = pointer.rsplit_once('/').unwrap_or_default();
        let at = if name.is_empty() { pointer } else { list };
        Place::new(self.node.locate(at), pointer)
    }
}
