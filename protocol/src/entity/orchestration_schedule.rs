//! When runs of an orchestration begin by themselves: the standard's `schedule`, with what it has no word for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// When runs begin by themselves; at least one of `every`, `cron`, `after` and `on`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OrchestrationSchedule {
    /// A duration between two beginnings, such as `PT1H`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Value>,
    /// Times, as `cron` writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// A duration behind the end of the run before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Events a run begins with; they are its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Value>,
    /// How those events are read: `data`, `envelope` or `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
    /// The time zone that `cron` is in; UTC where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What becomes of missed runs: `skip`, `one` (the default) or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
    /// What becomes of runs that would overlap: `allow` (the default), `skip` or `replace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<String>,
    /// Input of runs that begin at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
}
