//! Agents elsewhere, by the A2A protocol: `call: a2a`, and what agents of others are made of.
//!
//! A message is sent once; what its task is called is durable before it is followed, and whoever follows it asks and
//! sends nothing. A task that wants input is a question to a person, whose answer is a message of its own.
//! Does not: choose who is called, or judge what an agent says. Invariants: no message goes out twice under another id;
//! a task that is not wanted any more is called off where it works, within a bound.

mod follow;
mod step;
mod task;
mod wire;

pub(super) use follow::{Follow, Gone};
pub(super) use step::{ask, stop};
pub(super) use task::Told;
pub(super) use wire::Link;
