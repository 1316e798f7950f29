//! Which agent does what takes a capability: rules over what is known of the agents.
//!
//! Chooses and says why; it calls nobody. What it chose is the outcome of an effect and so in the run's journal: nothing
//! is chosen twice. What an agent has in hand is kept by the runs' commits and rows; what it did, how often it failed and what that
//! cost are the rows of what agents took in the runs that are kept.
//!
//! Invariant: the choice is a pure function of the rules, the candidates and the input, all of which are recorded.

mod choose;
mod figures;
mod router;
mod simulate;

pub(crate) use figures::{Figures, InHand};
pub(crate) use router::Router;
