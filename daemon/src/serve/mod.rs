//! What other programs may use of this daemon: offers, as tools over MCP and as agents over A2A.
//!
//! Whoever comes is a guest of the wire: everything here goes through the same calls, the same door and the same limits
//! as a client's. Taking an offer up starts a durable run, so neither a lost connection nor a restart loses the work.
//!
//! Does not: decide approvals, change definitions, or know what a run does inside. What no offer names does not exist
//! here; what a token does not name neither.
//!
//! Invariant: the same key of the same guest for the same offer starts one run.

mod a2a;
mod catalog;
mod guest;
mod http;
mod mcp;
mod stdio;
mod work;

pub use guest::{Calls, Guest};
pub use http::{Listening, listen};
pub use stdio::over_stdio;
