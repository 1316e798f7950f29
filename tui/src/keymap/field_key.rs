//! Keys of a text field: a few that every terminal has and nobody remaps, and actions with the keys of the table.

use super::{Action, Keymap};

/// A key of a text field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKey {
    /// Always this key, by its name.
    Fixed(&'static str),
    /// The key of an action.
    Of(Action),
}

impl FieldKey {
    /// Ends the line.
    pub const ENTER: Self = Self::Fixed("Enter");
    /// Leaves the field.
    pub const ESC: Self = Self::Fixed("Esc");
    /// A new line in a text whose end is `ENTER`.
    pub const NEW_LINE: Self = Self::Fixed("Ctrl-J");
    /// Chooses among what the field offers.
    pub const CHOOSE: Self = Self::Fixed("↑ ↓");

    /// As people read it.
    #[must_use]
    pub fn label(self, keymap: &Keymap) -> String {
        match self {
            Self::Fixed(name) => name.to_owned(),
            Self::Of(action) => keymap.held(action),
        }
    }
}
