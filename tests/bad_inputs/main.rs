//! What must get a clear error: every row goes to the real daemon, and each time the same six rules are looked at.
//!
//! Rows are grouped by the surface they arrive through, and named as the catalogue of bad inputs names them. The rules are
//! in [`rules`]; a row that stores something on purpose says so.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a row that cannot be tried should stop"
)]

mod command_line;
mod configuration;
mod display;
mod documents;
mod expressions;
mod frames;
mod liar;
mod mcp_authorities;
mod mcp_servers;
mod model_keys;
mod model_refusals;
mod model_servers;
mod rules;
mod shell_steps;
