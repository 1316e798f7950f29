//! Folders of texts that can be searched: passages ranked by BM25, each with the place it stands at.
//!
//! `passages` cuts a text, `rank` orders passages; both are pure. `gather` reads below a folder's walls, `shelf` keeps what
//! was read in memory. Nothing is written anywhere.
//!
//! Invariants: nothing outside a granted folder is read; a passage that is shown is as it stands in the file now, by size
//! and time of change; files, bytes, passages and time are bounded, and what was left out is said.

mod gather;
mod html;
mod passages;
mod rank;
mod search;
mod shelf;

pub(crate) use search::{Question, search};
pub(crate) use shelf::Shelf;
