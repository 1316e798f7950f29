//! What a daemon with these documents answers to a page's questions: the same filters over the same documents.

use dirigent_protocol::count::{By, CountQuery, Counts, FacetCounts};
use dirigent_protocol::entity::Document;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::graph::{Graph, WorkflowEdge, WorkflowNode};
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::source;
use dirigent_tui::model::{LinkCmd, News};
use serde_json::Value;

/// The news a question brings.
pub(crate) fn news(command: &LinkCmd, documents: &[Document]) -> Option<News> {
    let LinkCmd::Look { topic, query } = command else {
        return None;
    };
    let result = match &**query {
        Query::Count(count) => Ok(Box::new(QueryReply::Counts(counts(count, documents)))),
        Query::List(list) => Ok(Box::new(page(list, documents))),
        Query::Draft { source } => Ok(Box::new(draft(source))),
        Query::Get { kind, id, .. } => documents
            .iter()
            .find(|document| document.kind == *kind && document.metadata.id.to_string() == *id)
            .map(|document| Box::new(QueryReply::Document(Box::new(document.clone()))))
            .ok_or_else(|| Box::new(Fault::new(Code::NotFound, "there is none"))),
        _ => Err(Box::new(Fault::new(Code::Internal, "not asked in these stories"))),
    };
    Some(News::Looked {
        topic,
        query: query.clone(),
        result,
    })
}

/// What the text itself says: the findings of its parser, and its outermost tasks one behind the other.
fn draft(source: &str) -> QueryReply {
    let parsed = source::parse(source.as_bytes());
    let items = parsed
        .documents
        .first()
        .and_then(|root| root.get("do")?.as_sequence());
    let mut graph = Graph::default();
    for (at, item) in items.unwrap_or_default().iter().enumerate() {
        let Some(entry) = item.as_mapping().and_then(|entries| entries.iter().next()) else {
            continue;
        };
        let id = format!("/do/{at}/{}", entry.key);
        if let Some(before) = graph.nodes.last() {
            graph.edges.push(WorkflowEdge {
                from: before.id.clone(),
                to: id.clone(),
                label: String::new(),
                conditional: false,
            });
        }
        let kind = entry.value.as_mapping().and_then(|body| body.iter().next());
        graph.nodes.push(WorkflowNode {
            id,
            name: entry.key.clone(),
            kind: kind.map_or_else(String::new, |entry| entry.key.clone()),
            parent: None,
        });
    }
    let graph = (!graph.nodes.is_empty() && !parsed.has_errors()).then_some(graph);
    QueryReply::Draft {
        findings: parsed.diagnostics,
        graph,
    }
}

fn page(list: &ListQuery, documents: &[Document]) -> QueryReply {
    let fits = |document: &&Document| {
        document.kind == list.kind && list.filter.as_ref().is_none_or(|filter| filter.matches(document))
    };
    let mut items: Vec<Document> = documents.iter().filter(fits).cloned().collect();
    items.sort_by_key(|document| std::cmp::Reverse(document.metadata.id));
    items.truncate(usize::try_from(list.limit).unwrap());
    QueryReply::Page { items, next: None }
}

fn counts(count: &CountQuery, documents: &[Document]) -> Counts {
    let here: Vec<&Document> = documents
        .iter()
        .filter(|document| document.kind == count.kind)
        .filter(|document| {
            count
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(document))
        })
        .collect();
    let agrees = |document: &Document, but: Option<usize>| {
        let facets = count.facets.iter().enumerate();
        facets.filter(|(at, _)| Some(*at) != but).all(|(_, facet)| {
            facet
                .chosen
                .as_ref()
                .is_none_or(|chosen| chosen.matches(document))
        })
    };
    let facets = count.facets.iter().enumerate().map(|(at, facet)| {
        let left: Vec<&&Document> = here
            .iter()
            .filter(|document| agrees(document, Some(at)))
            .collect();
        let values = match &facet.by {
            By::Cases(cases) => cases
                .iter()
                .enumerate()
                .map(|(number, case)| {
                    let many = left.iter().filter(|document| case.matches(document)).count();
                    (Value::from(number), many as u64)
                })
                .collect(),
            By::Field(field) => values(&left, field),
        };
        FacetCounts { values, other: 0 }
    });
    Counts {
        total: here.iter().filter(|document| agrees(document, None)).count() as u64,
        facets: facets.collect(),
        complete: true,
    }
}

fn values(documents: &[&&Document], field: &str) -> Vec<(Value, u64)> {
    let mut values: Vec<(Value, u64)> = Vec::new();
    for document in documents {
        let value = document.field(field).unwrap_or(Value::Null);
        match values.iter_mut().find(|(known, _)| *known == value) {
            Some((_, many)) => *many += 1,
            None => values.push((value, 1)),
        }
    }
    values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.to_string().cmp(&b.0.to_string())));
    values
}
