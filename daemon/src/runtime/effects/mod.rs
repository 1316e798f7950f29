//! Performers: one file per kind of effect, one trait, one list. Adding a kind is a new file here and a row in
//! [`PERFORMERS`].
//!
//! A performer acts on a request whose intent is durable, and says how it ended. It does not retry beyond what its
//! protocol asks for, stores nothing, and decides nothing about the run.

mod a2a;
mod agent;
mod agent_answer;
mod agent_ask;
mod agent_context;
mod agent_cut;
mod agent_door;
mod agent_listed;
mod agent_quote;
mod agent_retry;
mod agent_tools;
mod confine;
mod container;
mod egress;
mod file;
mod foreign;
mod function;
mod http;
mod http_answer;
mod kept_file;
mod mcp;
mod noop;
mod openapi;
mod performer;
mod process;
mod script;
pub(crate) mod secrets;
pub(crate) mod secrets_kept;
pub(crate) mod secrets_mask;
mod security;
mod shell;
mod shell_output;
mod watch;
mod web;
mod web_assertion;
mod web_auth;
mod web_code;
mod web_grant;
mod workflow;

pub(crate) use agent_quote::quote;
pub(crate) use egress::Egress;
pub(crate) use performer::{AgentSource, Child, Children, Means, Performers, refused};
pub use performer::{Call, Performer};
pub(crate) use security::Security;
pub(crate) use watch::Watch;

use dirigent_protocol::run::EffectKind;

/// Sets a performer up.
type Open = fn(&Means) -> Result<Box<dyn Performer>, crate::runtime::RuntimeError>;

/// Every kind's performer.
const PERFORMERS: &[(EffectKind, Open)] = &[
    (EffectKind::Noop, noop::open),
    (EffectKind::Http, http::open),
    (EffectKind::Shell, shell::open),
    (EffectKind::Agent, agent::open),
    (EffectKind::Mcp, mcp::open),
    (EffectKind::Workflow, workflow::open),
    (EffectKind::File, file::open),
];
