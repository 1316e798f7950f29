//! The daemon as a library: everything `dirigentd` is, for its binary, its tests and those who embed it.
//!
//! Rooms: `records` (documents in the store), `door` (who may do what), `service` (documents), `runtime` (runs),
//! `rpc` (the wire's answers), `lifecycle` (start and stop). Only `spawn` starts tasks.

pub mod clock;
pub mod records;
pub mod spawn;
