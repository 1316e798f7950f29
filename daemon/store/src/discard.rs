//! Gives back what finished streams take that nobody reads any more.
//!
//! Those in the state leave it. A volume goes once nobody wants any stream in it; until then it stays whole. Does not
//! decide what is unwanted, and does not remember it: whoever does asks again until nothing is left.

use crate::closed::Closed;
use crate::error::MaintainError;
use crate::feed;
use crate::shared::Shared;
use crate::sled_closed::Leaving;
use crate::sync::lock;
use crate::types::{Discarded, StreamId};
use std::collections::HashSet;
use std::time::Duration;

/// How long the state may take to catch up.
const SETTLE: Duration = Duration::from_secs(10);

pub(crate) fn run(shared: &Shared, streams: &[StreamId]) -> Result<Discarded, MaintainError> {
    let _one = lock(&shared.archive.moving);
    let mut discarded = Discarded::default();
    let wanted = shared.head();
    if streams.is_empty() || shared.settle(wanted, SETTLE) < wanted {
        return Ok(discarded);
    }
    let unwanted: HashSet<StreamId> = streams.iter().copied().collect();
    let state = shared.state()?;
    let fault = |fault| MaintainError::Read(shared.suspect(&state, fault));
    let closed = state.closed_streams(usize::MAX).map_err(fault)?;
    let resting: Vec<Closed> = closed
        .into_iter()
        .filter(|one| unwanted.contains(&one.stream))
        .collect();
    state.remove_streams(&resting, Leaving::Unwanted).map_err(fault)?;
    resting.iter().for_each(|one| shared.archive.moved(one.stream));
    for volume in shared.archive.volumes() {
        let here = unwanted.iter().filter(|stream| volume.spans(**stream)).count();
        if (here as u64) < volume.entries() {
            continue;
        }
        let held = volume.streams(&*shared.options.disk)?;
        if held.iter().all(|stream| unwanted.contains(stream)) {
            shared.archive.give_back(&volume)?;
            state.remove_volume(volume.number).map_err(fault)?;
            discarded.volumes += 1;
            discarded.bytes += volume.bytes;
        }
    }
    for stream in streams {
        if feed::stream_end(shared, *stream)?.seq == 0 {
            discarded.gone.push(*stream);
        }
    }
    Ok(discarded)
}
