//! The page Orchestrations: several members on one matter, shown as the workflow they compile to.

use dirigent_protocol::entity::Kind;

use super::definitions::{Side, What, bindings};
use crate::pages::Meta;
use crate::pages::narrow::{Facet, Of};

/// What it shows.
pub const WHAT: What = What {
    meta: &META,
    kind: Kind::Orchestration,
    word: "orchestration",
    canvas: true,
    new: NEW,
    facets: &[
        Facet {
            name: "strategy",
            of: Of::Field("strategy"),
        },
        Facet {
            name: "changed",
            of: Of::Age("updated_at"),
        },
    ],
    topics: ["orchestrations.facets", "orchestrations.rows"],
    sides: &[Side::Who, Side::Diff, Side::Text, Side::Compiled, Side::Used],
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
    bindings: bindings![
        Bind::footer(Action::Start, "run it (asks for the input)"),
        Bind::footer(Action::Edit, "edit"),
        Bind::footer(Action::Again, "roll back (asks)"),
        Bind::footer(Action::History, "its newest run: who works"),
        Bind::footer(Action::Copy, "copy the text"),
        Bind::new(Action::Create, "new orchestration"),
        Bind::new(Action::Insert, "add a member behind"),
        Bind::new(Action::InsertBefore, "add a member before"),
        Bind::new(Action::Rename, "rename the member"),
        Bind::new(Action::Stop, "delete the member, empty the value"),
        Bind::new(Action::NextItem, "move the member down"),
        Bind::new(Action::PrevItem, "move the member up"),
        Bind::new(Action::Left, "to the left, out of the rows"),
        Bind::new(Action::Right, "to the right, into the rows"),
    ],
};
