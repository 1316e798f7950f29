//! Which pane has the focus, and how the page is shown. Plain data between keys and drawing.

use dirigent_protocol::id::RunId;

use super::again::Asked;

/// A pane of the monitor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Focus {
    /// Graph, tree or large timeline.
    #[default]
    Picture,
    /// Waterfall.
    Timeline,
    /// Live text.
    Stream,
    /// Step detail.
    Step,
}

impl Focus {
    /// In the order of Tab.
    pub(crate) const ALL: [Self; 4] = [Self::Picture, Self::Timeline, Self::Stream, Self::Step];
}

/// What keys have set and drawing reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// The run.
    pub(super) run: RunId,
    /// The pane with the focus.
    pub(super) focus: Focus,
    /// One pane fills the page.
    pub(super) full: bool,
    /// What was asked and waits for its answer.
    pub(super) asked: Asked,
    /// Only the critical path in full colour.
    pub(super) critical: bool,
}
