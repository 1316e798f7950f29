//! What a list shows of a conversation: with whom, what it began with, what was said last.
//!
//! A conversation is a run, and its journal has every word; this is kept in the run's document, so that conversations are
//! listed and searched without reading journals. Texts are cut at [`Conversation::MAX_WORDS`] characters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A conversation, in short.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Conversation {
    /// The agent it is with.
    pub agent: String,
    /// What was said first.
    pub title: String,
    /// What was said or answered last.
    pub last: String,
    /// How often something was answered, or could not be.
    pub turns: u32,
    /// The last event of the run that counts in this.
    pub event: u64,
}

impl Conversation {
    /// Longest title and last words, characters.
    pub const MAX_WORDS: usize = 200;
    /// The label of a conversation's run: with which agent.
    pub const LABEL: &'static str = "dirigent.conversation";
    /// Type of the events that say something.
    pub const SAID: &'static str = "dirigent.conversation.said";
}
