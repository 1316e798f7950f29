//! Questions.

use std::sync::Arc;

use dirigent_protocol::bus::EventsQuery;
use dirigent_protocol::command::RunTarget;
use dirigent_protocol::dry_run::DryRunQuery;
use dirigent_protocol::entity::{Agent, ApprovalRule, Document, Kind, WorkflowExecution};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Offspring, Query, QueryReply};
use dirigent_protocol::source;

use super::house::House;
use super::{definitions, live, status};
use crate::door::{Action, Object};
use crate::dry_run::{AgentShapes, compiled, dry_run};
use crate::events::{self, PageError};
use crate::runtime::Which;
use crate::service::Service;

pub(super) async fn answer(house: &House, subject: &Subject, query: Query) -> Result<QueryReply, Fault> {
    let service = &house.service;
    Ok(match query {
        Query::Get { kind, id, include } => {
            let found = service.get(subject, kind, &id, &include).await?;
            QueryReply::Document(Box::new(live::filled_in(house, found)?))
        }
        Query::List(query) => {
            let (items, next) = service.list(subject, &query).await?;
            let items = items.into_iter().map(|found| live::filled_in(house, found));
            let items = items.collect::<Result<_, _>>()?;
            QueryReply::Page { items, next }
        }
        Query::Count(query) => QueryReply::Counts(service.count(subject, &query).await?),
        Query::History { kind, id, limit } => {
            let items = service.history(subject, kind, &id, limit).await?;
            QueryReply::Page { items, next: None }
        }
        Query::Kinds {} => QueryReply::Kinds(Service::kinds()),
        Query::ResolveRun { text } => QueryReply::Run {
            run: service.resolve_run(subject, &text).await?,
        },
        Query::RunEvents { run, after, limit } => {
            let (events, last) = service.run_events(subject, run, after, limit).await?;
            QueryReply::Events { events, last }
        }
        Query::RunGraph { run } => {
            service.run(subject, Action::Read, run).await?;
            QueryReply::Graph(house.runtime()?.graph(run)?)
        }
        Query::RunLineage { run } => lineage(house, subject, run).await?,
        Query::Events(query) => on_bus(house, subject, &query).await?,
        Query::Validate { file: _, source } => {
            QueryReply::Diagnostics(service.validate(subject, &source).await?)
        }
        Query::RuleSimulate { rule } => simulate(house, subject, &rule).await?,
        Query::Draft { source } => {
            let (findings, graph) = service.draft(subject, &source).await?;
            QueryReply::Draft { findings, graph }
        }
        Query::DryRun(query) => try_out(house, subject, &query).await?,
        Query::UpgradeCheck {
            target,
            run,
            after,
            limit,
        } => upgrade(house, subject, &target, (run, after, limit)).await?,
        Query::Status {} => standing(house, subject).await?,
        other => definitions::about(house, subject, other).await?,
    })
}

/// From which run one comes, and which come from it.
async fn lineage(house: &House, subject: &Subject, run: RunId) -> Result<QueryReply, Fault> {
    let service = &house.service;
    let document = service.run(subject, Action::Read, run).await?;
    let origin = document
        .body::<WorkflowExecution>()
        .ok()
        .and_then(|body| body.origin);
    let mut offspring = Vec::new();
    for (child, how) in house.runtime()?.offspring(run)? {
        // Only what the subject may see.
        if service.run(subject, Action::Read, child).await.is_ok() {
            offspring.push(Offspring {
                run: child,
                origin: how,
            });
        }
    }
    Ok(QueryReply::Lineage { origin, offspring })
}

async fn on_bus(house: &House, subject: &Subject, query: &EventsQuery) -> Result<QueryReply, Fault> {
    let service = &house.service;
    service
        .door()
        .authorize(subject, Action::Read, &Object::Daemon)
        .await?;
    if let Some(run) = query.run {
        service.run(subject, Action::Read, run).await?;
    }
    let (items, next) = events::page(service.records(), subject.org, query).map_err(cut)?;
    Ok(QueryReply::BusEvents { items, next })
}

fn cut(error: PageError) -> Fault {
    match error {
        PageError::Cursor => {
            Fault::new(Code::BadCursor, error.to_string()).help("begin again without a cursor")
        }
        PageError::Record(error) => error.into(),
    }
}

/// What a rule would have answered of what the subject may see.
async fn simulate(house: &House, subject: &Subject, rule: &ApprovalRule) -> Result<QueryReply, Fault> {
    let door = house.service.door();
    let object = Object::Kind(Kind::WorkflowApproval);
    door.authorize(subject, Action::Read, &object).await?;
    let sees = |document: &Document| door.sees(subject, document);
    Ok(QueryReply::Simulated(house.runtime()?.simulate(rule, &sees)?))
}

/// What a draft would do. Agents answer in the shape of those the subject may see.
async fn try_out(house: &House, subject: &Subject, query: &DryRunQuery) -> Result<QueryReply, Fault> {
    let (service, runtime) = (&house.service, house.runtime()?);
    let object = Object::Kind(Kind::Workflow);
    service.door().authorize(subject, Action::Read, &object).await?;
    let mut agents = Vec::new();
    for name in agents_of(&query.source) {
        if let Ok(found) = service.get(subject, Kind::Agent, &name, &[]).await {
            let schema = found.body::<Agent>().ok().and_then(|agent| agent.output_schema);
            agents.push((name, schema));
        }
    }
    let told = dry_run(query, AgentShapes::of(agents), &runtime.worker(), runtime.now()).await;
    Ok(QueryReply::DryRun(Box::new(told)))
}

/// Agents that a workflow calls by a fixed name.
fn agents_of(text: &str) -> Vec<String> {
    let compiled = compiled(text).and_then(Result::ok);
    let text = compiled.as_deref().unwrap_or(text);
    let parsed = source::parse(text.as_bytes());
    let read = |node| dirigent_engine::parse_workflow(node).0;
    let all = parsed.documents.iter().filter_map(read);
    all.flat_map(|workflow| workflow.agents().to_vec()).collect()
}

/// What a draft would mean for the runs the subject may see.
async fn upgrade(
    house: &House,
    subject: &Subject,
    target: &RunTarget,
    (run, after, limit): (Option<RunId>, Option<RunId>, u32),
) -> Result<QueryReply, Fault> {
    let which = Which {
        org: subject.org,
        run,
        after,
        limit,
    };
    let (service, runtime) = (&house.service, house.runtime()?);
    if let Some(run) = run {
        service.run(subject, Action::Read, run).await?;
    }
    let draft = match target {
        RunTarget::Source { file, text } => Arc::new(service.read_workflow(subject, file, text).await?),
        RunTarget::Agent(_) => {
            return Err(Fault::new(
                Code::Unsupported,
                "an agent alone has no runs to be upgraded",
            ));
        }
        RunTarget::Name(name) => runtime.compiled(&service.published_now(subject, name).await?)?,
    };
    let sees = |document: &Document| service.door().sees(subject, document);
    Ok(QueryReply::Upgrade(
        runtime.check_upgrade(&draft, which, &sees).await?,
    ))
}

async fn standing(house: &House, subject: &Subject) -> Result<QueryReply, Fault> {
    let door = house.service.door();
    door.authorize(subject, Action::Read, &Object::Daemon).await?;
    Ok(QueryReply::Status(Box::new(status::status(house, subject)?)))
}
