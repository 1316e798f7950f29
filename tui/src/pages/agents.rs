//! The page Agents: definitions that can be tried out beside another version.

use dirigent_protocol::entity::Kind;

use super::definitions::{Side, What};
use crate::keymap::{Action, Bind};
use crate::pages::Meta;

/// What it shows.
pub const WHAT: What = What {
    meta: &META,
    kind: Kind::Agent,
    word: "agent",
    canvas: false,
    new: NEW,
    sides: &[Side::Diff, Side::Text, Side::Used, Side::Tried],
};

/// What a new agent begins with.
const NEW: &str = "\
kind: Agent
metadata:
  name: NAME
spec:
  description: What it is for.
  model: ''
  system: ''
  prompt: |
    Summarise:
    {{ input.text }}
";

/// Its declaration.
pub const META: Meta = Meta {
    id: "agents",
    title: "Agents",
    space: 2,
    letter: 'b',
    about: "every agent: versions, differences, who uses it, a trial",
    bindings: &[
        Bind::footer(Action::Open, "open"),
        Bind::footer(Action::Mark, "mark a version"),
        Bind::footer(Action::Diff, "difference"),
        Bind::footer(Action::NextTab, "next side"),
        Bind::new(Action::PrevTab, "previous side"),
        Bind::footer(Action::Edit, "edit"),
        Bind::footer(Action::Again, "roll back (asks)"),
        Bind::footer(Action::Try, "try"),
        Bind::footer(Action::Ask, "talk with it"),
        Bind::footer(Action::Copy, "copy the text"),
        Bind::new(Action::Create, "new agent"),
        Bind::new(Action::View, "the whole text"),
        Bind::new(Action::Validate, "to what is wrong"),
        Bind::new(Action::Undo, "undo"),
        Bind::new(Action::Redo, "redo"),
        Bind::new(Action::Save, "take the text"),
        Bind::new(Action::Publish, "publish (asks)"),
        Bind::new(Action::Approve, "yes"),
        Bind::new(Action::CopyLink, "copy the link"),
        Bind::new(Action::Up, "up"),
        Bind::new(Action::Down, "down"),
        Bind::new(Action::Top, "first"),
        Bind::new(Action::Bottom, "last"),
        Bind::new(Action::HalfUp, "half a page up"),
        Bind::new(Action::HalfDown, "half a page down"),
        Bind::new(Action::PageUp, "page up"),
        Bind::new(Action::PageDown, "page down"),
    ],
};
