//! What a daemon with these documents answers to a page's questions: the same filters over the same documents.

use dirigent_protocol::Payload;
use dirigent_protocol::agent_use::AgentUse;
use dirigent_protocol::count::{By, CountQuery, Counts, FacetCounts};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::dry_run::{DryEnding, DryRun, DryRunQuery};
use dirigent_protocol::entity::{Document, Kind, OrchestrationRule};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::graph::{Graph, WorkflowEdge, WorkflowNode};
use dirigent_protocol::query::{
    ListQuery, OtherRoute, Query, QueryReply, RouteSimulation, StrategyRow, SuggestionLook,
};
use dirigent_protocol::run::{Data, EventBody, Pins, RunEvent, Status, StepId, Usage};
use dirigent_protocol::source::{self, Diagnostic, Place};
use dirigent_tui::model::{LinkCmd, News};
use serde_json::{Value, json};

use crate::sample::ago;

/// The news a question brings.
pub(crate) fn news(command: &LinkCmd, documents: &[Document]) -> Option<News> {
    let LinkCmd::Look { topic, query } = command else {
        return None;
    };
    let result = match &**query {
        Query::Count(count) => Ok(Box::new(QueryReply::Counts(counts(count, documents)))),
        Query::List(list) => Ok(Box::new(page(list, documents))),
        Query::UsedBy { .. } => Ok(Box::new(QueryReply::UsedBy(Vec::new()))),
        Query::AgentUse { .. } => Ok(Box::new(QueryReply::AgentUse(AgentUse {
            runs: 1_204,
            uses: 1_310,
            failures: 26,
            usage: Usage {
                calls: 3_100,
                input_tokens: 1_200_000,
                output_tokens: 310_000,
                cost_micro_usd: 12_340_000,
                unpriced_calls: 4,
            },
            last_used_at: Some(ago(4_000)),
            complete: true,
        }))),
        Query::Suggestion { id } => documents
            .iter()
            .find(|document| document.metadata.id.to_string() == *id)
            .map(|document| Box::new(looked(document)))
            .ok_or_else(|| Box::new(Fault::new(Code::NotFound, "there is none"))),
        Query::Strategies {} => Ok(Box::new(strategies())),
        Query::Draft { source } => Ok(Box::new(draft(source))),
        Query::DryRun(query) => Ok(Box::new(dry_run(query))),
        Query::Get { kind, id, .. } => documents
            .iter()
            .find(|document| document.kind == *kind && document.metadata.id.to_string() == *id)
            .map(|document| Box::new(QueryReply::Document(Box::new(document.clone()))))
            .ok_or_else(|| Box::new(Fault::new(Code::NotFound, "there is none"))),
        Query::History { kind, id, .. } => Ok(Box::new(history(*kind, id, documents))),
        Query::RouteSimulate { rule } => Ok(Box::new(routes(rule))),
        _ => Err(Box::new(Fault::new(Code::Internal, "not asked in these stories"))),
    };
    Some(News::Looked {
        topic,
        query: query.clone(),
        result,
    })
}

/// A suggestion whose agent is still as it was.
fn looked(document: &Document) -> QueryReply {
    let now = document.spec["base"].clone();
    let mut proposed = now.clone();
    for (field, value) in document.spec["change"].as_object().into_iter().flatten() {
        proposed[field] = value.clone();
    }
    QueryReply::Suggestion(Box::new(SuggestionLook {
        digest: "newest".to_owned(),
        suggestion: document.clone(),
        number: 3,
        now,
        proposed: Some(proposed),
        carried_over: false,
        stale: None,
    }))
}

/// One revision before the one there is, in which the rule was about everything.
fn history(kind: Kind, id: &str, documents: &[Document]) -> QueryReply {
    let fits = |document: &&Document| document.kind == kind && document.metadata.id.to_string() == *id;
    let mut items: Vec<Document> = documents.iter().filter(fits).cloned().collect();
    for document in &mut items {
        document.metadata.revision -= 1;
        document.spec["when"] = json!("");
    }
    QueryReply::Page { items, next: None }
}

/// A rule that is about bills would have sent two of them elsewhere.
fn routes(rule: &OrchestrationRule) -> QueryReply {
    let other = |run: u128| OtherRoute {
        run: crate::sample::id(run).into(),
        capability: "label".to_owned(),
        chosen: "triage".to_owned(),
        would: "reviewer".to_owned(),
        why: "reviewer has 0 calls in hand".to_owned(),
    };
    let differs = if rule.when.is_empty() {
        Vec::new()
    } else {
        vec![other(0xd1), other(0xd2)]
    };
    let same = u32::try_from(differs.len()).unwrap();
    QueryReply::RouteSimulated(RouteSimulation {
        runs: 40,
        choices: 12,
        covered: 5,
        same: 5 - same,
        left_nobody: 1,
        differs,
    })
}

fn strategies() -> QueryReply {
    let row = |(name, about): (&str, &str)| StrategyRow {
        name: name.to_owned(),
        about: about.to_owned(),
        led: false,
    };
    let all = [
        ("sequential", "one after the other"),
        ("parallel", "side by side"),
        ("vote", "each votes"),
    ];
    QueryReply::Strategies(all.map(row).to_vec())
}

/// A task that begins at that second and is done at the next.
fn done_in_a_second(node: &WorkflowNode, at: i64, input: &Payload) -> [(i64, EventBody); 2] {
    let step = StepId::new(node.id.as_str());
    let started = EventBody::TaskStarted {
        step: step.clone(),
        task: node.name.as_str().into(),
        kind: node.kind.as_str().into(),
        input: Data::WorkflowInput,
    };
    let completed = EventBody::TaskCompleted {
        step,
        output: Data::Inline(input.clone()),
        context: None,
        then: None,
        undo: false,
    };
    [(at, started), (at + 1, completed)]
}

/// Its outermost tasks, each done after a second.
fn dry_run(query: &DryRunQuery) -> QueryReply {
    let QueryReply::Draft { graph, .. } = draft(&query.source) else {
        return QueryReply::DryRun(Box::default());
    };
    let graph = graph.unwrap_or_default();
    let input = Payload::new(query.input.clone().unwrap_or_else(|| json!({})));
    let mut bodies = vec![(
        0,
        EventBody::WorkflowStarted {
            workflow: "drafted".into(),
            version: Digest::of_bytes(query.source.as_bytes()),
            input: input.clone(),
            shaped: None,
            pins: Pins::default(),
        },
    )];
    for (at, node) in (0i64..).zip(&graph.nodes) {
        bodies.extend(done_in_a_second(node, at, &input));
    }
    let end = bodies.last().map_or(0, |(at, _)| *at);
    bodies.push((
        end,
        EventBody::WorkflowCompleted {
            output: Data::Inline(input),
        },
    ));
    let event = |(seq, (at, body)): (u64, (i64, EventBody))| RunEvent {
        seq,
        time: ago(-at),
        body,
    };
    let at = Place {
        line: 9,
        column: 5,
        path: graph
            .nodes
            .first()
            .map_or_else(String::new, |node| node.id.clone()),
    };
    let made_up = Diagnostic::warning("made_up", "agent clerk: its outcome here is made up", at);
    QueryReply::DryRun(Box::new(DryRun {
        findings: vec![made_up],
        events: (1..).zip(bodies).map(event).collect(),
        graph: Some(graph),
        ending: DryEnding::Ended {
            status: Status::Completed,
        },
    }))
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
