//! The client without a screen: the same pages, keys and actions as a dialogue of plain lines.
//!
//! For screen readers, dumb terminals, serial consoles and pipes. It is a second view over the same shell, mirror,
//! keymap and pages; a page says itself (`Page::speech`), an action is taken where its key would take it.
//! The terminal stays as it is: lines in, lines appended, no mode, no cursor, no control byte.
//! Invariants: nothing is said unasked but what happened; a number means what it meant when it was said; nothing is
//! approved without a word that had to be read; no byte of outside reaches the output as a control.

mod announce;
mod attend;
mod choose;
mod dialogue;
mod editor;
mod menu;
mod reader;
mod report;
mod voice;

pub use attend::{Farewell, Heard, attend};
pub use choose::{View, choose};
pub use dialogue::Dialogue;
