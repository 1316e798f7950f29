//! Starting what is due: under a key that names schedule and due time, within the limits of overlap.

use std::collections::BTreeMap;

use dirigent_engine::Overlap;
use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{RequestId, RunId};
use serde_json::Value;
use uuid::Uuid;

use super::book::Kept;
use crate::records::Actor;
use crate::runtime::{RuntimeError, RuntimeHandle, StartRun, Started};

/// Most runs of one schedule side by side.
const MOST_ACTIVE: usize = 100;

/// What became of a due time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// A run exists.
    Run(RunId),
    /// It is left out: why.
    Out(String),
    /// Not now; it is tried again.
    Later,
}

/// Starts the run of a due time or an event; `name` tells it from all others of the schedule.
pub(super) async fn start(runtime: &RuntimeHandle, kept: &mut Kept, name: &str, input: Value) -> Came {
    kept.body
        .active
        .retain(|run| runtime.is_unfinished(RunId::from(*run)));
    let overlap = kept
        .workflow
        .schedule()
        .map_or(Overlap::Allow, |schedule| schedule.rules.overlap);
    let active = kept.body.active.len();
    match overlap {
        Overlap::Allow if active >= MOST_ACTIVE => {
            return Came::Out(format!("{active} runs of it are not over"));
        }
        Overlap::Skip if active > 0 => return Came::Out("the run before is not over".to_owned()),
        Overlap::Replace => replace(runtime, kept).await,
        Overlap::Allow | Overlap::Skip => {}
    }
    let id = kept.stored.document.metadata.id;
    let key = format!("schedule:{id}:{name}");
    let start = StartRun {
        version: kept.version.clone(),
        input,
        idempotency_key: Some(key.clone()),
        labels: BTreeMap::from([
            ("dirigent.schedule".to_owned(), kept.body.workflow_name.clone()),
            ("dirigent.due".to_owned(), name.to_owned()),
        ]),
        parent: None,
    };
    match runtime.start(start, actor(kept, &key)).await {
        Ok(Started { run, .. }) => Came::Run(run),
        // Started under this key before, with another input: by an earlier version of the schedule.
        Err(RuntimeError::KeyReused { run }) => Came::Run(run),
        Err(
            RuntimeError::Stopping
            | RuntimeError::Overloaded { .. }
            | RuntimeError::QueueFull { .. }
            | RuntimeError::StorageFull { .. }
            | RuntimeError::Commit(_)
            | RuntimeError::Read(_),
        ) => Came::Later,
        Err(error) => Came::Out(error.to_string()),
    }
}

async fn replace(runtime: &RuntimeHandle, kept: &Kept) {
    for run in &kept.body.active {
        let run = RunId::from(*run);
        let actor = actor(kept, &format!("replace:{run}"));
        let reason = Some("the next run of its schedule is due".to_owned());
        if let Err(error) = runtime.cancel(run, reason, actor).await {
            tracing::debug!(%run, %error, "the run before was not cancelled");
        }
    }
}

/// The schedule, in the name of whoever owns the workflow. The same deed has the same request id in every process.
fn actor(kept: &Kept, deed: &str) -> Actor {
    let meta = &kept.stored.document.metadata;
    let subject = Subject {
        user: meta.owner,
        name: format!("schedule:{}", meta.name),
        org: meta.org,
        administrator: false,
    };
    let mut id = [0; 16];
    id.copy_from_slice(&Digest::of_bytes(deed.as_bytes()).0[..16]);
    Actor::of(subject, RequestId(Uuid::from_bytes(id)), &Command::DaemonStop {})
}
