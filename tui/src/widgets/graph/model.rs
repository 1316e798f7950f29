//! The graph as the page hands it over: nodes with a parent, edges, and what each node is doing now.
//! Owns plain data; knows nothing of events, layout or drawing.
//! Invariant: `structure` changes whenever nodes or edges do, and never for a change of state or note.

use std::collections::HashMap;

use crate::widgets::step_state::StepState;

/// One step of the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphNode {
    /// The step's JSON pointer (with iteration), unique in the graph.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// Task kind: `set`, `call:http`, `fork`, `for`, `try`, `do`, `switch`, ...
    pub kind: String,
    /// The container it is in.
    pub parent: Option<String>,
    /// What it is doing.
    pub state: StepState,
    /// The status line beside the sign, such as `8.4s`.
    pub note: String,
}

/// "after `from` comes `to`".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphEdge {
    /// Id of the node it leaves.
    pub from: String,
    /// Id of the node it enters.
    pub to: String,
    /// When it is taken, such as `on error`.
    pub label: Option<String>,
    /// Drawn dashed.
    pub conditional: bool,
}

/// A run's (or a document's) graph.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<GraphNode>,
    edges: Vec<GraphEdge>,
    index: HashMap<String, usize>,
    children: HashMap<String, Vec<usize>>,
    structure: u64,
}

impl Graph {
    /// A graph of these parts; a second node of the same id and an edge to nowhere are left out.
    pub fn new(nodes: Vec<GraphNode>, edges: Vec<GraphEdge>) -> Self {
        let mut graph = Self::default();
        for node in nodes {
            graph.add_node(node);
        }
        for edge in edges {
            graph.add_edge(edge);
        }
        graph
    }

    /// Adds a node unless its id is there already.
    pub fn add_node(&mut self, node: GraphNode) {
        if self.index.contains_key(&node.id) {
            return;
        }
        let at = self.nodes.len();
        self.index.insert(node.id.clone(), at);
        if let Some(parent) = &node.parent {
            self.children.entry(parent.clone()).or_default().push(at);
        }
        self.nodes.push(node);
        self.structure += 1;
    }

    /// Adds an edge between known nodes.
    pub fn add_edge(&mut self, edge: GraphEdge) {
        let known = self.index.contains_key(&edge.from) && self.index.contains_key(&edge.to);
        if known && !self.edges.contains(&edge) {
            self.edges.push(edge);
            self.structure += 1;
        }
    }

    /// Sets what a node is doing; true if that changed anything.
    pub fn set_state(&mut self, id: &str, state: StepState, note: &str) -> bool {
        let Some(node) = self.index.get(id).and_then(|at| self.nodes.get_mut(*at)) else {
            return false;
        };
        let changed = node.state != state || node.note != note;
        if changed {
            node.state = state;
            node.note.clear();
            node.note.push_str(note);
        }
        changed
    }

    /// All nodes, in the order they were added.
    pub fn nodes(&self) -> &[GraphNode] {
        &self.nodes
    }

    /// All edges.
    pub fn edges(&self) -> &[GraphEdge] {
        &self.edges
    }

    /// The node of this id.
    pub fn node(&self, id: &str) -> Option<&GraphNode> {
        self.index.get(id).and_then(|at| self.nodes.get(*at))
    }

    /// Its place in [`Self::nodes`].
    pub fn position(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// Places of the nodes inside `parent`; of the top level for `None`.
    pub fn children(&self, parent: Option<&str>) -> Vec<usize> {
        match parent {
            Some(parent) => self.children.get(parent).cloned().unwrap_or_default(),
            None => (0..self.nodes.len())
                .filter(|at| self.nodes[*at].parent.is_none())
                .collect(),
        }
    }

    /// Whether anything is inside it.
    pub fn is_container(&self, id: &str) -> bool {
        self.children.get(id).is_some_and(|inside| !inside.is_empty())
    }

    /// Changes with every node or edge added.
    pub const fn structure(&self) -> u64 {
        self.structure
    }
}

/// How many of `nodes` are in each state, for the status line of a folded box: `4 ✓ 2 ●`.
pub(super) fn counts(graph: &Graph, members: &[usize]) -> String {
    let mut text = String::new();
    for state in StepState::ALL {
        let many = members
            .iter()
            .filter(|at| graph.nodes()[**at].state == state)
            .count();
        if many > 0 {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&format!("{many} {}", state.sign().sign));
        }
    }
    text
}
