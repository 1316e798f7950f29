//! Runtime expressions: jq, made harmless.
//!
//! Owns: what `${ ... }` is, which functions exist, limits on an expression's text, the split into *inline* expressions
//! (cannot loop, cannot blow up, run in the daemon) and *worker* expressions (may do either, run in a process with limits).
//! Does not own: starting that process, and where expressions stand in a document.
//!
//! Invariant: an inline expression ends in time and memory linear in its data (a factor of at most 64), never aborts the
//! process, and sees nothing but its input, its variables and the stimulus' clock.

mod bound;
mod check;
mod error;
mod functions;
mod jaq;
mod names;
mod path;
mod program;
mod value;
mod worker;

pub use error::ExpressionError;
pub use jaq::evaluate;
pub use program::{EvalError, Expression, Scope, strip};
pub use worker::{Answers, EvalReply, EvalRequest, EvalResult};
