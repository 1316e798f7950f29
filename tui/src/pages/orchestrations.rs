//! The page Orchestrations: several members on one matter, shown as the workflow they compile to.

use dirigent_protocol::entity::Kind;

use super::definitions::{Side, What};
use crate::keymap::{Action, Bind};
use crate::pages::Meta;

/// What it shows.
pub const WHAT: What = What {
    meta: &META,
    kind: Kind::Orchestration,
    word: "orchestration",
    canvas: false,
    new: NEW,
    sides: &[Side::Diff, Side::Text, Side::Compiled, Side::Used],
};

/// What a new orchestration begins with.
const NEW: &str = "\
kind: Orchestration
metadata:
  name: NAME
spec:
  description: What it is for.
  strategy: sequential
  members:
    - agent: first
    - agent: second
";

/// Its declaration.
pub const META: Meta = Meta {
    id: "orchestrations",
    title: "Orchestrations",
    space: 2,
    letter: 'o',
    about: "every orchestration: members, versions, the workflow it compiles to",
    bindings: &[
        Bind::footer(Action::Open, "open"),
        Bind::footer(Action::Mark, "mark a version"),
        Bind::footer(Action::Diff, "difference"),
        Bind::footer(Action::NextTab, "next side"),
        Bind::new(Action::PrevTab, "previous side"),
        Bind::footer(Action::Start, "run it (asks for the input)"),
        Bind::footer(Action::Edit, "edit"),
        Bind::footer(Action::Again, "roll back (asks)"),
        Bind::footer(Action::History, "its newest run: who works"),
        Bind::footer(Action::Copy, "copy the text"),
        Bind::new(Action::Create, "new orchestration"),
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
