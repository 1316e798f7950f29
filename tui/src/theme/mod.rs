//! How things look: roles, never colours, in pages; signs with a word for every state; ASCII twins.
//!
//! The default theme speaks the terminal's own 16 colours and sets no background. It does not decide what is
//! shown, only how. Invariant: no state is told by colour alone.

pub mod ascii;
pub mod depth;
mod paint;
pub mod role;
pub mod sign;

pub use depth::{Background, Depth};
pub use role::{Role, Scheme, Theme};
pub use sign::Sign;
