//! The drawing of the draft: the daemon's graph of its text, with what is wrong at the task it is wrong in.

use dirigent_protocol::graph::Graph as Document;
use dirigent_protocol::source::Diagnostic;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draft::Draft;
use crate::pages::Ctx;
use crate::text::clean_line;
use crate::theme::Role;
use crate::widgets::Line;
use crate::widgets::graph::{Direction, Graph, GraphEdge, GraphNode, GraphView};
use crate::widgets::step_state::StepState;

/// The drawing, laid out once for each graph.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    of: Option<Document>,
    graph: Graph,
    view: GraphView,
}

impl Canvas {
    fn follow(&mut self, draft: &Draft, ctx: &Ctx<'_>) {
        let now = Draft::graph(ctx);
        if self.of.as_ref() != now {
            self.of = now.cloned();
            self.graph = now.map(drawn).unwrap_or_default();
            self.view = GraphView::default();
        }
        let findings = draft.findings(ctx).unwrap_or_default();
        let ids: Vec<String> = self.graph.nodes().iter().map(|node| node.id.clone()).collect();
        for id in ids {
            let wrong = findings.iter().any(|finding| within(finding, &id));
            let kind = self
                .graph
                .node(&id)
                .map(|node| node.kind.clone())
                .unwrap_or_default();
            let (state, note) = if wrong {
                (StepState::Faulted, "wrong".to_owned())
            } else {
                (StepState::Pending, kind)
            };
            self.graph.set_state(&id, state, &note);
        }
        if let Some(on) = &draft.on {
            self.view.select(&self.graph, on);
        }
    }

    /// The task in a direction.
    pub(super) fn step(&mut self, draft: &Draft, direction: Direction, ctx: &Ctx<'_>) -> Option<String> {
        self.follow(draft, ctx);
        self.view
            .step(direction)
            .then(|| self.view.selected().map(str::to_owned))
            .flatten()
    }

    pub(super) fn draw(&mut self, draft: &Draft, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.follow(draft, ctx);
        if self.of.is_none() {
            let words = match (ctx.model.connection.is_live(), draft.findings(ctx)) {
                (false, _) => " Not connected: the daemon draws it.",
                (true, None) => " The daemon is looking at it…",
                (true, Some(_)) => " It can be drawn when it can be read.",
            };
            Line::new()
                .add(Role::Dim, words)
                .draw_row(1, area, ctx.theme, buf);
            return;
        }
        self.view.render(&self.graph, area, buf, ctx.theme);
    }
}

/// A finding is about what stands at a pointer, or below it.
pub(super) fn within(finding: &Diagnostic, pointer: &str) -> bool {
    let rest = finding.at.path.strip_prefix(pointer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn drawn(document: &Document) -> Graph {
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
