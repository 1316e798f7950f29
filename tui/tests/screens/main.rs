//! The client through its public door: messages in, screens and commands out. No terminal, no daemon, no clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agent_form;
mod answers;
mod approvals;
mod batch;
mod conversations;
mod everywhere;
mod facets;
mod forms;
mod kept;
mod keys;
mod literal_keys;
mod looks;
mod monitor;
mod mouse;
mod plain;
mod random;
mod routing;
mod sample;
mod sample_suggestions;
mod sample_workflows;
mod screens;
mod suggestions;
mod who;
mod workflows;
mod world;
