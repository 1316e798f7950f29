//! Which nodes are drawn: open containers give way to what is inside them, wide fan-outs fold to one box.
//! Owns the choice and the edges that follow from it; does not place or draw.
//! Invariant: what is open by default depends on the document's shape alone, never on states, so a running graph keeps its form.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::model::{Graph, GraphNode};

/// Parallel branches above this fold to one box with counts.
pub const FAN_OUT: usize = 6;
/// A sequence longer than this stays closed until somebody opens it.
const INLINE: usize = 6;
/// Containers inside containers deeper than this stay closed.
const DEPTH: usize = 4;

/// What the person has opened: the container that is the whole picture, and exceptions to what is open by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// The container shown alone; `None` for the whole run.
    pub root: Option<String>,
    /// Containers opened or closed by hand.
    pub open: BTreeMap<String, bool>,
}

/// A drawn node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VisibleNode {
    /// Its place in the graph's nodes.
    pub source: usize,
    /// Stable name: the graph node's id, with `*` behind it for a folded fan-out.
    pub key: String,
    /// The branches folded into it.
    pub members: Vec<usize>,
    /// Drawn as one line because it stands in a stack of parallel lanes.
    pub lane: bool,
    /// It has an inside that Enter opens.
    pub closed: bool,
}

/// A drawn edge, between places in [`Visible::nodes`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VisibleEdge {
    /// Leaves this node.
    pub from: usize,
    /// Enters this node.
    pub to: usize,
    /// When it is taken.
    pub label: Option<String>,
    /// Drawn dashed.
    pub conditional: bool,
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Visible {
    /// Drawn nodes.
    pub nodes: Vec<VisibleNode>,
    /// Drawn edges.
    pub edges: Vec<VisibleEdge>,
}

/// The first and last drawn nodes of a graph node.
#[derive(Clone, Debug, Default)]
struct Span {
    entries: Vec<usize>,
    exits: Vec<usize>,
}

struct Picker<'a> {
    graph: &'a Graph,
    scope: &'a Scope,
    out: Visible,
    spans: HashMap<usize, Span>,
    /// Loop-backs and joins between a container and its own inside.
    inner: Vec<VisibleEdge>,
}

/// The nodes and edges to draw of `graph` under `scope`.
pub fn visible(graph: &Graph, scope: &Scope) -> Visible {
    let mut picker = Picker {
        graph,
        scope,
        out: Visible::default(),
        spans: HashMap::new(),
        inner: Vec::new(),
    };
    let top = graph.children(scope.root.as_deref());
    let lanes = scope.root.is_some() && top.len() >= 3 && picker.all_parallel(&top);
    for at in top {
        picker.node(at, 0, lanes);
    }
    picker.edges();
    picker.out
}

/// Whether a container gives way to its inside.
pub(super) fn is_open(graph: &Graph, scope: &Scope, node: &GraphNode, depth: usize) -> bool {
    if !graph.is_container(&node.id) {
        return false;
    }
    if let Some(open) = scope.open.get(&node.id) {
        return *open;
    }
    let inside = graph.children(Some(&node.id)).len();
    depth < DEPTH && (keeps_head(node) || inside <= INLINE)
}

/// Containers that stay visible as a box in front of their inside.
fn keeps_head(node: &GraphNode) -> bool {
    matches!(node.kind.as_str(), "fork" | "for" | "listen")
}

