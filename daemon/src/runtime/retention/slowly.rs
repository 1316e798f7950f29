//! What the daemon does by itself: deletes by the configuration, slowly, and gives back what that leaves.
//!
//! A clock that leaps ahead deletes nothing at once: what is too old is told by the clock of the look before.

use std::time::Duration;

use dirigent_protocol::command::{Command, Prune};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::RequestId;
use tokio::time::Instant;

use super::events::give_back;
use crate::records::{Actor, BOOTSTRAP_USER, DEFAULT_ORG};
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(3_600);
/// Between two commits.
const PAUSE: Duration = Duration::from_millis(200);

/// `[retention]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kept {
    /// Runs that ended longer ago are deleted; zero deletes none.
    pub(crate) runs: Duration,
    /// The newest so many of each workflow stay in any case.
    pub(crate) newest: u32,
}

/// Looks after it until the runtime stops.
pub(crate) async fn keep(handle: RuntimeHandle) {
    let core = handle.core.clone();
    let (mut before, mut next, mut again) = ((core.clock)(), Instant::now() + EVERY, true);
    loop {
        // The first look of a life asks for everything again.
        match give_back(&core, again).await {
            Ok(()) => again = false,
            Err(error) => tracing::debug!(%error, "the events of deleted runs stay for now"),
        }
        tokio::select! {
            () = core.given_up.notified() => {}
            () = tokio::time::sleep_until(next) => {
                let as_of = std::mem::replace(&mut before, (core.clock)());
                next = Instant::now() + EVERY;
                if let Err(error) = Box::pin(by_configuration(&handle, as_of)).await {
                    tracing::warn!(%error, "runs that are not to be kept were not all deleted");
                }
            }
        }
    }
}

async fn by_configuration(handle: &RuntimeHandle, as_of: jiff::Timestamp) -> Result<(), RuntimeError> {
    let kept = handle.core.policy.get().retention;
    if kept.runs.is_zero() {
        return Ok(());
    }
    let which = Prune {
        older_than_ms: Some(u64::try_from(kept.runs.as_millis()).unwrap_or(u64::MAX)),
        keep: Some(kept.newest),
        workflow: None,
    };
    let (mut after, mut deleted) = (None, 0);
    loop {
        let pruned = handle
            .prune_as_of(as_of, &which, after, false, &actor(handle))
            .await?;
        deleted += pruned.runs;
        after = pruned.next;
        if after.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    if deleted > 0 {
        tracing::info!(
            runs = deleted,
            "runs that are not to be kept any longer are deleted"
        );
    }
    Ok(())
}

fn actor(handle: &RuntimeHandle) -> Actor {
    let subject = Subject {
        user: BOOTSTRAP_USER,
        name: "retention".to_owned(),
        org: DEFAULT_ORG,
        administrator: true,
    };
    let request = RequestId(handle.core.chance.id());
    Actor::of(subject, request, &Command::DaemonStop {})
}
