//! The page itself: panes, cursors, actions.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keymap::{Action, Bind};
use crate::model::Cmd;
use crate::pages::{Ctx, Input, Meta, Page};

/// Its declaration.
pub const META: Meta = Meta {
    id: "dashboard",
    title: "Dashboard",
    space: 1,
    letter: 'd',
    about: "what needs you, what runs, how the fleet is",
    bindings: &[Bind::footer(Action::Open, "open")],
};

/// The dashboard.
#[derive(Debug, Default)]
pub struct Dashboard;

impl Page for Dashboard {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&mut self, _input: Input<'_>, _ctx: &Ctx<'_>) -> Vec<Cmd> {
        Vec::new()
    }

    fn view(&self, _ctx: &Ctx<'_>, _area: Rect, _buf: &mut Buffer) {}
}
