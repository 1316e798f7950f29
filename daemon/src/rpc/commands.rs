//! Changes. Each is let through by the door before it reaches service or runtime.

use std::collections::BTreeMap;

use dirigent_protocol::command::{Also, Command, CommandReply, Prune, RetryFrom};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::RunId;

use super::house::House;
use super::{approvals, definitions};
use crate::door::{Action, Object};
use crate::records::Actor;
use crate::runtime::{Answer, From, Published, StartRun, Started, Terms};

pub(super) async fn carry_out(house: &House, actor: Actor, command: Command) -> Result<CommandReply, Fault> {
    let service = &house.service;
    let rules = touches_rules(&command);
    let reply = match command {
        Command::Apply {
            file,
            source,
            dry_run,
        } => service.apply(&actor, &file, &source, dry_run).await?,
        Command::Create {
            kind,
            name,
            labels,
            spec,
        } => service.create(&actor, kind, &name, &labels, &spec).await?,
        Command::Update {
            kind,
            id,
            revision,
            patch,
            labels,
        } => {
            service
                .update(&actor, (kind, id), revision, &patch, labels.as_ref())
                .await?
        }
        Command::Delete { kind, id, revision } => service.delete(&actor, kind, &id, revision).await?,
        Command::RunPrune {
            which,
            dry_run,
            after,
        } => prune(house, &actor, &which, dry_run, after).await?,
        Command::DaemonStop {} => stop(house, &actor).await?,
        Command::EmergencyStop { reason } => emergency(house, &actor, Some(reason)).await?,
        Command::EmergencyRelease {} => emergency(house, &actor, None).await?,
        other => on_run(house, actor, other).await?,
    };
    if rules && let Some(runtime) = &house.runtime {
        runtime.rules_changed();
    }
    Ok(reply)
}

/// Whether requests that wait may have an answer afterwards.
const fn touches_rules(command: &Command) -> bool {
    match command {
        Command::Create { kind, .. } | Command::Update { kind, .. } => matches!(kind, Kind::ApprovalRule),
        Command::Apply { dry_run, .. } => !*dry_run,
        _ => false,
    }
}

/// The commands of the runtime.
async fn on_run(house: &House, actor: Actor, command: Command) -> Result<CommandReply, Fault> {
    let (service, runtime) = (&house.service, house.runtime()?);
    let who = actor.subject.clone();
    match command {
        Command::RunStart {
            target,
            input,
            idempotency_key,
            budget,
            priority,
        } => {
            let (version, input) = definitions::to_run(house, &actor, &target, input).await?;
            let start = StartRun {
                version,
                input,
                idempotency_key,
                labels: BTreeMap::new(),
                parent: None,
            };
            let terms = Terms {
                budget,
                priority: priority.map(|priority| priority.clamp(-100, 100)),
                ..Terms::default()
            };
            return Ok(started(runtime.start_on(start, terms, actor).await?));
        }
        Command::RunCancel { run, reason } => {
            service.run(&who, Action::RunCancel, run).await?;
            runtime.cancel(run, reason, actor).await?;
        }
        Command::RunRetry { run, from } => {
            let from = match from {
                RetryFrom::Failure {} => From::Failure,
                RetryFrom::Step(step) => From::Step(step),
                RetryFrom::Start {} => From::Start,
            };
            return another(house, actor, (run, Action::RunRetry), from).await;
        }
        Command::RunFork { run, at, input } => {
            let input = input.map(|changed| changed.value);
            let from = From::Event { at, input };
            return another(house, actor, (run, Action::RunFork), from).await;
        }
        Command::RunMigrate { run, to } => migrate(house, actor, run, to).await?,
        Command::EventPublish { event } => {
            let door = service.door();
            door.authorize(&who, Action::EventPublish, &Object::Daemon)
                .await?;
            let Published { id, source, existing } = runtime.publish(event, actor).await?;
            return Ok(CommandReply::Published { id, source, existing });
        }
        other => return definitions::on_definition(house, actor, other).await,
    }
    Ok(CommandReply::Accepted {})
}

/// Runs that are over go.
async fn prune(
    house: &House,
    actor: &Actor,
    which: &Prune,
    dry_run: bool,
    after: Option<RunId>,
) -> Result<CommandReply, Fault> {
    let object = Object::Kind(Kind::WorkflowExecution);
    let door = house.service.door();
    door.authorize(&actor.subject, Action::RunPrune, &object).await?;
    let pruned = house.runtime()?.prune(which, after, dry_run, actor).await?;
    Ok(CommandReply::Pruned {
        runs: pruned.runs,
        kept: pruned.kept,
        next: pruned.next,
    })
}

