//! Conversations with agents: the list, one of them as it is streamed, and what is being written to it.
//!
//! Owns what is typed and not said yet, by conversation; what was said and answered is the run's, and is read from its
//! events alone. Invariant: nothing that was typed is lost before the daemon has it; nothing begins before something
//! is said.

mod draw;
mod keys;
mod list;
mod page;
mod speech;
mod talk;
mod transcript;

pub use keys::META;
pub use page::Conversations;
