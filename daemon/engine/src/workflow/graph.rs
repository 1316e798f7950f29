//! The graph of a workflow, derived from its tasks.

use dirigent_protocol::graph::{Graph, WorkflowEdge, WorkflowNode};

use crate::document::Then;
use crate::machine::{TaskDef, TaskIndex, TaskList, Workflow};

/// Nodes and edges of a workflow.
#[must_use]
pub fn graph(workflow: &Workflow) -> Graph {
    let mut graph = Graph::default();
    let Some(root) = workflow.tasks().first() else {
        return graph;
    };
    for (_, list) in root.body.lists() {
        add_list(workflow, list, None, "", true, &mut graph);
    }
    graph
}

fn add_list(
    workflow: &Workflow,
    list: &TaskList,
    parent: Option<&str>,
    label: &str,
    sequence: bool,
    graph: &mut Graph,
) {
    let entry = parent.unwrap_or("start");
    for (position, index) in list.tasks.iter().enumerate() {
        let task = workflow.task(*index);
        if position == 0 || !sequence {
            graph
                .edges
                .push(edge(entry, &task.pointer, label, label == "catch"));
        }
        graph.nodes.push(WorkflowNode {
            id: task.pointer.to_string(),
            name: task.name.to_string(),
            kind: task.label.to_string(),
            parent: parent.map(str::to_owned),
        });
        if let Some(undo) = task.undo.map(|undo| workflow.task(undo)) {
            graph.nodes.push(WorkflowNode {
                id: undo.pointer.to_string(),
                name: format!("undo {}", task.name),
                kind: undo.label.to_string(),
                parent: parent.map(str::to_owned),
            });
            graph
                .edges
                .push(edge(&task.pointer, &undo.pointer, "compensate", true));
        }
        if sequence {
            add_ways(workflow, list, position, task, parent, graph);
        }
        for (label, inner) in task.body.lists() {
            let sequence = &*task.keyword != "fork";
            add_list(workflow, inner, Some(&task.pointer), label, sequence, graph);
        }
    }
}

fn add_ways(
    workflow: &Workflow,
    list: &TaskList,
    position: usize,
    task: &TaskDef,
    parent: Option<&str>,
    graph: &mut Graph,
) {
    let pointer = |index: &TaskIndex| workflow.task(*index).pointer.to_string();
    // Behind the last task of an inner list the task around it goes on, by its own edges.
    let end = || parent.is_none().then(|| "end".to_owned());
    let target = |then: &Then| match then {
        Then::Continue => list.tasks.get(position + 1).map(pointer).or_else(end),
        Then::Exit => end(),
        Then::End => Some("end".to_owned()),
        Then::Task(name) => list
            .by_name
            .get(name)
            .and_then(|at| list.tasks.get(*at))
            .map(pointer),
    };
    let ways = task.body.ways();
    for way in &ways {
        if let Some(to) = target(&way.then) {
            graph
                .edges
                .push(edge(&task.pointer, &to, &way.label, way.conditional));
        }
    }
    let branches = !ways.is_empty();
    let own = task
        .base
        .then
        .as_ref()
        .map_or(Then::Continue, |(then, _)| then.clone());
    if !task.body.always_leaves()
        && let Some(to) = target(&own)
    {
        graph.edges.push(edge(
            &task.pointer,
            &to,
            "",
            branches || task.base.condition.is_some(),
        ));
    }
    if task.base.condition.is_some()
        && own != Then::Continue
        && let Some(to) = target(&Then::Continue)
    {
        graph.edges.push(edge(&task.pointer, &to, "skipped", true));
    }
}

fn edge(from: &str, to: &str, label: &str, conditional: bool) -> WorkflowEdge {
    WorkflowEdge {
        from: from.to_owned(),
        to: to.to_owned(),
        label: label.to_owned(),
        conditional,
    }
}

#[cfg(test)]
mod tests {
    use crate::workflow::load;

    #[test]
    fn ways_become_edges() {
        let text = "document: { dsl: '1.0.3', namespace: t, name: t, version: '1.0.0' }
do:
  - choose: { switch: [ { a: { when: .a, then: left } } ], then: end }
  - left: { fork: { branches: [ { x: { set: { v: 1 } } }, { y: { call: noop } } ] } }
";
        let graph = super::graph(&load("t", text).unwrap());
        let nodes: Vec<String> = graph
            .nodes
            .iter()
            .map(|n| format!("{} {}", n.id, n.kind))
            .collect();
        assert_eq!(
            nodes,
            [
                "/do/0/choose switch",
                "/do/1/left fork",
                "/do/1/left/fork/branches/0/x set",
                "/do/1/left/fork/branches/1/y call:noop"
            ]
        );
        let edges: Vec<String> = graph
            .edges
            .iter()
            .map(|e| format!("{} -{}-> {}", e.from, e.label, e.to))
            .collect();
        assert_eq!(
            edges,
            [
                "start --> /do/0/choose",
                "/do/0/choose -a-> /do/1/left",
                "/do/0/choose --> end",
                "/do/1/left --> end",
                "/do/1/left -fork-> /do/1/left/fork/branches/0/x",
                "/do/1/left -fork-> /do/1/left/fork/branches/1/y"
            ]
        );
    }
}
