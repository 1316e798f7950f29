//! People who go on from runs: where one failed, from a step, from its start, or as a fork from one of its events.

use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::records::{Records, recall};
use dirigent_daemon::runtime::{From, RuntimeError, RuntimeHandle};
use dirigent_protocol::command::CommandReply;
use dirigent_protocol::id::RunId;
use serde_json::json;

use crate::model::GoneOn;
use crate::people::actor;
use crate::plan::Whence;
use crate::world::World;

const AGAIN: Duration = Duration::from_millis(900);

/// Wants to go on until somebody says as which run, or that it cannot be.
pub(crate) async fn go_on(world: Arc<World>, runtime: RuntimeHandle, records: Records, at: usize) {
    let wanted = &world.plan.agains[at];
    tokio::time::sleep(wanted.after).await;
    while world.model().gone_on[at] == GoneOn::Open {
        if let Some(run) = base(&world, wanted.of) {
            ask(&world, &runtime, &records, at, run).await;
        } else if nothing(&world, wanted.of) {
            world.model().gone_on[at] = GoneOn::Refused;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The run to go on from: one that somebody wanted, or one that went on before.
fn base(world: &World, of: usize) -> Option<RunId> {
    let model = world.model();
    match of.checked_sub(model.started.len()) {
        None => model.started[of],
        Some(before) => match model.gone_on[before] {
            GoneOn::As(run) => Some(run),
            _ => None,
        },
    }
}

/// There will never be one.
fn nothing(world: &World, of: usize) -> bool {
    let model = world.model();
    let before = of.checked_sub(model.started.len());
    before.is_some_and(|before| model.gone_on[before] == GoneOn::Refused)
}

async fn ask(world: &Arc<World>, runtime: &RuntimeHandle, records: &Records, at: usize, run: RunId) {
    let wanted = &world.plan.agains[at];
    let actor = actor("dana", wanted.request);
    let looks = world.rng().percent(70);
    let answer = match recall(records, actor.key) {
        Ok(Some(CommandReply::RunStarted { run, .. })) if looks => Ok(run),
        _ => {
            let from = whence(world, &wanted.from, run);
            Box::pin(runtime.again(run, from, actor))
                .await
                .map(|started| started.run)
        }
    };
    world.still().await;
    match answer {
        Ok(new) => {
            world.note(|| format!("{} goes on as {}: {:?}", run.short(), new.short(), wanted.from));
            let checked = world.model().answer_again(at, new);
            world.hold(checked);
        }
        Err(error) => {
            world.note(|| format!("{} does not go on: {error}", run.short()));
            let never = matches!(
                error,
                RuntimeError::NotFrom { .. } | RuntimeError::BadInput { .. }
            );
            if never {
                world.model().gone_on[at] = GoneOn::Refused;
            }
        }
    }
}

fn whence(world: &World, wanted: &Whence, run: RunId) -> From {
    match wanted {
        Whence::Failure => From::Failure,
        Whence::Step(step) => From::Step(step.clone()),
        Whence::Start => From::Start,
        Whence::Event { share, input } => {
            let last = world.model().runs[&run].state.seq();
            From::Event {
                at: (last * share / 100).max(1),
                input: input.map(|n| json!({ "n": n })),
            }
        }
    }
}
