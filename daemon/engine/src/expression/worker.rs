//! What crosses to the worker process that runs expressions which may loop or blow up.

use std::collections::BTreeMap;

use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One expression to run, complete; one JSON document on the worker's standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalRequest {
    /// Names the request: digest of expression, input and variables.
    pub id: Digest,
    /// jq, without `${ }`.
    pub expression: String,
    /// What `.` is.
    pub input: Payload,
    /// What `$name` is; names without `$`.
    pub variables: BTreeMap<String, Payload>,
    /// What `now` is.
    pub now: Timestamp,
}

/// The worker's answer; one JSON document on its standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalReply {
    /// The request it answers.
    pub id: Digest,
    /// What came of it.
    pub result: EvalResult,
}

/// What came of an expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvalResult {
    /// Its first value.
    Value(Payload),
    /// Its error, in jq's words.
    Error(String),
    /// It was stopped: time, memory, output size. Written by whoever killed the worker.
    Exceeded(String),
}

/// Replies by request.
#[derive(Debug, Clone, Default)]
pub struct Answers(BTreeMap<Digest, EvalResult>);

impl Answers {
    /// Adds a reply.
    pub fn insert(&mut self, reply: EvalReply) {
        self.0.insert(reply.id, reply.result);
    }

    /// The reply to a request.
    #[must_use]
    pub fn get(&self, id: &Digest) -> Option<&EvalResult> {
        self.0.get(id)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl EvalRequest {
    /// A request with its name.
    #[must_use]
    pub fn new(
        expression: &str,
        input: Payload,
        variables: BTreeMap<String, Payload>,
        now: Timestamp,
    ) -> Self {
        let variables_json: BTreeMap<&String, &Value> =
            variables.iter().map(|(name, value)| (name, &**value)).collect();
        let id = Digest::of(&json!([expression, &*input, variables_json]));
        Self {
            id,
            expression: expression.to_owned(),
            input,
            variables,
            now,
        }
    }
}
