//! Pages of definitions: the list, the versions of one, the difference of any two, who uses it, and the builder or the
//! editor. A page is one [`What`]; nothing else is particular to a kind.
//!
//! Owns what is selected and marked, and drafts, which outlive the client. Versions, counts, errors and graphs are the
//! daemon's. Invariant: text and canvas are views of one document, its text; every edit changes the lines it is about.

mod again;
mod asked;
mod beside;
mod build_draw;
mod build_speech;
mod builder;
mod canvas;
mod card;
mod changed;
mod choice;
mod compiled;
mod draft;
mod drafts;
mod draw;
mod field;
mod form;
mod form_agent;
mod form_builder;
mod form_edit;
mod form_orchestration;
mod form_rule;
mod items;
mod keys;
mod launch;
mod lines;
mod looked_back;
mod named;
mod narrowed;
mod outline;
mod page;
mod prose;
mod question;
mod refusals;
mod routes;
mod rows;
mod side;
mod speech;
mod surgery;
mod trial;
mod tried;
mod what;
mod who;

pub(crate) use keys::bindings;
pub use page::Definitions;
pub use side::Side;
pub use what::What;
