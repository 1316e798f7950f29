//! The graph pane: what is open, which detail, where the cursor and the viewport are.
//! Owns the pane's state and its cached layout; the graph itself belongs to the page.
//! Invariant: laid out again only when structure, scope or detail changes; a growing graph keeps every drawn node in its cell.

use ratatui::{buffer::Buffer, layout::Rect};

use super::layer::{Detail, Look, STATUS_ROOM, layers};
use super::model::Graph;
use super::nearest::{Direction, nearest};
use super::order::order;
use super::paint::{Canvas, paint};
use super::place::{Memory, place};
use super::rank::rank;
use super::route::route;
use super::scene::Scene;
use super::visible::{Scope, Visible, visible};
use crate::theme::Theme;

/// Above this many drawn nodes the tree is the better picture.
pub const GRAPH_LIMIT: usize = 200;
/// Below this many columns of the terminal the tree is the better picture.
pub const GRAPH_COLUMNS: u16 = 100;

/// State of the graph pane.
#[derive(Clone, Debug, Default)]
pub struct GraphView {
    scope: Scope,
    roots: Vec<String>,
    /// Chosen by hand; `None` fits.
    wanted: Option<Detail>,
    look: Option<Look>,
    offset: (i32, i32),
    selected: Option<String>,
    memory: Memory,
    drawn: Visible,
    scene: Scene,
    /// Graph structure the cached layout is of.
    structure: Option<u64>,
    size: (u16, u16),
    reveal: bool,
}

/// One layout pass: visible nodes placed and routed, old nodes where `memory` has them.
pub(super) fn lay_out(graph: &Graph, drawn: &Visible, look: Look, memory: &mut Memory) -> Scene {
    let edges: Vec<(usize, usize)> = drawn.edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let kept: Vec<Option<usize>> = drawn
        .nodes
        .iter()
        .map(|node| memory.seats.get(&node.key).map(|seat| seat.0))
        .collect();
    let names: Vec<String> = drawn
        .nodes
        .iter()
        .map(|node| graph.nodes()[node.source].name.clone())
        .collect();
    let ranks = rank(drawn.nodes.len(), &edges, &kept);
    let mut layers = layers(drawn, &names, &ranks, look);
    if memory.seats.is_empty() {
        order(&mut layers);
    }
    place(&mut layers, memory);
    route(&layers, drawn, memory)
}

impl GraphView {
    /// Brings the cached layout up to date for a pane of this size.
    pub fn arrange(&mut self, graph: &Graph, size: (u16, u16)) {
        let resized = self.size != size && self.wanted.is_none();
        self.size = size;
        if self.structure == Some(graph.structure()) && !resized {
            return;
        }
        let grown = self.structure.is_some() && !resized;
        self.structure = Some(graph.structure());
        self.drawn = visible(graph, &self.scope);
        if let (true, Some(look)) = (grown && !self.memory.seats.is_empty(), self.look) {
            self.scene = lay_out(graph, &self.drawn, look, &mut self.memory);
        } else {
            self.fresh(graph, size);
        }
        self.reselect(graph);
    }

    fn fresh(&mut self, graph: &Graph, size: (u16, u16)) {
        let room = (i32::from(size.0), i32::from(size.1));
        let status = |room| Look {
            detail: Detail::Status,
            room,
        };
        let of = |detail| Look {
            detail,
            room: STATUS_ROOM,
        };
        let choice = match self.wanted {
            Some(detail) => vec![of(detail)],
            None => vec![
                status(STATUS_ROOM),
                status(STATUS_ROOM - 2),
                status(STATUS_ROOM - 3),
                of(Detail::Plain),
                of(Detail::Sign),
            ],
        };
        let mut high_enough: Option<(Look, Memory, Scene)> = None;
        let mut last = None;
        for look in choice {
            let mut memory = Memory::default();
            let scene = lay_out(graph, &self.drawn, look, &mut memory);
            let fits = scene.height <= room.1;
            if fits && scene.width + 2 <= room.0 {
                last = Some((look, memory, scene));
                high_enough = None;
                break;
            }
            if fits && high_enough.is_none() {
                high_enough = Some((look, memory, scene));
            } else {
                last = Some((look, memory, scene));
            }
        }
        // Everything in sight is best; else the largest detail that needs panning one way only.
        if let Some((look, memory, scene)) = high_enough.or(last) {
            self.look = Some(look);
            self.memory = memory;
            self.scene = scene;
        }
        self.reveal = true;
    }

    /// Draws the pane.
    pub fn render(&mut self, graph: &Graph, area: Rect, buf: &mut Buffer, theme: &Theme) {
        if area.is_empty() {
            return;
        }
        self.arrange(graph, (area.width, area.height));
        self.follow(area);
        let selected = self.place_of_selected();
        let mut canvas = Canvas {
            buf,
            area,
            offset: self.offset,
            theme: *theme,
        };
        paint(&mut canvas, graph, &self.drawn, &self.scene, selected);
    }

