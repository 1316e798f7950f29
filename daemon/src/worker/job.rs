//! What the worker is asked and what it answers.

use dirigent_engine::expression::{EvalReply, EvalRequest};
use dirigent_protocol::Payload;
use serde::{Deserialize, Serialize};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Run an expression.
    Evaluate(EvalRequest),
    /// Render a template.
    Render(RenderRequest),
}

/// A Jinja template over `input`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenderRequest {
    /// Name for messages: `prompt`.
    pub name: String,
    /// Its text.
    pub source: String,
    /// What `input` is.
    pub input: Payload,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The worker is up and its limits hold.
    Ready,
    /// Of an expression.
    Evaluated(EvalReply),
    /// Of a template.
    Rendered(Result<String, RenderError>),
}

/// Why a template gave no text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct RenderError {
    /// `undefined_variable`, `output_limit`, `recursion_limit`, `too_long`, `bad_template`.
    pub code: String,
    /// What and where.
    pub message: String,
}
