//! Conversations with an agent: each is a run of one built-in document that listens, and calls the agent for each thing
//! that is said. So a conversation is durable, streamed, resumed and forked as any run is, and nothing else keeps it.
//!
//! Invariant: what is said is an event for exactly this run; an answer that was stored is not asked for again.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::{Started, Terms};
use super::error::RuntimeError;
use super::handle::RuntimeHandle;
use crate::records::Actor;

const DOCUMENT: &str = include_str!("conversation.yaml");
/// The label that says with whom.
const LABEL: &str = "dirigent.conversation";

impl RuntimeHandle {
    /// Begins a conversation; `input` is what the agent's instructions are written over.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) async fn converse(
        &self,
        agent: &str,
        input: Value,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        let labels = BTreeMap::from([(LABEL.to_owned(), agent.to_owned())]);
        let input = json!({ "agent": agent, "input": input });
        self.start_text(
            ("conversation.yaml", DOCUMENT),
            (input, Terms::default()),
            labels,
            actor,
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_a_workflow() {
        let workflow = dirigent_engine::load("conversation", super::DOCUMENT);
        workflow.unwrap_or_else(|found| panic!("{found:?}"));
    }
}
