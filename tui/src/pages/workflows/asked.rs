//! What the page asks the daemon: the versions of a workflow, its document, and the runs and rules that use it.

use dirigent_protocol::count::{By, CountQuery, Counts, Facet};
use dirigent_protocol::entity::{Document, Kind, WorkflowVersion};
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::source::{self, Node, Value};
use jiff::Timestamp;

use std::time::Duration;

use crate::model::{Cmd, Looks};
use crate::pages::Ctx;

/// Most versions of a workflow that are listed.
const MOST: u32 = 100;
/// How soon it is asked anew after something changed.
const REFRESH: Duration = Duration::from_secs(2);
const VERSIONS: &str = "workflows.versions";
const DOCUMENT: &str = "workflows.document";
const USED: &str = "workflows.used";
const RULES: &str = "workflows.rules";
const CALLERS: &str = "workflows.callers";

/// A published version.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) version: String,
    pub(super) digest: String,
    pub(super) source: String,
    pub(super) made_at: Timestamp,
}

/// Which workflow is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) id: EntityId,
    pub(super) name: String,
}

fn versions(subject: &Subject) -> Query {
    Query::List(ListQuery {
        filter: Some(Filter::eq("workflow", subject.id.to_string())),
        limit: MOST,
        ..ListQuery::of(Kind::WorkflowVersion)
    })
}

fn document(subject: &Subject) -> Query {
    Query::Get {
        kind: Kind::Workflow,
        id: subject.id.to_string(),
        include: Vec::new(),
    }
}

fn used(subject: &Subject) -> Query {
    let by = |field: &str| Facet {
        by: By::Field(field.to_owned()),
        chosen: None,
    };
    Query::Count(CountQuery {
        kind: Kind::WorkflowExecution,
        filter: Some(Filter::eq("workflow", subject.name.as_str())),
        facets: vec![by("version"), by("status")],
    })
}

fn rules(subject: &Subject) -> Query {
    Query::List(ListQuery {
        filter: Some(Filter::eq("workflow", subject.name.as_str())),
        limit: MOST,
        ..ListQuery::of(Kind::ApprovalRule)
    })
}

/// Workflows whose text names it; which of them call it is looked up in the text.
fn callers(subject: &Subject) -> Query {
    Query::List(ListQuery {
        filter: Some(Filter::Is {
            field: "source".to_owned(),
            op: Op::Contains,
            value: subject.name.as_str().into(),
        }),
        limit: MOST,
        ..ListQuery::of(Kind::Workflow)
    })
}

/// The questions to put now.
pub(super) fn wants(subject: Option<&Subject>, ctx: &Ctx<'_>) -> Vec<Cmd> {
    let Some(subject) = subject.filter(|_| ctx.model.connection.is_live()) else {
        return Vec::new();
    };
    let questions = [
        (VERSIONS, versions(subject)),
        (DOCUMENT, document(subject)),
        (USED, used(subject)),
        (RULES, rules(subject)),
        (CALLERS, callers(subject)),
    ];
    let want = |(topic, query): &(&'static str, Query)| {
        ctx.model.looks.want(topic, query, Some(REFRESH), ctx.time.mono)
    };
    questions.iter().filter_map(want).collect()
}

/// Something asked for is on its way and nothing stands in its place.
pub(super) fn reading(subject: Option<&Subject>, ctx: &Ctx<'_>) -> bool {
    let looks = &ctx.model.looks;
    subject
        .is_some_and(|subject| looks.waits(VERSIONS) && looks.answer(VERSIONS, &versions(subject)).is_none())
}

/// The versions of a workflow, newest first; none while the daemon has not said.
pub(super) fn versions_of(subject: &Subject, looks: &Looks) -> Option<Vec<Version>> {
    let Ok(QueryReply::Page { items, .. }) = looks.answer(VERSIONS, &versions(subject))? else {
        return None;
    };
    let mut found: Vec<Version> = items.iter().filter_map(version).collect();
    found.sort_by_key(|version| std::cmp::Reverse(version.number));
    Some(found)
}

fn version(document: &Document) -> Option<Version> {
    let body: WorkflowVersion = document.body().ok()?;
    Some(Version {
        number: body.number,
        version: body.version,
        digest: body.digest,
        source: body.source,
        made_at: document.metadata.created_at,
    })
}

/// The document as it stands, where it was read.
pub(super) fn source_of(subject: &Subject, looks: &Looks) -> Option<String> {
    let Ok(QueryReply::Document(found)) = looks.answer(DOCUMENT, &document(subject))? else {
        return None;
    };
    found.field("source")?.as_str().map(str::to_owned)
}

/// Runs of the workflow: by version, by status.
pub(super) fn used_by<'a>(subject: &Subject, looks: &'a Looks) -> Option<&'a Counts> {
    match looks.answer(USED, &used(subject))? {
        Ok(QueryReply::Counts(counts)) => Some(counts),
        _ => None,
    }
}

/// Names of the standing answers to its requests.
pub(super) fn rules_of(subject: &Subject, looks: &Looks) -> Option<Vec<String>> {
    match looks.answer(RULES, &rules(subject))? {
        Ok(QueryReply::Page { items, .. }) => {
            Some(items.iter().map(|rule| rule.metadata.name.clone()).collect())
        }
        _ => None,
    }
}

/// Names of the workflows that call it.
pub(super) fn callers_of(subject: &Subject, looks: &Looks) -> Option<Vec<String>> {
    let Ok(QueryReply::Page { items, .. }) = looks.answer(CALLERS, &callers(subject))? else {
        return None;
    };
    let calls = |workflow: &&Document| {
        let text = workflow
            .field("source")
            .and_then(|text| text.as_str().map(str::to_owned));
        text.is_some_and(|text| names(&text, &subject.name))
    };
    Some(
        items
            .iter()
            .filter(calls)
            .map(|workflow| workflow.metadata.name.clone())
            .collect(),
    )
}

/// Whether a document has a task that runs the workflow of that name.
fn names(text: &str, name: &str) -> bool {
    let parsed = source::parse(text.as_bytes());
    parsed.documents.iter().any(|node| calls(node, name))
}

fn calls(node: &Node, name: &str) -> bool {
    let of =
        |node: Option<&Node>| node.and_then(|node| node.get("name")).and_then(Node::as_str) == Some(name);
    let by_name = node.get("call").and_then(Node::as_str) == Some("orchestration");
    if of(node.get("run").and_then(|run| run.get("workflow"))) || (by_name && of(node.get("with"))) {
        return true;
    }
    match &node.value {
        Value::Sequence(items) => items.iter().any(|item| calls(item, name)),
        Value::Mapping(entries) => entries.iter().any(|entry| calls(&entry.value, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_runs_it_wherever_the_task_stands() {
        let deep = "do:\n  - a:\n      try:\n        - b: { run: { workflow: { namespace: n, name: below, version: latest } } }\n      catch: {}\n";
        assert!(names(deep, "below") && !names(deep, "b"));
        let called = "do: [ { a: { call: orchestration, with: { name: below } } } ]\n";
        assert!(names(called, "below"));
        assert!(!names("do: [ { below: { set: { name: below } } } ]\n", "below"));
    }
}
