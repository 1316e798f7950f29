//! What a page asks the daemon: the versions of a definition, its document, and who uses it.

use dirigent_protocol::agent_use::AgentUse;
use dirigent_protocol::count::{By, CountQuery, Counts, Facet};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Entity, Kind};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::{ListQuery, Query, QueryReply, Use};
use jiff::Timestamp;
use serde_json::{Value, json};

use std::time::Duration;

use crate::model::{Cmd, Looks, suggested};
use crate::pages::Ctx;
use crate::text::yaml;

/// Most versions of one that are listed.
const MOST: u32 = 100;
/// How soon it is asked anew after something changed.
const REFRESH: Duration = Duration::from_secs(2);
const VERSIONS: &str = "definitions.versions";
const DOCUMENT: &str = "definitions.document";
const USED: &str = "definitions.used";
const RULES: &str = "definitions.rules";
const USERS: &str = "definitions.users";
const TAKEN: &str = "definitions.taken";

/// A published version.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) version: String,
    pub(super) digest: String,
    /// Its text: of what is no workflow, its file.
    pub(super) source: String,
    pub(super) definition: Value,
    /// The version of the workflow it compiles to.
    pub(super) compiled: Option<String>,
    pub(super) made_at: Timestamp,
}

/// Which one is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) kind: Kind,
    pub(super) id: EntityId,
    pub(super) name: String,
}

impl Subject {
    /// The one of that name, where it is known here.
    pub(super) fn named(kind: Kind, name: &str, ctx: &Ctx<'_>) -> Option<Self> {
        let all = ctx.model.of_kind(kind);
        let found = all.into_iter().find(|named| named.name == name)?;
        Some(Self {
            kind,
            id: found.id,
            name: found.name.clone(),
        })
    }
}

fn versions(subject: &Subject) -> Query {
    let Some((kind, field)) = subject.kind.versions() else {
        // What is not published has its revisions instead.
        return Query::History {
            kind: subject.kind,
            id: subject.id.to_string(),
            limit: MOST,
        };
    };
    Query::List(ListQuery {
        filter: Some(Filter::eq(field, subject.id.to_string())),
        limit: MOST,
        ..ListQuery::of(kind)
    })
}

fn document(subject: &Subject) -> Query {
    Query::Get {
        kind: subject.kind,
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

fn users(subject: &Subject) -> Query {
    Query::UsedBy {
        kind: subject.kind,
        id: subject.id.to_string(),
    }
}

/// The questions to put now.
pub(super) fn wants(subject: Option<&Subject>, ctx: &Ctx<'_>) -> Vec<Cmd> {
    let Some(subject) = subject.filter(|_| ctx.model.connection.is_live()) else {
        return Vec::new();
    };
    let versioned = subject.kind.versions().is_some();
    let questions = [
        Some((VERSIONS, versions(subject))),
        Some((DOCUMENT, document(subject))),
        versioned.then(|| (USED, used(subject))),
        versioned.then(|| (RULES, rules(subject))),
        Some((USERS, users(subject))),
        taken(subject).map(|query| (TAKEN, query)),
    ];
    let want = |(topic, query): &(&'static str, Query)| {
        ctx.model.looks.want(topic, query, Some(REFRESH), ctx.time.mono)
    };
    let mut cmds: Vec<Cmd> = questions.iter().flatten().filter_map(want).collect();
    if subject.kind == Kind::Agent {
        let looks = &ctx.model.looks;
        cmds.extend(suggested::want_card(&subject.name, looks, ctx.time.mono));
    }
    cmds
}

/// What an agent took; none of anything else.
fn taken(subject: &Subject) -> Option<Query> {
    (subject.kind == Kind::Agent).then(|| Query::AgentUse {
        id: subject.id.to_string(),
    })
}

/// What an agent took, where the daemon said.
pub(super) fn taken_by<'a>(subject: &Subject, looks: &'a Looks) -> Option<&'a AgentUse> {
    match looks.answer(TAKEN, &taken(subject)?)? {
        Ok(QueryReply::AgentUse(taken)) => Some(taken),
        _ => None,
    }
}

