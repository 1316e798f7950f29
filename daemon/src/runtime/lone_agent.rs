//! An agent in a run of its own: a built-in document that calls it once.

use dirigent_protocol::entity::Document;
use serde_json::{Value, json};

use super::error::RuntimeError;
use super::handle::RuntimeHandle;
use super::unnamed_version::unnamed_version;

const DOCUMENT: &str = include_str!("lone_agent.yaml");

impl RuntimeHandle {
    /// What runs an agent alone, and the input it takes.
    ///
    /// # Errors
    /// The store could not be read or did not commit.
    pub(crate) async fn lone_agent(
        &self,
        agent: &str,
        input: Value,
    ) -> Result<(Document, Value), RuntimeError> {
        let version = unnamed_version(&self.core, "lone_agent.yaml", DOCUMENT).await?;
        Ok((version, json!({ "agent": agent, "input": input })))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_a_workflow() {
        let workflow = dirigent_engine::load("lone_agent", super::DOCUMENT);
        workflow.unwrap_or_else(|found| panic!("{found:?}"));
    }
}
