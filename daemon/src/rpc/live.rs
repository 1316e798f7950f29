//! What a document shows that is of this moment and stored nowhere: a waiting run's place, a definition that is paused.

use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::Fault;

use super::house::House;

/// The document with it.
pub(super) fn filled_in(house: &House, mut document: Document) -> Result<Document, Fault> {
    let Some(runtime) = &house.runtime else {
        return Ok(document);
    };
    let meta = &document.metadata;
    match document.kind {
        Kind::WorkflowExecution if document.spec["status"] == "pending" => {
            let since = document.spec["queue"]["since"].clone();
            if let Some(queued) = runtime.queued(meta.id.into()) {
                document.spec["queue"] = serde_json::to_value(queued).unwrap_or_default();
                document.spec["queue"]["since"] = since;
            }
        }
        Kind::Workflow | Kind::Orchestration => {
            if let Some(paused) = runtime.paused(meta.org, &meta.name)? {
                document.spec["paused"] = serde_json::to_value(paused).unwrap_or_default();
            }
        }
        _ => {}
    }
    Ok(document)
}
