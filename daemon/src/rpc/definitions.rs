//! What people do with definitions beside writing them: roll back, try out, ask who uses one.

use std::collections::BTreeMap;

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::{Document, Kind, Orchestration};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::query::{Query, QueryReply, StrategyRow};
use dirigent_protocol::source::Diagnostic;
use serde_json::Value;

use super::house::House;
use super::reviews;
use crate::door::{Action, Object};
use crate::records::Actor;
use crate::runtime::Terms;

/// Changes of definitions; anything else is handed on.
pub(super) async fn on_definition(
    house: &House,
    actor: Actor,
    command: Command,
) -> Result<CommandReply, Fault> {
    match command {
        Command::Restore { kind, id, version } => {
            Ok(house.service.restore(&actor, kind, &id, &version).await?)
        }
        Command::AgentTry {
            agent,
            variants,
            input,
        } => {
            let runtime = house.runtime()?;
            let trial = house.service.trial(&actor, &agent, &variants, &input).await?;
            let labels = BTreeMap::from([("dirigent.trial".to_owned(), agent)]);
            let terms = Terms {
                trial: true,
                ..Terms::default()
            };
            let run = runtime
                .start_text(("trial", &trial.document), (trial.input, terms), labels, actor)
                .await?;
            Ok(CommandReply::RunStarted {
                run: run.run,
                existing: run.existing,
                status: run.status,
            })
        }
        Command::ConversationStart { agent, input } => {
            let agent = startable_agent(house, &actor.subject, &agent).await?;
            let run = house.runtime()?.converse(&agent, input, actor).await?;
            Ok(CommandReply::RunStarted {
                run: run.run,
                existing: run.existing,
                status: run.status,
            })
        }
        other => reviews::on_review(house, actor, other).await,
    }
}

/// The version that a start means, and the input it takes.
pub(super) async fn to_run(
    house: &House,
    actor: &Actor,
    target: &RunTarget,
    input: Value,
) -> Result<(Document, Value), Fault> {
    match target {
        RunTarget::Agent(agent) => {
            let agent = startable_agent(house, &actor.subject, agent).await?;
            Ok(house.runtime()?.lone_agent(&agent, input).await?)
        }
        RunTarget::Name(_) | RunTarget::Source { .. } => {
            Ok((house.service.version_to_run(actor, target).await?, input))
        }
    }
}

/// The name of an agent that the subject may start.
async fn startable_agent(house: &House, subject: &Subject, agent: &str) -> Result<String, Fault> {
    let service = &house.service;
    let found = service.get(subject, Kind::Agent, agent, &[]).await?;
    let object = Object::Document(&found);
    service
        .door()
        .authorize(subject, Action::RunStart, &object)
        .await?;
    Ok(found.metadata.name)
}

/// Questions about definitions; none where it is another one.
pub(super) async fn about(house: &House, subject: &Subject, query: Query) -> Result<QueryReply, Fault> {
    let service = &house.service;
    Ok(match query {
        Query::UsedBy { kind, id } => QueryReply::UsedBy(service.used_by(subject, kind, &id).await?),
        Query::AgentUse { id } => {
            let agent = service.get(subject, Kind::Agent, &id, &[]).await?;
            let (org, name) = (agent.metadata.org, &agent.metadata.name);
            QueryReply::AgentUse(house.runtime()?.agent_use(org, name)?)
        }
        Query::Suggestion { id } => {
            QueryReply::Suggestion(Box::new(service.look_at_suggestion(subject, &id).await?))
        }
        Query::RouteSimulate { rule } => {
            let door = service.door();
            let object = Object::Kind(Kind::WorkflowExecution);
            door.authorize(subject, Action::Read, &object).await?;
            let sees = |document: &Document| door.sees(subject, document);
            QueryReply::RouteSimulated(house.runtime()?.simulate_routing(&rule, &sees)?)
        }
        Query::Strategies {} => {
            let row = |info: dirigent_engine::orchestration::StrategyInfo| StrategyRow {
                name: info.name.to_owned(),
                about: info.about.to_owned(),
                led: info.led,
            };
            let all = dirigent_engine::orchestration::strategies();
            QueryReply::Strategies(all.into_iter().map(row).collect())
        }
        Query::Compile { name, spec } => {
            let object = Object::Kind(Kind::Orchestration);
            service.door().authorize(subject, Action::Read, &object).await?;
            compiled(house, &name, spec)
        }
        _ => {
            return Err(Fault::new(
                Code::Unsupported,
                "this daemon does not know the question",
            ));
        }
    })
}

fn compiled(house: &House, name: &str, spec: Value) -> QueryReply {
    let mut findings = house.service.shape(Kind::Orchestration, &spec);
    let mut document = None;
    if findings.is_empty()
        && let Ok(wanted) = serde_json::from_value::<Orchestration>(spec)
    {
        findings = dirigent_engine::orchestration::check(name, &wanted).1;
        if !findings.iter().any(Diagnostic::is_error) {
            document = dirigent_engine::orchestration::compile(name, 1, &wanted);
        }
    }
    QueryReply::Compiled { document, findings }
}
