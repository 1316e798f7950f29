//! Starting what is due: under a key that names schedule and due time, within the limits of overlap.
//!
//! Invariant: a run of a schedule and what its document says of it begin in the same commit.

use std::collections::BTreeMap;

use dirigent_engine::Overlap;
use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{RequestId, RunId};
use dirigent_store::Txn;
use serde_json::Value;
use uuid::Uuid;

use super::book::{Book, BookError, Kept};
use crate::records::Actor;
use crate::runtime::{RuntimeError, RuntimeHandle, StartRun, Started};

/// Most runs of one schedule side by side.
const MOST_ACTIVE: usize = 100;

/// What became of a due time or an event.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// A run exists.
    Run(RunId),
    /// It is left out: why.
    Out(String),
}

/// Starts the run of a due time or an event, `name` tells it from all others of the schedule. The run's beginning and
/// what the schedule says of it (with `so`, which deals with the due time or the event) are one commit. Whether it is
/// dealt with: where not, nothing changed and it is to be tried again.
pub(super) async fn start(
    book: &Book,
    kept: &mut Kept,
    name: &str,
    input: Value,
    so: impl Fn(&mut Kept),
) -> Result<bool, BookError> {
    if let Err(why) = room(&book.runtime, kept).await {
        return noted(book, kept, Came::Out(why), so).await;
    }
    let (run, key) = (book.runtime.next_run(), key(kept, name));
    let (before, mut beside) = (kept.memory(), Txn::default());
    note(kept, Came::Run(run));
    so(kept);
    let next = book.put(kept, false, &mut beside)?;
    let start = wanted(kept, name, &key, input);
    let started = book.runtime.start_beside(run, start, beside, actor(kept, &key));
    let came = match started.await {
        Ok(started) if started.run == run => {
            book.written(kept, next);
            return Ok(true);
        }
        Ok(Started { run, .. }) => Some(Came::Run(run)),
        // Started under this key before, with another input: by an earlier version of the schedule.
        Err(RuntimeError::KeyReused { run }) => Some(Came::Run(run)),
        Err(
            RuntimeError::Stopping
            | RuntimeError::Overloaded { .. }
            | RuntimeError::QueueFull { .. }
            | RuntimeError::StorageFull { .. }
            | RuntimeError::Commit(_)
            | RuntimeError::Read(_),
        ) => None,
        Err(error) => Some(Came::Out(error.to_string())),
    };
    kept.recall(before);
    match came {
        Some(came) => noted(book, kept, came, so).await,
        None => Ok(false),
    }
}

async fn noted(book: &Book, kept: &mut Kept, came: Came, so: impl Fn(&mut Kept)) -> Result<bool, BookError> {
    let change = |kept: &mut Kept| {
        note(kept, came);
        so(kept);
    };
    book.change(kept, change).await?;
    Ok(true)
}

fn wanted(kept: &Kept, name: &str, key: &str, input: Value) -> StartRun {
    StartRun {
        version: kept.version.clone(),
        input,
        idempotency_key: Some(key.to_owned()),
        labels: BTreeMap::from([
            ("dirigent.schedule".to_owned(), kept.body.workflow_name.clone()),
            ("dirigent.due".to_owned(), name.to_owned()),
        ]),
        parent: None,
    }
}

fn key(kept: &Kept, name: &str) -> String {
    format!("schedule:{}:{name}", kept.stored.document.metadata.id)
}

/// Whether another run may begin beside those that are not over; why not.
async fn room(runtime: &RuntimeHandle, kept: &mut Kept) -> Result<(), String> {
    kept.body
        .active
        .retain(|run| runtime.is_unfinished(RunId::from(*run)));
    let overlap = kept
        .workflow
        .schedule()
        .map_or(Overlap::Allow, |schedule| schedule.rules.overlap);
    let active = kept.body.active.len();
    match overlap {
        Overlap::Allow if active >= MOST_ACTIVE => return Err(format!("{active} runs of it are not over")),
        Overlap::Skip if active > 0 => return Err("the run before is not over".to_owned()),
        Overlap::Replace => replace(runtime, kept).await,
        Overlap::Allow | Overlap::Skip => {}
    }
    Ok(())
}

/// Notes what became of a due time or an event.
fn note(kept: &mut Kept, came: Came) {
    match came {
        Came::Run(run) => {
            kept.body.started += 1;
            kept.body.last_run = Some(run.into());
            if !kept.body.active.contains(&run.into()) {
                kept.body.active.push(run.into());
            }
            kept.body.trouble.clear();
        }
        Came::Out(why) => {
            tracing::warn!(schedule = %kept.body.workflow_name, %why, "a run that was due is left out");
            kept.body.left_out += 1;
            kept.body.trouble = why;
        }
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
