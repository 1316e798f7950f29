//! Pieces that pages are drawn from. They know roles and cells, not pages, keys or the daemon.

pub mod cursor;
pub mod line;
pub mod pane;
pub mod size;

pub use cursor::{Cursor, first_row};
pub use line::{Line, clear};
pub use pane::Pane;
pub use size::Size;
