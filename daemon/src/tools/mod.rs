//! Tools of agents: one file per kind, one trait, one list. Adding a kind is a new file here, a row in [`KINDS`] and a
//! field of the grant (`protocol/src/entity/agent_tool.rs`).
//!
//! A tool says what it offers to a model, and turns a call into a request that an effect's performer knows. It performs
//! nothing. Invariant: what no grant names is not offered, and a call of it is refused before anything is planned.

mod agent;
mod capabilities;
pub(crate) mod change;
mod command;
mod file;
mod granted;
mod http;
mod knowledge;
mod mcp;
mod names;
mod search;
mod secrets;
mod told;
mod tool;
mod toolbox;
mod verdict;
mod workflow;
pub(crate) mod workspace;

pub(crate) use capabilities::check_capabilities;
pub(crate) use mcp::{IDEMPOTENCY_KEY, manifest_digest, server_call};
pub(crate) use told::told;
pub(crate) use tool::{Closed, World};
pub(crate) use toolbox::Toolbox;
pub use verdict::check;

use dirigent_protocol::entity::AgentTool;
use tool::Tool;

/// A kind of tool: its field of the grant, and how one is made of what stands there.
pub(crate) struct Kind {
    /// The field.
    pub(crate) field: &'static str,
    /// None where the grant is of another kind.
    pub(crate) open: fn(&AgentTool) -> Option<Box<dyn Tool>>,
}

/// Every kind.
const KINDS: &[Kind] = &[
    file::KIND,
    http::KIND,
    mcp::KIND,
    workflow::KIND,
    agent::KIND,
    command::KIND,
    knowledge::KIND,
];
