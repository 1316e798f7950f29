//! Performers: one file per kind of effect, one trait, one list. Adding a kind is a new file here and a row in
//! [`PERFORMERS`].
//!
//! A performer acts on a request whose intent is durable, and says how it ended. It does not retry beyond what its
//! protocol asks for, stores nothing, and decides nothing about the run.

mod agent;
mod agent_answer;
mod agent_quote;
mod egress;
mod http;
mod http_answer;
mod noop;
mod performer;
mod process;
mod shell;
mod shell_output;

pub(crate) use agent_quote::quote;
pub(crate) use egress::Egress;
pub(crate) use performer::{AgentSource, Means, Performers};
pub use performer::{Call, Performer};

use dirigent_protocol::run::EffectKind;

/// Sets a performer up.
type Open = fn(&Means) -> Result<Box<dyn Performer>, crate::runtime::RuntimeError>;

/// Every kind's performer.
const PERFORMERS: &[(EffectKind, Open)] = &[
    (EffectKind::Noop, noop::open),
    (EffectKind::Http, http::open),
    (EffectKind::Shell, shell::open),
    (EffectKind::Agent, agent::open),
];
