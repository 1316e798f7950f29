//! Runs that are over and not wanted any more: which ones, their deletion, and what their events took.
//!
//! What people decided, the audit and remembered answers stay. Does not decide who may ask for it: the door does.
//!
//! Invariants: (1) a run stays that is not over, that another one goes on from, or whose parent is not over; (2) its
//! documents and rows go in one commit, with the note that nobody wants its events; those go behind it, asked for again
//! after every start until nothing is left of them.

mod events;
mod pick;
mod prune;
mod slowly;

pub use prune::Pruned;
pub(crate) use slowly::{Kept, keep};
