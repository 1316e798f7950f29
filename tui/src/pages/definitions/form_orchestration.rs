//! The form of an orchestration.

use dirigent_protocol::source::Node;

use super::field::{Ask, Field, field};
use super::items::{Items, Part, published};
use super::lines::{Refusal, quoted};
use crate::pages::Ctx;

/// Names of who works, of which a member has one.
pub(super) const WHO: [&str; 3] = ["agent", "workflow", "capability"];

const MEMBER: &[Field] = &[
    field("who", Ask::Who, "an agent, a workflow or a capability"),
    field("name", Ask::Words, "its name here"),
    field("role", Ask::Words, "what it is good for, told to the lead"),
    field(
        "input",
        Ask::Value,
        "mapping: what it is given, over $context.matter and .previous",
    ),
    field("when", Ask::Words, "an expression: whether it works at all"),
    field("on", Ask::Words, "the type of the events it works on"),
];

const RULES: &[(&str, &str)] = &[
    ("plurality", "the most votes; a tie wins nothing"),
    ("majority", "more than half of all voters"),
    ("unanimous", "all voters"),
    ("{ at_least: 1 }", "one vote"),
    ("{ at_least: 2 }", "two votes"),
    ("{ at_least: 3 }", "three votes"),
];

/// The form.
pub(super) const ORCHESTRATION: &[Part] = &[
    Part::Meta(field("name", Ask::Words, "what it is run by")),
    Part::One(field("description", Ask::Words, "what it is for")),
    Part::One(field("strategy", Ask::Strategy, "how the members work together")),
    Part::List(&Members),
    Part::Group("lead", "supervisor, judge, or who joins", MEMBER),
    Part::Group(
        "vote",
        "how votes are counted",
        &[
            field("choices", Ask::Names, "what may be chosen, with commas"),
            field(
                "choice",
                Ask::Words,
                "an expression: where a voter's choice stands",
            ),
            field("rule", Ask::OneOf(RULES), "what wins; majority without one"),
            field("otherwise", Ask::Words, "what is decided where nothing wins"),
        ],
    ),
    Part::Group(
        "limits",
        "how far it goes",
        &[
            field("rounds", Ask::Number, "most rounds, or events"),
            field("depth", Ask::Number, "most handoffs, one after the other"),
            field("visits", Ask::Number, "how often one may have the matter"),
            field("timeout", Ask::Words, "how long a run may take, as PT1H"),
            field("until", Ask::Words, "the type of the event that ends it"),
        ],
    ),
    Part::Group(
        "budget",
        "the most a run may take",
        &[
            field("usd", Ask::Number, "US dollars"),
            field("tokens", Ask::Number, "tokens, read and written"),
            field("calls", Ask::Number, "calls of models"),
        ],
    ),
    Part::One(field("output", Ask::Value, "what it gives, over what came last")),
    Part::One(field("prepare", Ask::Text, "tasks that come first")),
    Part::One(field("finish", Ask::Text, "tasks that come last")),
    Part::One(field("input_schema", Ask::Text, "what its input looks like")),
];

/// Those who work together.
#[derive(Debug)]
struct Members;

impl Items for Members {
    fn name(&self) -> &'static str {
        "members"
    }

    fn word(&self) -> &'static str {
        "member"
    }

    fn about(&self) -> &'static str {
        "who works together"
    }

    fn asks(&self) -> &'static str {
        "Who joins?"
    }

    fn head(&self, item: &Node) -> (String, String) {
        let who = who(item);
        let called = item.get("name").and_then(Node::as_str);
        let name = called.or(who.map(|(_, name)| name)).unwrap_or("?");
        let words = who.map_or_else(|| "nobody".to_owned(), |(kind, name)| format!("{kind} {name}"));
        (name.to_owned(), words)
    }

    fn values(&self, _item: &Node) -> Vec<&'static Field> {
        MEMBER.iter().collect()
    }

    fn offered(&self, ctx: &Ctx<'_>) -> Vec<(String, String)> {
        published(ctx)
    }

    fn typed(&self, typed: &str) -> Option<(String, String)> {
        Some(capability(typed))
    }

    fn made(&self, answer: &str) -> Result<String, Refusal> {
        let (kind, name) = chosen(answer)?;
        Ok(format!("{kind}: {}", quoted(name)))
    }
}

/// Who works: what kind of name, and the name.
pub(super) fn who(member: &Node) -> Option<(&'static str, &str)> {
    let mut kinds = WHO.into_iter();
    kinds.find_map(|kind| Some((kind, member.get(kind)?.as_str()?)))
}

/// What a person chose: the kind of name, and the name.
pub(super) fn chosen(typed: &str) -> Result<(&'static str, &str), Refusal> {
    let (kind, name) = typed.split_once(' ').unwrap_or((typed, ""));
    let kind = WHO.into_iter().find(|known| *known == kind);
    match (kind, name.trim()) {
        (Some(kind), name) if !name.is_empty() => Ok((kind, name)),
        _ => Err("it takes an agent, a workflow or a capability".to_owned()),
    }
}

/// Whoever can do what is typed.
pub(super) fn capability(typed: &str) -> (String, String) {
    let answer = format!("capability {typed}");
    (answer, "whichever agent can do this".to_owned())
}
