//! The door in front of every call: who is it, may they, and the record of it.
//!
//! Owns the rules and the audit of refusals and reads; a change is audited in its own commit by whoever makes it.
//! Does not know the wire: it is handed a user id and answers with a [`Denial`].
//!
//! Invariants: no call reaches a document without [`Door::authorize`] or [`Door::sees`]; nothing is seen across the
//! border of an organisation; a refusal is durable before it is told.

mod denial;
mod identity;
mod policy;
mod reads;
mod token;

#[cfg(test)]
mod tests;

pub use denial::Denial;
pub use identity::{Door, DoorError, Peer};
pub use policy::{Action, Object};
pub use token::Bearer;
