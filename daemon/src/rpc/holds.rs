//! What holds runs, workflows and schedules up, and lets them go on: pause, resume, release.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::Subject;

use super::commands::on_question;
use super::house::House;
use crate::door::Action;
use crate::records::Actor;

pub(super) async fn on_hold(house: &House, actor: Actor, command: Command) -> Result<CommandReply, Fault> {
    let (service, runtime) = (&house.service, house.runtime()?);
    let who = actor.subject.clone();
    match command {
        Command::RunPause { run } => {
            service.run(&who, Action::RunPause, run).await?;
            runtime.pause(run, actor).await?;
        }
        Command::RunResume { run } => {
            service.run(&who, Action::RunResume, run).await?;
            runtime.resume(run, actor).await?;
        }
        Command::RunRelease { run } => {
            service.run(&who, Action::RunRelease, run).await?;
            runtime.release(run, actor).await?;
        }
        Command::WorkflowPause { workflow, runs } => {
            hold_workflow(house, &workflow, (true, runs), actor).await?;
        }
        Command::WorkflowResume { workflow, runs } => {
            hold_workflow(house, &workflow, (false, runs), actor).await?;
        }
        Command::SchedulePause { schedule } => steer(house, &who, &schedule, true, actor).await?,
        Command::ScheduleResume { schedule } => steer(house, &who, &schedule, false, actor).await?,
        other => return on_question(house, actor, other).await,
    }
    Ok(CommandReply::Accepted {})
}

/// Pauses a workflow or an orchestration, or lets it go on, and its runs with it where that is wanted.
async fn hold_workflow(
    house: &House,
    workflow: &str,
    (pause, runs): (bool, bool),
    actor: Actor,
) -> Result<(), Fault> {
    let service = &house.service;
    let who = actor.subject.clone();
    let found = service.runnable(&who, workflow).await?;
    let meta = service
        .document_for(&who, Action::WorkflowSteer, found.kind, found.metadata.id)
        .await?
        .metadata;
    let runtime = house.runtime()?;
    runtime.pause_definition(&meta.name, pause, &actor).await?;
    if runs {
        runtime.pause_runs_of(&meta.name, pause, &actor).await?;
    }
    Ok(())
}

/// Pauses a schedule, or lets it go on.
async fn steer(house: &House, who: &Subject, schedule: &str, pause: bool, actor: Actor) -> Result<(), Fault> {
    let kind = Kind::Schedule;
    let id = house.service.get(who, kind, schedule, &[]).await?.metadata.id;
    house
        .service
        .document_for(who, Action::ScheduleSteer, kind, id)
        .await?;
    let schedules = house
        .schedules
        .as_ref()
        .ok_or_else(|| Fault::new(Code::Unsupported, "this daemon keeps no schedules"))?;
    Ok(schedules.pause(id, pause, actor).await?)
}
