//! The parts of a form, lists among them: what an item is called, which values it has, and what joins.

use std::fmt::Debug;

use dirigent_protocol::entity::Kind;
use dirigent_protocol::source::Node;

use super::field::Field;
use super::lines::Refusal;
use crate::pages::Ctx;

/// A part of a form.
#[derive(Debug)]
pub(super) enum Part {
    /// A value beside its kind.
    Meta(Field),
    /// A value.
    One(Field),
    /// Values under one name.
    Group(&'static str, &'static str, &'static [Field]),
    /// A list of which each item has values.
    List(&'static dyn Items),
}

/// A name that an item may list, and whether it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) state: Checked,
    /// What it is, or what is wrong with it.
    pub(super) about: &'static str,
}

/// Whether a name is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It is, and nothing is called so.
    Unknown,
}

impl Checked {
    /// As it stands in its row.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Yes => "[x]",
            Self::No => "[ ]",
            Self::Unknown => "[!]",
        }
    }
}

/// A list of a form: adding one is an implementation, and a part of its form.
pub(super) trait Items: Debug + Sync {
    /// Its name in the text, below `spec`.
    fn name(&self) -> &'static str;

    /// One of them: `member`.
    fn word(&self) -> &'static str;

    /// What it is for.
    fn about(&self) -> &'static str;

    /// What is asked before one joins.
    fn asks(&self) -> &'static str;

    /// What one is called, and what it is in one line.
    fn head(&self, item: &Node) -> (String, String);

    /// Its values.
    fn values(&self, item: &Node) -> Vec<&'static Field>;

    /// Values that all of them have, behind its own.
    fn common(&self) -> &'static [Field] {
        &[]
    }

    /// Names it may list under `allow`.
    fn checks(&self, _item: &Node) -> Vec<Check> {
        Vec::new()
    }

    /// It may be that there are none.
    fn may_be_none(&self) -> bool {
        false
    }

    /// What may join: as it is answered, and words.
    fn offered(&self, ctx: &Ctx<'_>) -> Vec<(String, String)>;

    /// What is typed may join, though it is not offered.
    fn typed(&self, _typed: &str) -> Option<(String, String)> {
        None
    }

    /// The text of one that joins, its first line without the dash.
    fn made(&self, answer: &str) -> Result<String, Refusal>;
}

/// What is published and can be named: agents first, then what is run.
pub(super) fn published(ctx: &Ctx<'_>) -> Vec<(String, String)> {
    let kinds = [
        (Kind::Agent, "agent"),
        (Kind::Workflow, "workflow"),
        (Kind::Orchestration, "workflow"),
    ];
    let all = kinds.into_iter().flat_map(|(kind, word)| {
        let named = ctx.model.of_kind(kind).into_iter();
        named.map(move |named| (format!("{word} {}", named.name), named.about.clone()))
    });
    all.collect()
}
