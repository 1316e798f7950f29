//! Documents of every kind: get, list, create, update, delete, history, apply, watch.
//!
//! One treatment for all kinds, derived from a kind's row in the registry; kinds that are published as versions add a
//! file under `definitions`. Knows nothing of the wire and performs nothing: runs belong to the runtime.
//!
//! Invariant: a change, its history, its audit record and its remembered answer are one commit, made against the
//! revision that was looked at.

mod apply;
mod change;
mod commit;
mod core;
mod definitions;
mod error;
mod find;
mod list;
mod look;
mod name;
mod patch;
mod publish;
mod restore;
mod review;
mod runs;
mod schema;
mod suggestion;
mod trial;
mod used_by;
mod uses;
mod watch;

pub use apply::check_file;
pub use core::Service;
pub use error::ServiceError;
pub(crate) use suggestion::Decides;
