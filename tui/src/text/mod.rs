//! Text for the screen: outside text made harmless, fitting to a width, ages, amounts, wrapping.
//!
//! Invariant: text from agents, logs, files or the network passes [`sanitize`] before it reaches a cell.

pub mod amount;
mod clock;
mod compact;
pub mod diff;
pub mod fit;
pub mod sanitize;
pub mod span;
pub mod wrap;
mod yaml;

pub use clock::clock;
pub use compact::compact;
pub use fit::{fit, fit_right, width};
pub use sanitize::{clean, clean_line};
pub use wrap::wrap;
pub use yaml::yaml;
