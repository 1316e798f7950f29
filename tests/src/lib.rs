//! The testkit: real binaries in a home of their own, counting servers on loopback, a terminal that can be read.
//!
//! It fakes nothing of Dirigent. Invariant: every helper waits for a state with a deadline and says what it waited
//! for; every random choice comes from a printed seed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod a2a_agent;
mod asking;
mod binaries;
mod guarded_server;
mod home;
mod link;
mod machine;
mod mcp_server;
mod model;
mod seed;
mod server;
mod skip;
mod sshd;
mod terminal;
mod thinker;
mod wait;

pub use a2a_agent::A2aAgent;
pub use asking::asking;
pub use binaries::{client_path, daemon_path};
pub use guarded_server::GuardedServer;
pub use home::{AGENTS, Daemon, Home, Output};
pub use link::Link;
pub use machine::Machine;
pub use mcp_server::McpServer;
pub use model::{Model, Say, Told};
pub use seed::Seed;
pub use server::{Seen, Server};
pub use skip::skip;
pub use sshd::Sshd;
pub use terminal::Terminal;
pub use thinker::Thinker;
pub use wait::{LONG, until};
