//! What crosses the wire or is stored: ids, entities, run events, commands, queries, changes and faults.
//!
//! This crate holds shapes and the pure rules that belong to them (parsing an id, a filter, a located
//! document). It does no I/O, reads no clock and knows no other room of the house.
//!
//! Invariant: changes here are additive. A frame or a record written by any released version decodes for ever;
//! new fields carry `#[serde(default)]`, nothing is renamed, nothing changes its meaning.

pub mod agent_use;
pub mod bus;
pub mod chat;
pub mod command;
pub mod count;
pub mod digest;
pub mod dry_run;
pub mod emergency;
pub mod entity;
pub mod fault;
pub mod filter;
pub mod graph;
pub mod hello;
pub mod id;
pub mod query;
pub mod recording;
pub mod run;
pub mod source;
pub mod status;
pub mod upgrade;
pub mod watch;

/// A shared JSON value: parsed once, passed by reference ever after.
pub type Payload = std::sync::Arc<serde_json::Value>;
