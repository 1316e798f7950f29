//! What must be so when everything is over.

use std::sync::Arc;

use dirigent_daemon::records::Records;
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_store::Store;

use crate::world::World;

/// The documents of runs that are over say what their journals say, and nothing of them is left in hand.
pub(crate) fn documents(world: &World, store: &Arc<dyn Store>) -> Result<(), String> {
    let records = Records::new(store.clone());
    world.model().audit.end()?;
    for (id, run) in &world.model().runs {
        let found = records
            .get(Kind::WorkflowExecution, (*id).into())
            .map_err(|e| e.to_string())?;
        let stored = found.ok_or_else(|| format!("{id} has no document"))?;
        let execution: WorkflowExecution = stored.document.body().map_err(|e| e.to_string())?;
        let state = &run.state;
        if (execution.status, execution.events) != (state.status(), state.seq()) {
            return Err(format!(
                "{id} is {:?} with {} events; its document says {:?} with {}",
                state.status(),
                state.seq(),
                execution.status,
                execution.events
            ));
        }
        let row = [b"L".as_slice(), &id.bytes()].concat();
        if store.get(&row).map_err(|e| e.to_string())?.is_some() {
            return Err(format!("{id} is over and still in hand"));
        }
    }
    Ok(())
}
