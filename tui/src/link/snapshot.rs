//! The whole world as the screens show it, read page by page.

use std::collections::BTreeMap;

use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::run::Status;
use dirigent_rpc::{CallError, Connection};

/// Documents of one page.
const PAGE: u32 = 200;
/// Most documents of one part of the snapshot.
const MOST: usize = 5_000;

/// Kinds the screens show, and so watch.
pub const KINDS: &[Kind] = &[
    Kind::WorkflowExecution,
    Kind::WorkflowApproval,
    Kind::Agent,
    Kind::Workflow,
    Kind::Orchestration,
    Kind::OrchestrationRule,
    Kind::Notification,
    Kind::AgentSelfReport,
    Kind::AgentSuggestion,
];

/// Reads living runs, the newest ended ones, waiting approvals, the newest decided ones, and every definition.
///
/// # Errors
/// The daemon's fault, or a lost connection.
pub async fn read(connection: &Connection) -> Result<Vec<Document>, CallError> {
    let living: Vec<&str> = Status::ALL
        .iter()
        .filter(|s| !s.is_final())
        .map(|s| s.as_str())
        .collect();
    let living = Filter::Is {
        field: "status".into(),
        op: Op::In,
        value: living.into(),
    };
    let parts = [
        (Kind::WorkflowExecution, Some(living), MOST),
        (Kind::WorkflowExecution, None, PAGE as usize),
        (
            Kind::WorkflowApproval,
            Some(Filter::eq("status", "pending")),
            MOST,
        ),
        (Kind::WorkflowApproval, None, PAGE as usize),
        (Kind::Agent, None, MOST),
        (Kind::Workflow, None, MOST),
        (Kind::Orchestration, None, MOST),
        (Kind::OrchestrationRule, None, MOST),
        (Kind::Notification, None, PAGE as usize),
    ];
    let mut all: BTreeMap<(Kind, EntityId), Document> = BTreeMap::new();
    for (kind, filter, most) in parts {
        let documents = list(connection, kind, filter, most).await?;
        all.extend(
            documents
                .into_iter()
                .map(|document| ((kind, document.metadata.id), document)),
        );
    }
    Ok(all.into_values().collect())
}

async fn list(
    connection: &Connection,
    kind: Kind,
    filter: Option<Filter>,
    most: usize,
) -> Result<Vec<Document>, CallError> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = ListQuery {
            filter: filter.clone(),
            limit: PAGE,
            cursor,
            ..ListQuery::of(kind)
        };
        let QueryReply::Page { items, next } = connection.query(Query::List(page)).await? else {
            return Err(unexpected("a list").into());
        };
        all.extend(items);
        if next.is_none() || all.len() >= most {
            return Ok(all);
        }
        cursor = next;
    }
}

/// The daemon answered with something else than was asked for.
#[must_use]
pub fn unexpected(asked: &str) -> Fault {
    Fault::new(
        Code::Internal,
        format!("the daemon answered {asked} with something else"),
    )
    .help("client and daemon may be of different versions: see `dirigent status`")
}
