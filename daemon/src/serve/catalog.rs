//! What is offered to a guest: each offer with what its definition says of itself.

use dirigent_engine::machine::Workflow;
use dirigent_protocol::entity::{Agent, Document, Kind, Offer, Offered, Orchestration, Over};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::query::{ListQuery, MAX_PAGE, Query, QueryReply};
use serde_json::Value;

use super::guest::{Guest, unexpected};

/// An offer as a guest sees it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its name: the tool's, the agent's.
    pub(super) name: String,
    /// Its definition's title, or its name.
    pub(super) title: String,
    /// What it is for.
    pub(super) description: String,
    /// What is run.
    pub(super) of: Offered,
    /// JSON Schema of the input, where the definition has one.
    pub(super) input: Option<Value>,
    /// JSON Schema of the output, where the definition has one.
    pub(super) output: Option<Value>,
}

/// Everything that is there for a guest over a protocol, by name.
pub(super) async fn entries(guest: &Guest, over: Over) -> Result<Vec<Entry>, Fault> {
    let list = ListQuery {
        limit: MAX_PAGE,
        ..ListQuery::of(Kind::Offer)
    };
    let QueryReply::Page { items, .. } = guest.query(Query::List(list)).await? else {
        return Err(unexpected("a list"));
    };
    let mut all = Vec::new();
    for document in items {
        match read(guest, &document, over).await {
            Ok(Some(entry)) => all.push(entry),
            Ok(None) => {}
            // The definition is gone, or this guest may not see it: then there is nothing to take up.
            Err(fault) if fault.code == Code::NotFound => {}
            Err(fault) => return Err(fault),
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// The offer of that name; whatever keeps it from this guest, it is not there.
pub(super) async fn entry(guest: &Guest, over: Over, name: &str) -> Result<Entry, Fault> {
    let missing = || {
        Fault::new(
            Code::NotFound,
            format!("there is no offer `{}`", name.escape_debug()),
        )
    };
    // Exactly by its name: an id or its beginning is no name here.
    if !guest.may(name) {
        return Err(missing());
    }
    let document = document(guest, Kind::Offer, name).await.map_err(|_| missing())?;
    if document.metadata.name != name {
        return Err(missing());
    }
    match read(guest, &document, over).await {
        Ok(found) => found.ok_or_else(missing),
        Err(fault) if fault.code == Code::NotFound => Err(missing()),
        Err(fault) => Err(fault),
    }
}

async fn document(guest: &Guest, kind: Kind, name: &str) -> Result<Document, Fault> {
    let get = Query::Get {
        kind,
        id: name.to_owned(),
        include: Vec::new(),
    };
    match guest.query(get).await? {
        QueryReply::Document(document) => Ok(*document),
        _ => Err(unexpected("a document")),
    }
}

async fn read(guest: &Guest, document: &Document, over: Over) -> Result<Option<Entry>, Fault> {
    let name = document.metadata.name.clone();
    let Ok(offer) = document.body::<Offer>() else {
        return Ok(None);
    };
    if !guest.may(&name) || !offer.over.contains(&over) {
        return Ok(None);
    }
    let (kind, definition) = offer.of.definition();
    let found = self::document(guest, kind, definition).await?;
    let mut entry = Entry {
        title: name.clone(),
        name,
        description: String::new(),
        of: offer.of.clone(),
        input: None,
        output: None,
    };
    match &offer.of {
        Offered::Agent(_) => {
            let agent: Agent = found.body().unwrap_or_default();
            entry.description = agent.description;
            (entry.input, entry.output) = (agent.input_schema, agent.output_schema);
        }
        Offered::Orchestration(_) => {
            let orchestration: Orchestration = found.body().unwrap_or_default();
            entry.description = orchestration.description;
            entry.input = orchestration.input_schema;
        }
        Offered::Workflow(_) => {
            let source = found.spec["source"].as_str().unwrap_or_default();
            if let Ok(workflow) = dirigent_engine::load(definition, source) {
                of_workflow(&mut entry, &workflow);
            }
        }
    }
    if !offer.description.is_empty() {
        entry.description = offer.description;
    }
    Ok(Some(entry))
}

fn of_workflow(entry: &mut Entry, workflow: &Workflow) {
    let definition = workflow.definition();
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
    if let Some(title) = text("/document/title") {
        title.clone_into(&mut entry.title);
    }
    if let Some(summary) = text("/document/summary") {
        summary.clone_into(&mut entry.description);
    }
    entry.input = definition.pointer("/input/schema/document").cloned();
    entry.output = definition.pointer("/output/schema/document").cloned();
}
