//! The frame around the pages: first line, footer, help, palette, history, and who gets which key.
//!
//! It is pure: messages in, effects out, cells on demand. It does not know what any page means.
//! Invariant: nothing that arrives by itself (news, time) ever takes the focus or moves to another page.

mod command;
mod copy;
mod doors;
mod draw;
mod footer;
mod header;
mod help;
mod keep;
mod keys;
mod mouse;
mod palette;
mod palette_items;
mod prefix;
mod sheets;
mod state;

pub(crate) use doors::Offered;
pub(crate) use palette::{Item, Target};
pub use state::{Effect, Shell};
