//! Counts of documents by the values of their fields: what a person narrows a list by.
//!
//! A facet is counted among what the *other* facets leave, so that every count says what choosing it would show.
//! Invariant: a count is bounded; what was not looked at is said ([`Counts::complete`]), never guessed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entity::Kind;
use crate::filter::Filter;

/// Most facets of one question.
pub const MAX_FACETS: usize = 12;
/// Most cases of one facet.
pub const MAX_CASES: usize = 16;
/// Most values of a facet that are answered one by one; the rest is one sum.
pub const MAX_VALUES: usize = 40;
/// Most documents that are looked at, newest first.
pub const MAX_COUNTED: u64 = 20_000;

/// How many documents of a kind there are, by facets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountQuery {
    /// Their kind.
    pub kind: Kind,
    /// Which ones are counted at all.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// By what, at most [`MAX_FACETS`].
    pub facets: Vec<Facet>,
}

/// One way to tell documents apart, and what is chosen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facet {
    /// By what.
    pub by: By,
    /// What is chosen; it narrows the other facets and the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Filter>,
}

/// By what documents are told apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The values of a field; an absent one is `null`.
    Field(String),
    /// Conditions, at most [`MAX_CASES`]; a document counts for each it meets. Their numbers are the values.
    Cases(Vec<Filter>),
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Documents that meet the filter and every choice.
    pub total: u64,
    /// In the order of the question.
    pub facets: Vec<FacetCounts>,
    /// Everything was looked at; otherwise the newest [`MAX_COUNTED`] only.
    pub complete: bool,
}

/// Counts of one facet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FacetCounts {
    /// Value and how many, most first; cases in the order of the question.
    pub values: Vec<(Value, u64)>,
    /// How many have another value.
    #[serde(default)]
    pub other: u64,
}
