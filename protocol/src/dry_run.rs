//! A dry run: what a workflow would do, decided by the engine itself, with sample outcomes in the place of effects.
//!
//! Invariant: nothing of it is performed or stored; its events read like any run's, and each outcome says that it is a
//! sample and where it comes from (the fact [`SAMPLE`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::graph::Graph;
use crate::run::{RunEvent, Status};
use crate::source::Diagnostic;

/// The fact of an outcome that says where the sample comes from: `given`, `document` or `made up`.
pub const SAMPLE: &str = "sample";
/// The member of a sample that says the effect fails, and how: `{ "$error": { "status": 503, "title": TEXT } }`.
pub const ERROR: &str = "$error";
/// Most events of a dry run.
pub const MAX_EVENTS: usize = 5_000;

/// What is tried.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DryRunQuery {
    /// The text of a file: one Open Workflow document, and the agents it calls where they stand in it too.
    pub source: String,
    /// The input; none takes `document.metadata.dirigent.sample`, or an empty object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Outcomes by the name of the task or its JSON pointer; they go before the document's own samples
    /// (`metadata.dirigent.sample` of a task). For an effect its output, or `{ "$error": {...} }`; for an approval
    /// `{ decision: approved|denied|expired, payload, reason }`; for `listen` the event, its data, or a list of them.
    pub samples: BTreeMap<String, Value>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DryRun {
    /// What is wrong with the text; what would fail, and which samples were made up, at their places in the text.
    pub findings: Vec<Diagnostic>,
    /// The graph, unless errors keep the text from being read.
    pub graph: Option<Graph>,
    /// What would happen, in order. Each effect takes one second of the dry run's own time, a person or an event one
    /// minute; timers take what they say.
    pub events: Vec<RunEvent>,
    /// Where it came to.
    pub ending: DryEnding,
}

/// Where a dry run came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DryEnding {
    /// The text has errors: nothing was tried.
    #[default]
    Refused,
    /// The end of the run.
    Ended {
        /// How.
        status: Status,
    },
    /// It would wait here without end: no sample says what comes.
    Waits {
        /// Steps by JSON pointer, each with what it waits for.
        steps: Vec<(String, String)>,
    },
    /// It was cut: more events, or more bytes of them, than are shown.
    Cut {},
}
