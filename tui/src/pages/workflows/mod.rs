//! The page Workflows: the list, a workflow's versions, the difference of any two, who uses it, and the builder.
//!
//! Owns what is selected and marked, and drafts, which outlive the client. Versions, counts, errors and graphs are the
//! daemon's. Invariant: text and canvas are views of one document, its text; every edit changes the lines it is about.

mod asked;
mod build_draw;
mod build_speech;
mod builder;
mod canvas;
mod draft;
mod drafts;
mod draw;
mod keys;
mod outline;
mod page;
mod question;
mod side;
mod speech;
mod surgery;
mod trial;

pub use keys::META;
pub use page::Workflows;
