//! Performers: one file per kind of effect, one trait, one list. Adding a kind is a new file here and a row in
//! [`PERFORMERS`].
//!
//! A performer acts on a request whose intent is durable, and says how it ended. It does not retry beyond what its
//! protocol asks for, stores nothing, and decides nothing about the run.

mod agent;
mod agent_answer;
mod egress;
mod http;
mod http_answer;
mod noop;
mod performer;
mod process;
mod shell;
mod shell_output;

pub(crate) use performer::{AgentSource, Call, Means, Performer, Performers};

/// Sets a performer up.
type Open = fn(&Means) -> Result<Box<dyn Performer>, crate::runtime::RuntimeError>;

/// Every kind's performer.
const PERFORMERS: &[Open] = &[noop::open, http::open, shell::open, agent::open];
