//! The graph of a workflow as clients draw it: derived from the document, never stored.
//!
//! Invariant: a node is a task of the document, named by its JSON pointer, so every edit of the graph is an
//! edit of the document.

use serde::{Deserialize, Serialize};

/// All nodes in document order, and the ways between them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Graph {
    /// Tasks, each behind the task that contains it.
    pub nodes: Vec<WorkflowNode>,
    /// Ways a run can take.
    pub edges: Vec<WorkflowEdge>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowNode {
    /// JSON pointer of the task: `/do/0/fetch`.
    pub id: String,
    /// The task's name.
    pub name: String,
    /// The kind's keyword, with its target for calls and runs: `set`, `call:http`, `run:shell`.
    pub kind: String,
    /// Id of the task that contains it; none at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// One way between two tasks of the same list, or from a task into its branches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowEdge {
    /// Id of the task left; `start` for the beginning of the workflow.
    pub from: String,
    /// Id of the task entered; `end` for the end of the workflow.
    pub to: String,
    /// What stands on it: a case's name, `each`, `catch`; empty where the order speaks for itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Whether it is taken only under a condition.
    #[serde(default)]
    pub conditional: bool,
}
