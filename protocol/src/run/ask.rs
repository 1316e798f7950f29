//! What an effect needs of a person before it can go on, and what the person said to it.
//!
//! Invariant: an effect that asks has told nobody that it is done; with the answer it is asked for again, as an effect
//! of its own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approval::Consequence;

/// A question of an effect. What it shows may be the words of a stranger.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EffectAsk {
    /// Names the question to whoever performs the effect; goes back with the answer.
    pub id: String,
    /// One line: what is asked.
    pub title: String,
    /// What a yes does, as a short verb phrase.
    pub action: String,
    /// Why, or what was wrong with the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// All that is shown; a yes hands it on, unchanged or as the person filled it in.
    pub payload: Value,
    /// JSON Schema of what the payload may become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// What a no does.
    #[serde(default, skip_serializing_if = "Consequence::is_failure")]
    pub on_deny: Consequence,
    /// Goes back with the answer, shown to nobody.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub kept: Value,
    /// Nobody is asked: once what it keeps is durable, the effect goes on with that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_on: bool,
}

/// How a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerWord {
    /// Yes.
    Accept,
    /// No.
    Decline,
    /// Nobody answered in time.
    Cancel,
    /// Nobody was asked: what it keeps is durable.
    #[serde(rename = "goes_on")]
    GoesOn,
}

/// The answer to a question of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectAnswer {
    /// The question's id.
    pub id: String,
    /// Yes, no, or nothing.
    pub word: AnswerWord,
    /// What was shown, as the person filled it in.
    #[serde(default)]
    pub payload: Value,
    /// Who.
    #[serde(default)]
    pub by: String,
    /// What the question kept.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub kept: Value,
}
