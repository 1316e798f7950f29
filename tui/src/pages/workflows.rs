//! The page Workflows: definitions with a builder of their tasks.

use dirigent_protocol::entity::Kind;

use super::definitions::{Side, What, bindings};
use crate::pages::Meta;
use crate::pages::narrow::{Facet, Of};

/// What it shows.
pub const WHAT: What = What {
    meta: &META,
    kind: Kind::Workflow,
    word: "workflow",
    canvas: true,
    new: NEW,
    facets: &[Facet {
        name: "changed",
        of: Of::Age("updated_at"),
    }],
    topics: ["workflows.facets", "workflows.rows"],
    sides: &[Side::Diff, Side::Text, Side::Used],
};

/// What a new workflow begins with.
const NEW: &str = "\
document:
  dsl: '1.0.3'
  namespace: default
  name: NAME
  version: '0.1.0'
do:
  - first:
      set:
        greeting: hello
";

/// Its declaration.
pub const META: Meta = Meta {
    id: "workflows",
    title: "Workflows",
    space: 2,
    letter: 'w',
    about: "every workflow: versions, differences, who uses it",
    bindings: bindings![
        Bind::footer(Action::Start, "run it (asks for the input)"),
        Bind::footer(Action::Edit, "edit"),
        Bind::footer(Action::Copy, "copy the text"),
        Bind::new(Action::Again, "roll back (asks)"),
        Bind::new(Action::Create, "new workflow"),
        Bind::new(Action::Insert, "add a task behind"),
        Bind::new(Action::InsertBefore, "add a task before"),
        Bind::new(Action::Link, "connect"),
        Bind::new(Action::Rename, "rename the task"),
        Bind::new(Action::Stop, "delete the task"),
        Bind::new(Action::NextItem, "move the task down"),
        Bind::new(Action::PrevItem, "move the task up"),
        Bind::new(Action::Try, "simulate with samples"),
        Bind::new(Action::FullPane, "one pane of the simulation"),
        Bind::new(Action::Pause, "pause its stream"),
        Bind::new(Action::Wrap, "wrap its stream"),
        Bind::new(Action::CriticalPath, "its critical path"),
        Bind::new(Action::ZoomIn, "more detail"),
        Bind::new(Action::ZoomOut, "less detail"),
        Bind::new(Action::ZoomFit, "fit"),
        Bind::new(Action::PanLeft, "pan to the left"),
        Bind::new(Action::PanRight, "pan to the right"),
        Bind::new(Action::Left, "to the left"),
        Bind::new(Action::Right, "to the right"),
    ],
};
