//! The terminal client: a full-screen page of what runs and what needs a person, and a command line.
//!
//! The library owns everything the client does; `main.rs` only starts it. It never depends on a room under
//! `daemon/`. The screen draws what the mirror of the daemon says, never what it hopes.

pub mod app;
pub mod cli;
pub mod clock;
pub mod guard;
pub mod input;
pub mod kept;
pub mod keymap;
pub mod link;
pub mod model;
pub mod nav;
pub mod options;
pub mod outside;
pub mod pace;
pub mod pages;
pub mod plain;
pub mod screen;
pub mod shell;
pub mod signals;
pub mod templates;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod widgets;

pub use app::{AppError, Commands, run};
pub use options::Options;
