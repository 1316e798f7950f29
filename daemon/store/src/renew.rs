//! A new state while the store is open: the old one failed and is out of use, commits go on in the overlay.
//!
//! Invariant: nothing leaves the overlay before the new state holds it, so at every moment the two together hold every
//! acknowledged commit; and what the overlay still remembers of older ones serves again meanwhile. Runs on the applier's thread, which is the only one that writes the state.

use crate::counters;
use crate::error::{OpenError, StateFault};
use crate::rebuild::Rebuild;
use crate::shared::Shared;
use crate::sled_state::State;
use crate::source::Source;
use crate::sync::{lock, write};
use crate::types::Position;

/// Builds the next state and puts it to use.
pub(crate) fn renew(shared: &Shared) -> Result<Position, OpenError> {
    let upto = shared.head();
    tracing::warn!(
        upto = upto.0,
        "the state is set aside and built again while the store is open"
    );
    let source = Source::Open {
        catalog: &shared.catalog,
        identity: &shared.identity,
        upto,
    };
    let progress = |done, total| shared.state.set_progress(done, total);
    let rebuild = Rebuild {
        archive: &shared.archive,
        options: &shared.options,
        layout: &shared.layout,
        source,
        noted: Position(0),
        epoch: shared.identity.epoch,
        progress: Some(&progress),
    };
    let state = rebuild.anew(&StateFault::Rebuilding { done: 0, total: 0 })?;
    put(shared, state)?;
    let mut overlay = write(&shared.overlay);
    overlay.rest(upto);
    counters::store(&shared.counters.overlay_bytes, overlay.pending_bytes());
    drop(overlay);
    tracing::info!(upto = upto.0, "the state is in use again");
    Ok(upto)
}

/// No stream moves while the states change places, so that the marks of closed streams are those of the new one.
fn put(shared: &Shared, state: State) -> Result<(), OpenError> {
    let archive = &shared.archive;
    let _still = lock(&archive.moving);
    archive.adopt(&state).map_err(|fault| OpenError::State {
        dir: shared.layout.state(),
        fault,
    })?;
    shared.state.put(state);
    Ok(())
}
