//! The list of pages. Adding a page is one new file (or folder) here and one row below: tab, breadcrumb, help,
//! footer, palette and the key check follow from the row.
//!
//! Pages never import each other; they name places. Pages not built yet are rows of [`closed`].

pub mod agents;
pub mod approvals;
pub mod closed;
pub mod conversations;
pub mod dashboard;
pub mod definitions;
pub mod narrow;
pub mod orchestrations;
pub mod page;
pub mod routing;
pub mod runs;
pub mod speech;
pub mod suggestions;
pub mod wording;
pub mod workflows;

pub use page::{Ctx, Input, Meta, Page};
pub use speech::{Field, Speech};

macro_rules! pages {
    ($($module:ident = $page:expr),+ $(,)?) => {
        /// The declaration of every page, in the order of the tabs.
        pub const PAGES: &[&Meta] = &[$(&$module::META,)+];

        /// Every page, in the same order.
        #[must_use]
        pub fn all() -> Vec<Box<dyn Page>> {
            vec![$(Box::new($page),)+]
        }
    };
}

pages! {
    dashboard = dashboard::Dashboard::default(),
    runs = runs::Runs::default(),
    approvals = approvals::Approvals::default(),
    conversations = conversations::Conversations::default(),
    agents = definitions::Definitions::of(&agents::WHAT),
    workflows = definitions::Definitions::of(&workflows::WHAT),
    orchestrations = definitions::Definitions::of(&orchestrations::WHAT),
    routing = definitions::Definitions::of(&routing::WHAT),
    suggestions = suggestions::Suggestions::default(),
}
