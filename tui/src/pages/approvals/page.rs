//! The page itself: panes, cursors, actions.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::{Action, Bind};
use crate::model::Cmd;
use crate::pages::{Ctx, Input, Meta, Page};

/// Its declaration.
pub const META: Meta = Meta {
    id: "approvals",
    title: "Approvals",
    space: 1,
    letter: 'a',
    about: "what waits for a decision",
    bindings: &[Bind::footer(Action::Open, "open")],
};

/// The inbox.
#[derive(Debug, Default)]
pub struct Approvals;

impl Page for Approvals {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&mut self, _input: Input<'_>, _ctx: &Ctx<'_>) -> Vec<Cmd> {
        Vec::new()
    }

    fn view(&self, _ctx: &Ctx<'_>, _area: Rect, _buf: &mut Buffer) {}
}
