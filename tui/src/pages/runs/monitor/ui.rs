//! The monitor's pictures of a run: graph, tree, timeline, stream, detail, and the one cursor that drives them.
//! Owns widgets and what they draw from; keys are `state`'s, layout is `panes`'.
//! Invariant: pictures are brought up to date when they are drawn or moved in, not for every event.

use dirigent_protocol::run::{EventBody, StepId};
use jiff::tz::TimeZone;

use super::feed::Feed;
use super::run_view::RunView;
use super::who::Who;
use super::{graph_of, time_rows};
use crate::model::Journal;
use crate::widgets::graph::{Direction, GRAPH_COLUMNS, GRAPH_LIMIT, Graph, GraphView, TreeView};
use crate::widgets::step::StepPane;
use crate::widgets::stream::Stream;
use crate::widgets::timeline::{TimeRow, Timeline};

/// What the upper pane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    /// Boxes and lines.
    Graph,
    /// Rows with indentation.
    Tree,
    /// Bars over time.
    Timeline,
    /// Who works with whom.
    Who,
}

/// All pictures of one run.
#[derive(Debug, Default)]
pub(super) struct Ui {
    /// The run, folded.
    pub view: RunView,
    /// Its graph.
    pub graph: Graph,
    /// The graph comes from the document.
    documented: bool,
    /// The event with which each step began the last time.
    pub began: std::collections::BTreeMap<StepId, u64>,
    /// Its timeline's rows.
    pub rows: Vec<TimeRow>,
    /// Chosen picture; `None` lets width and size decide.
    pub wanted: Option<Picture>,
    /// Graph pane.
    pub boxes: GraphView,
    /// Tree pane.
    pub tree: TreeView,
    /// Timeline pane.
    pub timeline: Timeline,
    /// Stream pane.
    pub stream: Stream,
    /// Detail pane.
    pub step: StepPane,
    /// Who works with whom, where it is an orchestration's.
    pub who: Who,
    /// How far the stream is fed.
    feed: Feed,
    /// The step under the cursor.
    pub cursor: Option<StepId>,
    /// The step in stream and detail: follows the cursor with a little delay.
    pub shown: Option<StepId>,
    /// The cursor was moved by a person: it no longer goes to what happens.
    pub held: bool,
    made_for: Option<(u64, u64, usize)>,
}

impl Ui {
    /// Folds what is new; true if anything was.
    pub(super) fn fold(&mut self, journal: &Journal) -> bool {
        let first = journal.events.first().filter(|event| event.seq == 1);
        if first.is_some_and(|event| self.view.began.is_some_and(|began| began != event.time)) {
            // Another journal under the same name, as after a restore. A journal that is only sent again is the same.
            *self = Self {
                wanted: self.wanted,
                ..Self::default()
            };
        }
        let before = self.view.seq;
        let from = journal.events.partition_point(|event| event.seq <= before);
        for event in &journal.events[from..] {
            if let EventBody::TaskStarted { step, .. } = &event.body {
                self.began.insert(step.clone(), event.seq);
            }
        }
        self.view.extend(&journal.events[from..]);
        self.who.fold(journal);
        before != self.view.seq
    }

    /// Brings graph and rows up to date for `now`, in milliseconds from the run's start.
    pub(super) fn refresh(&mut self, journal: Option<&Journal>, now: u64) {
        let document = journal.and_then(|journal| journal.graph.as_ref());
        if let (Some(document), false) = (document, self.documented) {
            self.documented = true;
            self.graph = graph_of::of_document(document);
            self.boxes = GraphView::default();
            self.tree = TreeView::default();
            self.made_for = None;
        }
        let made_for = Some((self.view.seq, now / 100, self.graph.nodes().len()));
        if self.made_for != made_for {
            graph_of::grow(&mut self.graph, &self.view);
            graph_of::states(&mut self.graph, &self.view, now);
            self.rows = time_rows::rows(&self.view, &self.graph, now);
            self.made_for = made_for;
        }
        if !self.held || self.cursor.is_none() {
            self.go_where_it_happens();
        }
    }

