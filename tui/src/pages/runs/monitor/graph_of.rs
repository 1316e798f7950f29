//! The run as a graph: the document's nodes with what their youngest instance is doing, or, without a document, the steps so far.
//! Owns names, notes and nesting; layout and drawing are the widget's.
//! Invariant: a state or a note never changes the graph's structure.

use std::collections::HashMap;

use dirigent_protocol::graph::Graph as Document;
use dirigent_protocol::run::StepId;

use super::run_view::RunView;
use super::step_run::StepRun;
use crate::text::clean_line;
use crate::widgets::graph::{Graph, GraphEdge, GraphNode};
use crate::widgets::step_state::StepState;
use crate::widgets::timeline::short;

/// The graph of a document, nothing of it begun.
pub(super) fn of_document(document: &Document) -> Graph {
    let nodes = document.nodes.iter().map(|node| GraphNode {
        id: node.id.clone(),
        name: clean_line(&node.name).into_owned(),
        kind: clean_line(&node.kind).into_owned(),
        parent: node.parent.clone(),
        ..GraphNode::default()
    });
    let edges = document.edges.iter().map(|edge| GraphEdge {
        from: edge.from.clone(),
        to: edge.to.clone(),
        label: (!edge.label.is_empty()).then(|| clean_line(&edge.label).into_owned()),
        conditional: edge.conditional,
    });
    Graph::new(nodes.collect(), edges.collect())
}

/// Adds steps the graph does not know (all of them, where no document is at hand), in the order they began.
pub(super) fn grow(graph: &mut Graph, view: &RunView) {
    for id in &view.order {
        if graph.node(&id.pointer).is_some() {
            continue;
        }
        let Some(step) = view.steps.get(id) else { continue };
        let parent = enclosing(graph, &id.pointer);
        let before = graph
            .children(parent.as_deref())
            .last()
            .map(|at| graph.nodes()[*at].id.clone());
        graph.add_node(GraphNode {
            id: id.pointer.to_string(),
            name: clean_line(&step.task).into_owned(),
            kind: step.kind.to_string(),
            parent: parent.clone(),
            ..GraphNode::default()
        });
        let parallel = parent
            .as_deref()
            .and_then(|parent| graph.node(parent))
            .is_some_and(|node| node.kind == "fork");
        if let (Some(before), false) = (before, parallel) {
            graph.add_edge(GraphEdge {
                from: before,
                to: id.pointer.to_string(),
                ..GraphEdge::default()
            });
        }
    }
}

/// The nearest known place that contains this one.
fn enclosing(graph: &Graph, pointer: &str) -> Option<String> {
    let mut at = pointer;
    while let Some((outer, _)) = at.rsplit_once('/') {
        if graph.node(outer).is_some() {
            return Some(outer.to_owned());
        }
        at = outer;
    }
    None
}

/// Brings states and notes up to date.
pub(super) fn states(graph: &mut Graph, view: &RunView, now: u64) {
    let mut rounds: HashMap<&str, usize> = HashMap::new();
    for id in &view.order {
        *rounds.entry(&id.pointer).or_default() += 1;
    }
    for (pointer, id) in &view.latest {
        let Some(step) = view.steps.get(id) else { continue };
        let mut note = brief(step, now);
        let rounds = rounds.get(pointer.as_ref()).copied().unwrap_or(0);
        let many = rounds.max(usize::try_from(step.times).unwrap_or(0));
        if many > 1 {
            note = format!("{note} ×{many}");
        }
        graph.set_state(pointer, step.state, &note);
    }
    // Containers count what is inside them, which is up to date only now.
    for (pointer, id) in &view.latest {
        if let (Some(step), Some(progress)) = (view.steps.get(id), progress(graph, view, id)) {
            graph.set_state(pointer, step.state, &progress);
        }
    }
}

/// `2/3` for a container at work: children that ended, of all.
fn progress(graph: &Graph, view: &RunView, id: &StepId) -> Option<String> {
    let step = view.steps.get(id)?;
    if step.state.is_over() || !graph.is_container(&id.pointer) {
        return None;
    }
    if let Some(round) = step.round {
        return Some(format!("round {}", round + 1));
    }
    let children = graph.children(Some(&id.pointer));
    let over = children
        .iter()
        .filter(|at| graph.nodes()[**at].state.is_over())
        .count();
    Some(format!("{over}/{}", children.len()))
}

/// The status of a step in the eight cells of a box.
fn brief(step: &StepRun, now: u64) -> String {
    let left = || {
        step.due
            .map(|due| short(due.saturating_sub(now)))
            .unwrap_or_default()
    };
    match step.state {
        StepState::Retry => format!("try{} {}", step.attempt, left()),
        StepState::Person | StepState::Unknown => "decide".to_owned(),
        _ => note(step, now),
    }
}

/// The status of a step.
pub(super) fn note(step: &StepRun, now: u64) -> String {
    let took = short(step.took(now));
    let left = step.due.map(|due| short(due.saturating_sub(now)));
    match step.state {
        StepState::Running if step.attempt > 1 => format!("{took} try {}", step.attempt),
        StepState::Running | StepState::Completed => took,
        StepState::Faulted => match &step.error {
            Some(error) => format!("{} {took}", error.status),
            None => took,
        },
        StepState::Retry if step.awaits.is_some() => format!(
            "{} ({})",
            left.unwrap_or_default(),
            step.awaits.as_deref().unwrap_or_default()
        ),
        StepState::Retry => left.map_or_else(
            || "again".to_owned(),
            |left| format!("try {} {left}", step.attempt),
        ),
        StepState::Waiting | StepState::Queued if step.awaits.is_some() => {
            step.awaits.clone().unwrap_or_default()
        }
        StepState::Waiting => left.unwrap_or_else(|| "waits".to_owned()),
        StepState::Person => "for you".to_owned(),
        StepState::Unknown => "for you".to_owned(),
        StepState::Pending => String::new(),
        StepState::Queued
        | StepState::Suspended
        | StepState::Cancelled
        | StepState::Skipped
        | StepState::Undone => step.state.sign().word.to_owned(),
    }
}
