//! The page Routing: rules that say which agent does what takes a capability, simulated before they are followed.

use dirigent_protocol::entity::Kind;

use super::definitions::{Side, What, bindings};
use crate::pages::Meta;
use crate::pages::narrow::{Facet, Of};

/// What it shows.
pub const WHAT: What = What {
    meta: &META,
    kind: Kind::OrchestrationRule,
    word: "rule",
    canvas: false,
    new: NEW,
    facets: &[
        Facet {
            name: "capability",
            of: Of::Field("capability"),
        },
        Facet {
            name: "changed",
            of: Of::Age("updated_at"),
        },
    ],
    topics: ["routing.facets", "routing.rows"],
    sides: &[Side::Card, Side::Routes, Side::Diff, Side::Text, Side::Used],
};

/// What a new rule begins with.
const NEW: &str = "\
kind: OrchestrationRule
metadata:
  name: NAME
spec:
  description: What it is for.
  capability: ''
  prefer: listed
  active: false
";

/// Its declaration.
pub const META: Meta = Meta {
    id: "routing",
    title: "Routing",
    space: 2,
    letter: 'f',
    about: "rules of routing: who does it and why, what they would have changed",
    bindings: bindings![
        Bind::footer(Action::Edit, "edit"),
        Bind::footer(Action::Copy, "copy the text"),
        Bind::new(Action::Create, "new rule"),
        Bind::new(Action::Try, "simulate it on recorded runs"),
        Bind::new(Action::Insert, "add a value"),
        Bind::new(Action::Stop, "empty the value"),
        Bind::new(Action::Left, "to the left, out of the rows"),
        Bind::new(Action::Right, "to the right, into the rows"),
    ],
};
