//! What a page of definitions is of. A page is one such declaration; everything else is shared.

use dirigent_protocol::entity::Kind;

use super::side::Side;
use crate::pages::Meta;
use crate::pages::narrow::Facet;

/// What a page of definitions shows.
#[derive(Debug)]
pub struct What {
    /// The page.
    pub meta: &'static Meta,
    /// The kind of its documents; it has versions.
    pub kind: Kind,
    /// One of them: `workflow`.
    pub word: &'static str,
    /// Its text has tasks, which the builder draws; otherwise it is edited as a text beside what changed.
    pub canvas: bool,
    /// What a new one says; NAME stands for its name.
    pub new: &'static str,
    /// What they are told apart by.
    pub facets: &'static [Facet],
    /// Topics of the counts and of the rows that narrow the list.
    pub topics: [&'static str; 2],
    /// What can stand beside its versions, the first one first.
    pub sides: &'static [Side],
}