    /// Keeps the viewport on the drawing, and the selected node in it after the cursor moved.
    fn follow(&mut self, area: Rect) {
        let (wide, high) = (i32::from(area.width), i32::from(area.height));
        if std::mem::take(&mut self.reveal)
            && let Some(seat) = self.place_of_selected().and_then(|at| self.scene.seats.get(at))
        {
            let pull = |offset: i32, room: i32, start: i32, length: i32, margin: i32| {
                let least = start + length + margin - room;
                let most = start - margin;
                if least > most {
                    most
                } else {
                    offset.clamp(least, most)
                }
            };
            self.offset.0 = pull(self.offset.0, wide, seat.x, seat.width, 6);
            self.offset.1 = pull(self.offset.1, high, seat.y, seat.height(), 1);
        }
        let slack = |room: i32, size: i32| if size <= room { -(room - size) / 2 } else { 0 };
        let across = slack(wide, self.scene.width).max(-1);
        let down = slack(high, self.scene.height);
        self.offset.0 = self.offset.0.clamp(across, across.max(self.scene.width - wide));
        self.offset.1 = self.offset.1.clamp(down, down.max(self.scene.height - high));
    }

    fn place_of_selected(&self) -> Option<usize> {
        let selected = self.selected.as_deref()?;
        self.drawn.nodes.iter().position(|node| node.key == selected)
    }

    /// The selected step; for a folded fan-out its container.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_deref().map(|key| key.trim_end_matches('*'))
    }

    /// Puts the cursor on a step, or on the drawn container around it.
    pub fn select(&mut self, graph: &Graph, id: &str) {
        if self.structure.is_none() {
            // Nothing is laid out yet: found again when it is.
            self.selected = Some(id.to_owned());
            return;
        }
        let mut at = Some(id);
        for _ in 0..64 {
            let Some(id) = at else { return };
            let node = self.drawn.nodes.iter().find(|node| {
                node.key == id || node.members.iter().any(|member| graph.nodes()[*member].id == id)
            });
            if let Some(node) = node {
                if self.selected.as_deref() != Some(node.key.as_str()) {
                    self.selected = Some(node.key.clone());
                    self.reveal = true;
                }
                return;
            }
            at = graph.node(id).and_then(|node| node.parent.as_deref());
        }
    }

    fn reselect(&mut self, graph: &Graph) {
        if let Some(old) = self.selected.clone() {
            if self.place_of_selected().is_some() {
                return;
            }
            self.select(graph, old.trim_end_matches('*'));
        }
        if self.place_of_selected().is_none() {
            self.selected = self.drawn.nodes.first().map(|node| node.key.clone());
            self.reveal = true;
        }
    }

    /// Moves the cursor; false at the edge.
    pub fn step(&mut self, direction: Direction) -> bool {
        let next = self
            .place_of_selected()
            .and_then(|at| nearest(&self.scene, at, direction));
        let Some(node) = next.and_then(|at| self.drawn.nodes.get(at)) else {
            return false;
        };
        self.selected = Some(node.key.clone());
        self.reveal = true;
        true
    }

    /// Opens the selected container as the whole picture; false if it has no inside.
    pub fn enter(&mut self, graph: &Graph) -> bool {
        let Some(id) = self.selected().map(str::to_owned) else {
            return false;
        };
        if !graph.is_container(&id) || self.scope.root.as_deref() == Some(id.as_str()) {
            return false;
        }
        self.roots.push(id.clone());
        self.scope.root = Some(id);
        self.forget();
        true
    }

    /// Back to the picture around; false at the top.
    pub fn leave(&mut self) -> bool {
        let Some(left) = self.roots.pop() else {
            return false;
        };
        self.scope.root = self.roots.last().cloned();
        self.selected = Some(left);
        self.forget();
        true
    }

    /// Opens or closes the selected container in place; closes the one around a plain step.
    pub fn fold(&mut self, graph: &Graph) {
        let Some(id) = self.selected().map(str::to_owned) else {
            return;
        };
        let closed = self.drawn.nodes.iter().any(|node| node.key == id && node.closed);
        if closed {
            self.scope.open.insert(id, true);
        } else {
            let own = graph.is_container(&id);
            let around = graph.node(&id).and_then(|node| node.parent.clone());
            let target = if own { Some(id) } else { around };
            match target {
                Some(target) if self.scope.root.as_deref() != Some(target.as_str()) => {
                    self.scope.open.insert(target.clone(), false);
                    self.selected = Some(target);
                }
                _ => return,
            }
        }
        self.forget();
    }

    /// One level of detail more (`true`) or less.
    pub fn zoom(&mut self, closer: bool) {
        let now = self.detail().0;
        let next = match (now, closer) {
            (Detail::Sign, true) => Detail::Plain,
            (Detail::Plain | Detail::Status, true) => Detail::Status,
            (Detail::Status, false) => Detail::Plain,
            (Detail::Plain | Detail::Sign, false) => Detail::Sign,
        };
        self.wanted = Some(next);
        self.forget();
    }

    /// The largest detail that shows everything.
    pub fn fit(&mut self) {
        self.wanted = None;
        self.offset = (0, 0);
        self.forget();
    }

    /// Moves the viewport by cells, the cursor stays.
    pub fn pan(&mut self, across: i32, down: i32) {
        self.offset.0 += across;
        self.offset.1 += down;
    }

    /// Detail in use, and whether it was chosen to fit.
    pub fn detail(&self) -> (Detail, bool) {
        (
            self.look.map_or(Detail::Status, |look| look.detail),
            self.wanted.is_none(),
        )
    }

    /// Containers entered, outermost first.
    pub fn roots(&self) -> &[String] {
        &self.roots
    }

    /// The cached drawing.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The nodes drawn, in the order of the scene's seats.
    pub fn drawn(&self) -> &Visible {
        &self.drawn
    }

    fn forget(&mut self) {
        self.structure = None;
        self.memory = Memory::default();
    }
}
