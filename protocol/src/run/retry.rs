//! How a failed effect is tried again where not its task but what was asked declares it, and a step that waits for that.
//!
//! Owns the words alone; the engine decides. What a task or its document declares goes before [`RetryTerms::attempts`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the outside says about another attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryTerms {
    /// Attempts in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Milliseconds, from the first failure on, behind which nothing is tried any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// A policy was declared, and the pause that is asked for is its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub declared: bool,
    /// It was refused at the door: nothing was done, and this is waited for (`the limit of openai`). Such an attempt is
    /// counted only where a number of attempts was declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

/// A step that was refused at a door and waits to ask again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// What it waits for, in words: `the limit of openai`.
    pub what: String,
    /// When it asks again.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// How many steps of the run wait like it.
    pub steps: u32,
}

impl Waiting {
    /// `waits until 2026-11-23T10:00:00Z (the limit of openai)`, with the time as somebody writes it.
    #[must_use]
    pub fn words(&self, until: &str) -> String {
        format!("waits until {until} ({})", self.what)
    }
}