/// Something asked for is on its way and nothing stands in its place.
pub(super) fn reading(subject: Option<&Subject>, ctx: &Ctx<'_>) -> bool {
    let looks = &ctx.model.looks;
    subject
        .is_some_and(|subject| looks.waits(VERSIONS) && looks.answer(VERSIONS, &versions(subject)).is_none())
}

/// The versions of a definition, newest first; none while the daemon has not said.
pub(super) fn versions_of(subject: &Subject, looks: &Looks) -> Option<Vec<Version>> {
    let Ok(QueryReply::Page { items, .. }) = looks.answer(VERSIONS, &versions(subject))? else {
        return None;
    };
    let mut found: Vec<Version> = match subject.kind.versions() {
        Some(_) => items.iter().filter_map(|item| version(subject, item)).collect(),
        None => {
            let Ok(QueryReply::Document(now)) = looks.answer(DOCUMENT, &document(subject))? else {
                return None;
            };
            let mut all: Vec<Version> = items
                .iter()
                .chain([&**now])
                .map(|item| revision(subject, item))
                .collect();
            all.dedup_by_key(|version| version.number);
            all
        }
    };
    found.sort_by_key(|version| std::cmp::Reverse(version.number));
    Some(found)
}

fn version(subject: &Subject, document: &Document) -> Option<Version> {
    let text = |field: &str| {
        let value = document.spec.get(field).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let source = match document.spec["source"].as_str() {
        Some(source) => source.to_owned(),
        None => as_file(subject, &document.spec["definition"]),
    };
    Some(Version {
        number: document.spec["number"].as_u64()?,
        version: text("version"),
        digest: text("digest"),
        source,
        definition: document.spec["definition"].clone(),
        compiled: document.spec["workflow_version"].as_str().map(str::to_owned),
        made_at: document.metadata.created_at,
    })
}

/// A revision of what is not published, as a version.
fn revision(subject: &Subject, document: &Document) -> Version {
    let state = match document.spec["active"].as_bool() {
        Some(true) => "active",
        Some(false) => "not active",
        None => "",
    };
    Version {
        number: document.metadata.revision,
        version: state.to_owned(),
        digest: Digest::of(&document.spec).to_string(),
        source: as_file(subject, &document.spec),
        definition: document.spec.clone(),
        compiled: None,
        made_at: document.metadata.updated_at,
    }
}

/// A definition as its author would write it into a file.
pub(super) fn as_file(subject: &Subject, spec: &Value) -> String {
    let file = json!({ "kind": subject.kind.as_str(), "metadata": { "name": subject.name }, "spec": spec });
    yaml(&file)
}

/// The document as it stands, where it was read.
pub(super) fn source_of(subject: &Subject, looks: &Looks) -> Option<String> {
    let Ok(QueryReply::Document(found)) = looks.answer(DOCUMENT, &document(subject))? else {
        return None;
    };
    match found.field("source") {
        Some(source) => source.as_str().map(str::to_owned),
        None => Some(as_file(subject, &found.spec)),
    }
}

/// Its body as it stands, where it was read.
pub(super) fn body_of<T: Entity>(subject: &Subject, looks: &Looks) -> Option<T> {
    match looks.answer(DOCUMENT, &document(subject))? {
        Ok(QueryReply::Document(found)) => found.body().ok(),
        _ => None,
    }
}

/// Runs of it: by version, by status.
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

/// Who names it, and runs that are not over with what they pinned.
pub(super) fn users_of<'a>(subject: &Subject, looks: &'a Looks) -> Option<&'a [Use]> {
    match looks.answer(USERS, &users(subject))? {
        Ok(QueryReply::UsedBy(users)) => Some(users),
        _ => None,
    }
}
