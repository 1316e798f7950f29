//! People who want runs: they start them (again, with the same request, when they heard nothing), cancel, pause, resume.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::records::{Actor, DEFAULT_ORG, Records, recall};
use dirigent_daemon::runtime::{RuntimeError, RuntimeHandle, StartRun};
use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{RequestId, RunId};
use serde_json::json;

use crate::library::{PEOPLE, user_id};
use crate::plan::Want;
use crate::world::World;

const AGAIN: Duration = Duration::from_millis(700);

/// Who acts, under which request.
pub(crate) fn actor(name: &str, request: RequestId) -> Actor {
    let subject = Subject {
        user: user_id(name),
        name: name.into(),
        org: DEFAULT_ORG,
        administrator: name == PEOPLE[0],
    };
    Actor::of(subject, request, &Command::DaemonStop {})
}

/// A request nobody made before.
pub(crate) fn fresh(world: &World) -> RequestId {
    let mut rng = world.rng();
    RequestId(uuid::Uuid::from_u64_pair(rng.number(), rng.number()))
}

/// Wants a run until somebody says which one it is, then what else is wanted of it.
pub(crate) async fn want(world: Arc<World>, runtime: RuntimeHandle, records: Records, at: usize) {
    let wanted = &world.plan.runs[at];
    tokio::time::sleep(wanted.after).await;
    let known = world.model().started[at];
    let run = match known {
        Some(run) => run,
        None => start(&world, &runtime, &records, at).await,
    };
    let mut passed = Duration::ZERO;
    for (after, want) in &wanted.wants {
        tokio::time::sleep(after.saturating_sub(passed)).await;
        passed = *after;
        if !world.is_calm() {
            act(&world, &runtime, run, *want).await;
        }
    }
}

async fn start(world: &Arc<World>, runtime: &RuntimeHandle, records: &Records, at: usize) -> RunId {
    let wanted = &world.plan.runs[at];
    loop {
        let actor = actor("dana", wanted.request);
        // The wire looks first whether the request was answered; two that come at once both find nothing.
        let looks = world.rng().percent(70);
        let answer = match recall(records, actor.key) {
            Ok(Some(CommandReply::RunStarted { run, .. })) if looks => Ok(run),
            _ => {
                let start = StartRun {
                    version: world.plan.library.versions[wanted.workflow].clone(),
                    input: json!({ "n": at }),
                    idempotency_key: wanted.key.clone(),
                    labels: BTreeMap::new(),
                    parent: None,
                };
                runtime.start(start, actor).await.map(|started| started.run)
            }
        };
        world.still().await;
        match answer {
            Ok(run) => {
                world.note(|| format!("run {at} is {}", run.short()));
                let checked = world.model().answer_start(at, run);
                world.hold(checked);
                return run;
            }
            Err(error) => {
                world.note(|| format!("run {at} does not start: {error}"));
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Wants a run to go on under another version, once in every life until it is over.
pub(crate) async fn move_on(world: Arc<World>, runtime: RuntimeHandle, at: usize) {
    let wanted = &world.plan.moves[at];
    tokio::time::sleep(wanted.after).await;
    let Some(run) = world.model().started[wanted.of] else {
        return;
    };
    let actor = actor("dana", fresh(&world));
    let answer = Box::pin(runtime.migrate(run, wanted.to, actor)).await;
    world.still().await;
    world.note(|| format!("{} goes on under another version: {}", run.short(), told(&answer)));
    if answer.is_ok() {
        let checked = world.model().answer_move(run, wanted.to);
        world.hold(checked);
    }
}

async fn act(world: &Arc<World>, runtime: &RuntimeHandle, run: RunId, want: Want) {
    let actor = actor("dana", fresh(world));
    let answer = match want {
        Want::Cancel => runtime.cancel(run, Some("enough".into()), actor).await,
        Want::Pause => runtime.pause(run, actor).await,
        Want::Resume => runtime.resume(run, actor).await,
    };
    world.still().await;
    world.note(|| format!("{want:?} {}: {}", run.short(), told(&answer)));
    if want == Want::Cancel && answer.is_ok() {
        let checked = world.model().answer_cancel(run);
        world.hold(checked);
    }
}

pub(crate) fn told(answer: &Result<(), RuntimeError>) -> String {
    match answer {
        Ok(()) => "done".into(),
        Err(error) => error.to_string(),
    }
}
