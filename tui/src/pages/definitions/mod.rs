//! Pages of definitions: the list, the versions of one, the difference of any two, who uses it, and the builder or the
//! editor. A page is one [`What`]; nothing else is particular to a kind.
//!
//! Owns what is selected and marked, and drafts, which outlive the client. Versions, counts, errors and graphs are the
//! daemon's. Invariant: text and canvas are views of one document, its text; every edit changes the lines it is about.

mod again;
mod asked;
mod build_draw;
mod build_speech;
mod builder;
mod canvas;
mod choice;
mod compiled;
mod draft;
mod drafts;
mod draw;
mod keys;
mod launch;
mod outline;
mod page;
mod question;
mod side;
mod speech;
mod surgery;
mod trial;
mod tried;
mod what;

pub use page::Definitions;
pub use side::Side;
pub use what::What;
