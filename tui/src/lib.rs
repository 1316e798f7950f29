//! The terminal client: a full-screen page of what runs and what needs a person, and a command line.
//!
//! The library owns everything the client does; `main.rs` only starts it. It never depends on a room under
//! `daemon/`. The screen draws what the mirror of the daemon says, never what it hopes.

pub mod keymap;
pub mod model;
pub mod nav;
pub mod pages;
pub mod text;
pub mod theme;
pub mod widgets;