impl Picker<'_> {
    fn node(&mut self, at: usize, depth: usize, lane: bool) {
        let graph = self.graph;
        let node = &graph.nodes()[at];
        if !is_open(graph, self.scope, node, depth) {
            let closed = graph.is_container(&node.id);
            let drawn = self.push(at, node.id.clone(), Vec::new(), lane, closed);
            self.spans.insert(at, one(drawn));
            return;
        }
        let children = graph.children(Some(&node.id));
        let head = keeps_head(node).then(|| self.push(at, node.id.clone(), Vec::new(), lane, false));
        let span = if children.len() > FAN_OUT && self.all_parallel(&children) {
            let key = format!("{}*", node.id);
            let drawn = self.push(children[0], key, children.clone(), false, true);
            for child in &children {
                self.spans.insert(*child, one(drawn));
            }
            one(drawn)
        } else {
            let lanes = lane || (children.len() >= 3 && self.all_parallel(&children));
            for child in &children {
                self.node(*child, depth + 1, lanes);
            }
            self.span_of(node, &children)
        };
        let span = match head {
            Some(head) => {
                for entry in &span.entries {
                    self.inner.push(plain(head, *entry));
                }
                if node.kind == "for" {
                    self.loop_back(node, head, &span);
                }
                Span {
                    entries: vec![head],
                    exits: span.exits,
                }
            }
            None => span,
        };
        self.spans.insert(at, span);
    }

    fn loop_back(&mut self, node: &GraphNode, head: usize, body: &Span) {
        for exit in &body.exits {
            self.inner.push(VisibleEdge {
                from: *exit,
                to: head,
                label: (!node.note.is_empty()).then(|| "next".to_owned()),
                conditional: true,
            });
        }
    }

    fn push(&mut self, at: usize, key: String, members: Vec<usize>, lane: bool, closed: bool) -> usize {
        self.out.nodes.push(VisibleNode {
            source: at,
            key,
            members,
            lane,
            closed,
        });
        self.out.nodes.len() - 1
    }

    /// No edge runs between them.
    fn all_parallel(&self, children: &[usize]) -> bool {
        let graph = self.graph;
        let ids: HashSet<&str> = children.iter().map(|at| graph.nodes()[*at].id.as_str()).collect();
        !graph
            .edges()
            .iter()
            .any(|edge| ids.contains(edge.from.as_str()) && ids.contains(edge.to.as_str()))
    }

    /// Entries are the children nothing among them leads to, exits those that lead nowhere for certain; explicit edges from and to
    /// the container itself come first.
    fn span_of(&mut self, node: &GraphNode, children: &[usize]) -> Span {
        let graph = self.graph;
        let inside: HashMap<&str, usize> = children
            .iter()
            .map(|at| (graph.nodes()[*at].id.as_str(), *at))
            .collect();
        let (mut first, mut last, mut other) = (Vec::new(), Vec::new(), Vec::new());
        let (mut entered, mut left) = (HashSet::new(), HashSet::new());
        for edge in graph.edges() {
            let (from, to) = (inside.get(edge.from.as_str()), inside.get(edge.to.as_str()));
            match (from, to) {
                (Some(from), Some(to)) if from != to => {
                    entered.insert(*to);
                    if !edge.conditional || graph.nodes()[*from].kind == "switch" {
                        left.insert(*from);
                    }
                }
                (None, Some(to)) if edge.from == node.id && edge.conditional && node.kind != "for" => {
                    other.push((*to, edge.label.clone()));
                }
                (None, Some(to)) if edge.from == node.id => first.push(*to),
                (Some(from), None) if edge.to == node.id => last.push(*from),
                _ => {}
            }
        }
        if first.is_empty() {
            first = children
                .iter()
                .copied()
                .filter(|at| !entered.contains(at) && !other.iter().any(|(to, _)| to == at))
                .collect();
        }
        if first.is_empty() {
            first = children.iter().copied().take(1).collect();
        }
        if last.is_empty() {
            last = children.iter().copied().filter(|at| !left.contains(at)).collect();
        }
        let span = Span {
            entries: self.ends(&first, |span| &span.entries),
            exits: self.ends(&last, |span| &span.exits),
        };
        self.ways_out(&span, other);
        span
    }

    /// The drawn ends of several nodes.
    fn ends(&self, list: &[usize], pick: fn(&Span) -> &Vec<usize>) -> Vec<usize> {
        let mut out: Vec<usize> = Vec::new();
        for drawn in list.iter().filter_map(|at| self.spans.get(at)).flat_map(pick) {
            if !out.contains(drawn) {
                out.push(*drawn);
            }
        }
        out
    }

    /// Ways out of a body, such as the `catch` of a `try`: from wherever the body can stop.
    fn ways_out(&mut self, span: &Span, other: Vec<(usize, Option<String>)>) {
        for (to, label) in other {
            let inside = |exit: &usize| self.spans.get(&to).is_none_or(|span| !span.exits.contains(exit));
            let exits: Vec<usize> = span.exits.iter().copied().filter(inside).collect();
            for from in exits {
                for entry in self.ends(&[to], |span| &span.entries) {
                    self.inner.push(VisibleEdge {
                        from,
                        to: entry,
                        label: label.clone(),
                        conditional: true,
                    });
                }
            }
        }
    }

    fn edges(&mut self) {
        let mut all = std::mem::take(&mut self.inner);
        for edge in self.graph.edges() {
            if self.related(&edge.from, &edge.to) || self.related(&edge.to, &edge.from) {
                continue;
            }
            let (Some(from), Some(to)) = (self.span(&edge.from), self.span(&edge.to)) else {
                continue;
            };
            for exit in &from.exits {
                for entry in &to.entries {
                    if exit != entry || edge.from == edge.to {
                        all.push(VisibleEdge {
                            from: *exit,
                            to: *entry,
                            label: edge.label.clone(),
                            conditional: edge.conditional,
                        });
                    }
                }
            }
        }
        let mut seen = HashSet::new();
        all.retain(|edge| seen.insert((edge.from, edge.to)));
        self.out.edges = all;
    }

    /// Whether `outer` contains `inner`: such edges say where a container begins and ends and are drawn by its span.
    fn related(&self, outer: &str, inner: &str) -> bool {
        let mut at = self.graph.node(inner).and_then(|node| node.parent.as_deref());
        let mut left = 64;
        while let Some(parent) = at {
            if parent == outer {
                return true;
            }
            left -= 1;
            if left == 0 {
                return false;
            }
            at = self.graph.node(parent).and_then(|node| node.parent.as_deref());
        }
        false
    }

    /// The span of a node, or of the drawn container around it.
    fn span(&self, id: &str) -> Option<&Span> {
        let mut id = id;
        for _ in 0..64 {
            if let Some(span) = self.graph.position(id).and_then(|at| self.spans.get(&at)) {
                return Some(span);
            }
            id = self.graph.node(id)?.parent.as_deref()?;
        }
        None
    }
}

fn one(drawn: usize) -> Span {
    Span {
        entries: vec![drawn],
        exits: vec![drawn],
    }
}

fn plain(from: usize, to: usize) -> VisibleEdge {
    VisibleEdge {
        from,
        to,
        ..VisibleEdge::default()
    }
}
