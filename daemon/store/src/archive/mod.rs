//! Streams that are finished, out of the way of those that are not.
//!
//! Owns `archive/NNN.arc`: volumes that are written once and never changed, each with its index. Does not decide what is
//! finished: whoever appends says so (`Txn::closes`). Invariant: a volume is durable, with its name, before anything of it
//! leaves the state, so at every moment a finished stream is in one of the two or in both.

mod filter;
mod format;
mod given_back;
mod shelf;
mod volume;
mod writing;

pub(crate) use filter::Filter;
pub(crate) use shelf::Archive;
pub(crate) use volume::{Volume, verify};
pub(crate) use writing::Writer;