/// A run goes on under another version.
async fn migrate(house: &House, actor: Actor, run: RunId, to: Digest) -> Result<(), Fault> {
    house.service.run(&actor.subject, Action::RunMigrate, run).await?;
    Ok(house.runtime()?.migrate(run, to, actor).await?)
}

/// A run that comes from another.
async fn another(
    house: &House,
    actor: Actor,
    (run, action): (RunId, Action),
    from: From,
) -> Result<CommandReply, Fault> {
    house.service.run(&actor.subject, action, run).await?;
    Ok(started(house.runtime()?.again(run, from, actor).await?))
}

const fn started(started: Started) -> CommandReply {
    CommandReply::RunStarted {
        run: started.run,
        existing: started.existing,
        status: started.status,
    }
}

/// Answers to what a run asks.
pub(super) async fn on_question(
    house: &House,
    actor: Actor,
    command: Command,
) -> Result<CommandReply, Fault> {
    let (service, runtime) = (&house.service, house.runtime()?);
    let (who, kind) = (actor.subject.clone(), Kind::WorkflowApproval);
    match command {
        Command::ApprovalDecide {
            approval,
            digest,
            decision,
            reason,
            also,
        } => {
            let asked = service
                .document_for(&who, Action::ApprovalDecide, kind, approval)
                .await?;
            authorize_also(house, &who, &asked, also.as_ref()).await?;
            let answer = Answer {
                approval,
                digest,
                decision,
                reason,
                also,
            };
            return Ok(runtime.decide_also(answer, actor).await?);
        }
        Command::ApprovalAsk {
            approval,
            digest,
            question,
        } => {
            service
                .document_for(&who, Action::ApprovalAsk, kind, approval)
                .await?;
            let run = runtime.ask_agent(approval, digest, &question, actor).await?;
            return Ok(CommandReply::Asked { run });
        }
        Command::EffectResolve {
            approval,
            run,
            effect,
            resolution,
        } => {
            let asked = service
                .document_for(&who, Action::EffectResolve, kind, approval)
                .await?;
            service.run(&who, Action::EffectResolve, run).await?;
            refuse_mismatch(&asked.spec["run"], run)?;
            runtime.resolve(run, effect, resolution, actor).await?;
        }
        other => return approvals::on_approval(house, actor, other).await,
    }
    Ok(CommandReply::Accepted {})
}

/// What is done along with a decision needs the permission it would need by itself.
async fn authorize_also(
    house: &House,
    who: &Subject,
    asked: &Document,
    also: Option<&Also>,
) -> Result<(), Fault> {
    match also {
        None => {}
        Some(Also::StopRun {}) => {
            let run: RunId = serde_json::from_value(asked.spec["run"].clone())
                .map_err(|_| Fault::new(Code::Invalid, "the approval names no run"))?;
            house.service.run(who, Action::RunCancel, run).await?;
        }
        Some(Also::AddRule { .. }) => {
            let door = house.service.door();
            door.authorize(who, Action::Create, &Object::Kind(Kind::ApprovalRule))
                .await?;
        }
    }
    Ok(())
}

/// An approval speaks for its own run alone.
fn refuse_mismatch(asks: &serde_json::Value, run: RunId) -> Result<(), Fault> {
    if asks.as_str() == Some(run.to_string().as_str()) {
        return Ok(());
    }
    Err(Fault::new(Code::Usage, "the approval asks about another run")
        .help("name the run that the approval shows"))
}

/// Stops everything for a reason, or lets it go on.
async fn emergency(
    house: &House,
    actor: &Actor,
    stop: Option<Option<String>>,
) -> Result<CommandReply, Fault> {
    let (door, action) = (house.service.door(), Action::EmergencyStop);
    door.authorize(&actor.subject, action, &Object::Daemon).await?;
    let runtime = house.runtime()?;
    match stop {
        Some(reason) => {
            tracing::warn!(by = %actor.subject.name, reason, "emergency stop");
            runtime.emergency_stop(&actor.subject.name, reason).await?;
        }
        None => {
            tracing::warn!(by = %actor.subject.name, "the emergency stop is lifted");
            runtime.emergency_release().await?;
        }
    }
    Ok(house.service.record(actor, action, &Object::Daemon).await?)
}

async fn stop(house: &House, actor: &Actor) -> Result<CommandReply, Fault> {
    let (door, action) = (house.service.door(), Action::DaemonStop);
    door.authorize(&actor.subject, action, &Object::Daemon).await?;
    let reply = house.service.record(actor, action, &Object::Daemon).await?;
    tracing::info!(by = %actor.subject.name, "asked to stop");
    house.stop.cancel();
    Ok(reply)
}
