//! The page Agents: definitions that can be tried out beside another version.

use dirigent_protocol::entity::Kind;

use super::definitions::{Side, What, bindings};
use crate::pages::Meta;
use crate::pages::narrow::{Facet, Of};

/// What it shows.
pub const WHAT: What = What {
    meta: &META,
    kind: Kind::Agent,
    word: "agent",
    canvas: false,
    new: NEW,
    facets: &[
        Facet {
            name: "model",
            of: Of::Field("model"),
        },
        Facet {
            name: "changed",
            of: Of::Age("updated_at"),
        },
    ],
    topics: ["agents.facets", "agents.rows"],
    sides: &[Side::Card, Side::Diff, Side::Text, Side::Used, Side::Tried],
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
    bindings: bindings![
        Bind::footer(Action::Edit, "edit"),
        Bind::footer(Action::Again, "roll back (asks)"),
        Bind::footer(Action::Try, "try"),
        Bind::footer(Action::Ask, "talk with it"),
        Bind::footer(Action::Copy, "copy the text"),
        Bind::new(Action::History, "let it look back on its work (asks)"),
        Bind::new(Action::Create, "new agent"),
        Bind::new(Action::Insert, "grant a tool behind"),
        Bind::new(Action::InsertBefore, "grant a tool before"),
        Bind::new(Action::Rename, "what stands before the names of its tools"),
        Bind::new(Action::Stop, "take the tool away, empty the value"),
        Bind::new(Action::NextItem, "move the tool down"),
        Bind::new(Action::PrevItem, "move the tool up"),
        Bind::new(Action::Left, "to the left, out of the rows"),
        Bind::new(Action::Right, "to the right, into the rows"),
    ],
};
