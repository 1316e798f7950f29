//! The command line: one file per verb in [`verbs`], and what they share.
//!
//! Owns flags, output formats, exit codes and messages. Does not know the wire beyond the link's caller, nor the
//! screen beyond how to start it. Invariant: results go to standard output, everything else to standard error; with
//! `--json` both are JSON.

pub mod approval_text;
pub mod ask;
pub mod bench;
pub mod budget_words;
pub mod cx;
pub mod demo;
mod dry_steps;
pub mod event_line;
pub mod exit;
pub mod faults;
pub mod follow_run;
pub mod format;
pub mod globals;
pub mod input;
pub mod live_lines;
pub mod out;
pub mod place;
pub mod printer;
pub mod resolve;
pub mod run_text;
pub mod screen;
pub mod start;
pub mod table;
pub mod unit;
pub mod verbs;
pub mod words;

pub use start::main;
