//! The shipped workflows to begin with: what each asks for, and its text with that filled in.
//!
//! Owns parameters: the properties of a template's input, and places of its text that it names. The texts are
//! `dirigent-config`'s. Invariant: filling in changes the named values alone; comments and everything else stay.

mod fill;
mod shape;

pub use fill::{Wrong, fill};
pub use shape::{Parameter, Shape, find, shapes};
