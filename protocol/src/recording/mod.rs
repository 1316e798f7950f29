//! A run as a test: everything that came to it from outside, in order, and what it did with that.
//!
//! Owns: the shape of the file, making it of a run's events, comparing two of them. Does not own: reading the file,
//! replaying it (the engine does). Secrets: a journal holds their marks alone, so a recording does too.
//!
//! Invariant: the same events give the same recording; a recording of its own replay is the same but for where and when
//! it was made.

mod compare;
mod difference;
mod moved;
mod outside;
mod recorder;
mod shape;

pub use compare::compare;
pub use difference::{Difference, differences};
pub use recorder::{Recorder, Unrecordable};
pub use shape::{
    Asked, EffectMoment, Expected, FORMAT, Moment, RecordedAgent, RecordedWorkflow, Recording, Taken, What,
};
