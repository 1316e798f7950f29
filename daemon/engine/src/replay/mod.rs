//! A recorded run played again, offline: the same engine, with everything that came from outside taken from the
//! recording.
//!
//! Owns: turning what is recorded into stimuli, in order and at their times. Does not own: the recording's shape and its
//! comparison (protocol), the expression worker (whoever plays answers for it). Invariant: nothing of the outside is
//! touched; what the recording does not hold stays open, and says so.

mod player;
mod stimuli;

#[cfg(test)]
mod tests;

pub use player::{Played, Player, Stray};
