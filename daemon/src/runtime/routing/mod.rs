//! Which agent does what takes a capability: rules over what is known of the agents.
//!
//! Chooses and says why; it calls nobody. What it chose is the outcome of an effect and so in the run's journal: nothing
//! is chosen twice. Figures (calls in hand, calls, failures, cost) are kept in memory and count from the daemon's start.
//!
//! Invariant: the choice is a pure function of the rules, the candidates and the input, all of which are recorded.

mod choose;
mod figures;
mod router;
mod simulate;

pub(crate) use figures::Figures;
pub(crate) use router::Router;
