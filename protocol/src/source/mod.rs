//! Text people write (YAML 1.2 or JSON) as a tree that knows its places, and what is wrong with it.
//!
//! Owns: limits on text (size, depth, aliases), the tree ([`Node`]), findings ([`Diagnostic`]), nearest-name suggestions.
//! Does not know any document format: which fields a workflow or an agent may have is decided above.
//!
//! Invariant: a value is never changed silently. A number that cannot be kept exactly, a key that occurs twice
//! and a character that deceives the eye are findings; `no`, `off` and `12:30` stay text.

mod builder;
mod diagnostic;
mod node;
mod parse;
mod scalar;
mod secrets;
mod suggest;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use node::{Entry, Mapping, Node, Position, Span, Value, join_pointer};
pub use parse::{MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES, Source, parse};
pub use suggest::nearest;
