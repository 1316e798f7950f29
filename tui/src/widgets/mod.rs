//! Pieces that pages are drawn from. They know roles and cells, not pages, keys or the daemon.

pub mod bar;
pub mod cursor;
#[cfg(test)]
pub(crate) mod drawn;
pub mod graph;
pub mod line;
pub mod pane;
pub mod size;
pub mod step;
pub mod step_json;
pub mod step_state;
pub mod stream;
pub mod timeline;
pub mod writing;

pub use cursor::{Cursor, first_row};
pub use line::{Line, clear};
pub use pane::Pane;
pub use size::Size;
pub use writing::{draw_writing, writing, written};
