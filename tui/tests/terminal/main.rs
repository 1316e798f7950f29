//! The real program in a real pseudo terminal: it paints at once, asks nothing of the terminal, and gives it back
//! on every way out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod client;
mod ends;
mod looks;
mod returns;
mod slow;
mod stops;
