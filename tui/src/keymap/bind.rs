//! What one page says about an action it takes.

use super::Action;

/// An action a page takes, and what it means there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind {
    /// The action; its keys come from the table.
    pub action: Action,
    /// What it means on this page.
    pub doc: &'static str,
    /// Shown in the footer; rows stand in the order of the page's list.
    pub footer: bool,
}

impl Bind {
    /// In the help only.
    #[must_use]
    pub const fn new(action: Action, doc: &'static str) -> Self {
        Self {
            action,
            doc,
            footer: false,
        }
    }

    /// In the help and, while there is room, in the footer.
    #[must_use]
    pub const fn footer(action: Action, doc: &'static str) -> Self {
        Self {
            action,
            doc,
            footer: true,
        }
    }
}

/// The rows every list page takes: put `..LIST` moves in with [`moves`].
pub const MOVES: &[Bind] = &[
    Bind::new(Action::Up, "up"),
    Bind::new(Action::Down, "down"),
    Bind::new(Action::Top, "first"),
    Bind::new(Action::Bottom, "last"),
    Bind::new(Action::HalfUp, "half a page up"),
    Bind::new(Action::HalfDown, "half a page down"),
    Bind::new(Action::PageUp, "page up"),
    Bind::new(Action::PageDown, "page down"),
];
