//! The form of a rule of routing.

use super::field::{Ask, field};
use super::items::Part;

const PREFER: &[(&str, &str)] = &[
    ("listed", "the first of its agents"),
    ("least_busy", "whoever has the fewest calls in hand"),
    ("cheapest", "whose calls cost the least"),
    ("most_successful", "whose calls failed least"),
];

const ACTIVE: &[(&str, &str)] = &[
    ("true", "it is followed"),
    ("false", "nobody follows it; it can be simulated"),
];

/// The form.
pub(super) const RULE: &[Part] = &[
    Part::Meta(field("name", Ask::Words, "what it is called")),
    Part::One(field("description", Ask::Words, "what it is for")),
    Part::One(field(
        "capability",
        Ask::Words,
        "which capability it is about; empty is every one",
    )),
    Part::One(field(
        "when",
        Ask::Words,
        "which input it is about, as: amount > 100; empty is any",
    )),
    Part::One(field(
        "agents",
        Ask::Names,
        "only these, in this order; empty is all that can",
    )),
    Part::One(field("avoid", Ask::Names, "never these")),
    Part::One(field(
        "prefer",
        Ask::OneOf(PREFER),
        "which of those that are left",
    )),
    Part::One(field(
        "max_load",
        Ask::Number,
        "nobody with so many calls in hand",
    )),
    Part::One(field(
        "max_usd",
        Ask::Number,
        "nobody whose calls cost more on average",
    )),
    Part::One(field(
        "min_success",
        Ask::Number,
        "nobody of whose calls fewer than this part ended well",
    )),
    Part::One(field("priority", Ask::Number, "higher goes first")),
    Part::One(field("active", Ask::OneOf(ACTIVE), "whether it is followed")),
];
