//! The keymap: one table of actions with their keys, from which dispatch, footer, help, palette and manual derive.
//!
//! Pages say which actions they take and what these mean there; they never name a key. So a letter means the
//! same on every page, and a changed key changes everywhere at once.
//! Invariant: no two commands that can be active at once share a key or hide behind the other's prefix (tested).

pub mod action;
pub mod bind;
pub mod docs;
pub mod field_key;
pub mod key;
pub mod map;

pub use action::{Action, Group};
pub use bind::Bind;
pub use field_key::FieldKey;
pub use key::{Chord, Key};
pub use map::{Command, Keymap, Preset, Remap, Step};
