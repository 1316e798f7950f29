//! How documents live in the store: keys, bytes, and what belongs into one commit with a document.
//!
//! Used by the entity service and by the runtime, so that a document, its audit record, its remembered answer and a
//! run's events can be one transaction. Does not commit, decide who may do what, or know what a document means.
//!
//! Invariants: (1) every index row, name row and history row of a document is written in the transaction that writes
//! the document; (2) a document is written only over the revision it was made from (or by its only writer, who says
//! so with [`Stored::sole_writer`]).
//!
//! Prefix bytes of keys: `d` document, `m` members of an organisation, `n` name, `i` index, `u` unique index, `g` groups, `h`
//! earlier revisions, `t` traces of what was deleted, `r` answered requests, `x` what expires, `w` which late indexes are whole. Upper-case prefixes
//! belong to the runtime.

mod audit;
mod bytes;
mod error;
mod expiry;
mod group;
mod ids;
mod journal;
pub mod key;
mod late;
mod order;
mod read;
mod request;
mod sweep;
mod well_known;
mod write;

#[cfg(test)]
mod tests;

pub use audit::{Audit, audit};
pub use bytes::{decode_document, decode_event, encode_document, encode_event};
pub use error::RecordError;
pub use expiry::forget_later;
pub use ids::{BOOTSTRAP_USER, DEFAULT_ORG};
pub use journal::{Journal, MAX_CHAIN};
pub use order::encode_value;
pub use read::{IndexRow, Records};
pub use request::{Actor, RecallError, recall, remember};
pub use sweep::sweep;
pub use well_known::{default_org, owner_user};
pub use write::{Draft, HISTORY_KEPT, Stored, delete, put, unchanged};
