//! The runtime through its own door: a real store in a fresh directory, real commands, real loopback servers, the
//! rehearsal as the model. A crash is everything dropped where it stands, then opened again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod again;
mod agent_loop;
mod agents;
mod approvals;
mod bed;
mod bed_looks;
mod bed_publishes;
mod bus;
mod children;
mod compensate;
mod crash;
mod effects;
mod failpoints;
mod fence;
mod figures;
mod flow;
mod hostile;
mod large;
mod limits;
mod people;
mod prune;
mod server;
mod through;
mod upgrades;
