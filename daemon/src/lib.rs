//! The daemon as a library: everything `dirigentd` is, for its binary, its tests and those who embed it.
//!
//! Rooms: `records` (documents in the store), `door` (who may do what), `service` (documents), `runtime` (runs),
//! `dry_run` (samples), `tools` (what agents may use), `knowledge` (folders that are searched), `review` (how agents look back on their work), `recorded` (runs as offline tests), `sandbox` (what commands give
//! up), `rpc` (the wire's answers), `serve` (what other programs may use), `lifecycle` (start and stop),
//! `cli` (the command line). Only `spawn` starts tasks;
//! `swap` holds what a reload exchanges.

mod capped;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod door;
pub mod dry_run;
pub mod events;
pub mod fault;
mod knowledge;
pub mod lifecycle;
mod misfit;
pub mod recorded;
pub mod records;
mod review;
pub mod rpc;
pub mod runtime;
pub mod sandbox;
pub mod schedules;
pub mod serve;
pub mod service;
pub mod spawn;
pub mod swap;
pub mod tools;
pub mod worker;

pub use lifecycle::{Options, Running, StartError, start};