    /// Puts the cursor on what wants a look: a question, then a fault, then the youngest step at work, then the last.
    fn go_where_it_happens(&mut self) {
        let leaf = |id: &&StepId| !self.graph.is_container(&id.pointer);
        let asking = self.view.asking().map(|(id, _)| id.clone());
        let live = || {
            let order = self.view.order.iter().rev();
            order
                .filter(leaf)
                .find(|id| self.view.steps.get(*id).is_some_and(|step| step.state.is_live()))
                .cloned()
        };
        let faulted = || {
            use crate::widgets::step_state::StepState::Faulted;
            let order = self.view.order.iter().rev().filter(leaf);
            order
                .clone()
                .find(|id| self.view.steps.get(*id).is_some_and(|step| step.state == Faulted))
                .cloned()
        };
        let over = self.view.status == dirigent_protocol::run::Status::Faulted;
        let fault = if over { faulted() } else { None };
        let last = || self.view.order.iter().rev().find(leaf).cloned();
        let first = || {
            self.graph
                .nodes()
                .first()
                .map(|node| StepId::new(node.id.as_str()))
        };
        let place = asking.or(fault).or_else(live).or_else(last).or_else(first);
        if self.cursor != place {
            self.cursor.clone_from(&place);
            self.shown = place;
        }
        self.point();
    }

    /// Points graph and tree at the cursor.
    fn point(&mut self) {
        if let Some(cursor) = &self.cursor {
            self.boxes.select(&self.graph, &cursor.pointer);
        }
    }

    /// Puts the cursor on a step.
    pub(super) fn set_cursor(&mut self, step: StepId) {
        self.held = true;
        self.cursor = Some(step);
        self.point();
    }

    /// The picture in the upper pane of a screen this wide.
    pub(super) fn picture(&self, columns: u16) -> Picture {
        self.wanted.unwrap_or({
            if columns < GRAPH_COLUMNS || self.graph.nodes().len() > GRAPH_LIMIT {
                Picture::Tree
            } else {
                Picture::Graph
            }
        })
    }

    /// Moves the cursor in a picture; false at its edge.
    pub(super) fn step(&mut self, picture: Picture, direction: Direction) -> bool {
        match picture {
            Picture::Graph => {
                let moved = self.boxes.step(direction);
                if let Some(pointer) = self.boxes.selected().map(str::to_owned) {
                    self.set_cursor(self.instance(&pointer));
                }
                moved
            }
            Picture::Tree => match direction {
                Direction::Up => self.tree_step(-1),
                Direction::Down => self.tree_step(1),
                Direction::Left | Direction::Right => false,
            },
            Picture::Who => match direction {
                Direction::Up => self.who.scroll_by(-1),
                Direction::Down => self.who.scroll_by(1),
                Direction::Left | Direction::Right => false,
            },
            Picture::Timeline => match direction {
                Direction::Up => self.row_step(-1),
                Direction::Down => self.row_step(1),
                Direction::Left | Direction::Right => {
                    self.timeline.pan(direction == Direction::Right);
                    true
                }
            },
        }
    }

    /// Moves the cursor by rows of the tree.
    pub(super) fn tree_step(&mut self, by: i32) -> bool {
        self.tree.arrange(&self.graph);
        let now = self.cursor.as_ref().map(|cursor| cursor.pointer.to_string());
        let Some(next) = self.tree.step(&self.graph, now.as_deref(), by) else {
            return false;
        };
        let moved = now.as_deref() != Some(next.as_str());
        self.set_cursor(self.instance(&next));
        moved
    }

    /// Moves the cursor by rows of the timeline.
    pub(super) fn row_step(&mut self, by: i32) -> bool {
        let steps: Vec<&TimeRow> = self.rows.iter().filter(|row| row.depth == 0).collect();
        let now = self.cursor.as_ref().map(StepId::to_string);
        let at = steps.iter().position(|row| Some(&row.id) == now.as_ref());
        let last = i64::try_from(steps.len()).unwrap_or(0) - 1;
        let from = at.map_or(if by > 0 { -1 } else { last + 1 }, |at| {
            i64::try_from(at).unwrap_or(0)
        });
        let to = (from + i64::from(by)).clamp(0, last.max(0));
        let next = usize::try_from(to)
            .ok()
            .and_then(|to| steps.get(to))
            .and_then(|row| row.id.parse().ok());
        let moved = next != self.cursor;
        if let Some(next) = next {
            self.set_cursor(next);
        }
        moved
    }

    /// The youngest instance at a place, or the place itself where nothing has begun.
    pub(super) fn instance(&self, pointer: &str) -> StepId {
        self.view
            .latest
            .get(pointer)
            .cloned()
            .unwrap_or_else(|| StepId::new(pointer))
    }

    /// Feeds the stream of the step shown.
    pub(super) fn feed(&mut self, journal: Option<&Journal>, zone: &TimeZone) {
        self.feed
            .feed(&mut self.stream, &self.view, journal, self.shown.as_ref(), zone);
    }
}
