//! One binary for the room's tests through its public door.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod archive;
mod blend;
mod blobs;
mod common;
mod conformance;
mod damage;
mod discard;
mod kills;
mod operations;
mod power;
mod pressure;
mod rebuilds;
mod refusals;
mod renewal;
mod sim;
mod smoke;
mod state_io;
mod upkeep;
