//! One binary for the room's tests through its public door.

mod common;
mod conformance;
mod damage;
mod power;
mod rebuilds;
mod refusals;
mod sim;
mod smoke;
