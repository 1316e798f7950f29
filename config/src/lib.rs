//! The default files of both binaries, their loader, and the words for what is wrong in them.
//!
//! Layers, the last one wins: shipped defaults, file, environment (`DIRIGENT__SECTION__KEY`), flags. A problem names
//! file, line, column and key, says what is allowed, and all problems come at once.
//!
//! Plain `toml` rather than the crate `config`: that one merges into a tree without positions and stops at the first
//! error, while `toml`'s own tree keeps the place of every key and value and goes on after a syntax error. The merge
//! that is left is forty lines.
//!
//! Does not: print, exit, open sockets or read keys of providers. Knows nothing of the other rooms; the daemon turns
//! these sections into their settings.
//!
//! Invariant: what [`load_daemon`] and [`load_client`] return was checked by the rows of [`rows`], which the shipped
//! defaults and the typed structs must match (tested): no key exists in one of the three places alone.

pub mod check;
pub mod client;
pub mod daemon;
pub mod demo;
pub mod environment;
pub mod explain;
pub mod load;
pub mod orchestrations;
pub mod paths;
pub mod rows;
mod shape;
pub mod templates;
mod toml_layer;

pub use client::ClientConfig;
pub use daemon::DaemonConfig;
pub use environment::Environment;
pub use explain::{ConfigErrors, Place, Problem, ProblemCode};
pub use load::{FileSource, Loaded, Sources, load_client, load_daemon};
pub use paths::{PathError, PathFlags, Paths};
pub use shape::parse_duration;

/// The shipped, commented `daemon.toml`.
pub const DAEMON_DEFAULTS: &str = include_str!("../defaults/daemon.toml");
/// The shipped, commented `tui.toml`.
pub const CLIENT_DEFAULTS: &str = include_str!("../defaults/tui.toml");
