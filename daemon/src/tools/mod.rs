//! Tools of agents: one file per kind, one trait, one list. Adding a kind is a new file here and a row in [`KINDS`]: its
//! settings, their schema, what is wrong with them, what it offers and how it is called are all in that file.
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
mod schema;
mod script;
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
pub(crate) use schema::complete;
pub(crate) use told::told;
pub(crate) use tool::{Closed, World};
pub(crate) use toolbox::Toolbox;
pub use verdict::check;

use dirigent_protocol::entity::AgentTool;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tool::Tool;

/// A kind of tool: its field of the grant, and how one is made of what stands there.
pub(crate) struct Kind {
    /// The field.
    pub(crate) field: &'static str,
    /// JSON Schema of what stands in it; none where the grant has a field of its own for it.
    pub(crate) settings: Option<fn() -> Value>,
    /// None where the grant is of another kind.
    pub(crate) open: fn(&AgentTool) -> Option<Box<dyn Tool>>,
    /// What is wrong with a grant of it, for the definition's check.
    pub(crate) problem: fn(&AgentTool) -> Option<String>,
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
    script::KIND,
];

/// Settings of a kind that the grant has no field for; none where there are none that fit.
fn settings<T: DeserializeOwned>(grant: &AgentTool, field: &str) -> Option<T> {
    T::deserialize(grant.other.get(field)?).ok()
}

/// JSON Schema of settings.
fn schema_of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

/// The kind of a grant, and it opened; none where it is of no kind.
pub(crate) fn opened(grant: &AgentTool) -> Option<(&'static str, Box<dyn Tool>)> {
    KINDS
        .iter()
        .find_map(|kind| Some((kind.field, (kind.open)(grant)?)))
}
