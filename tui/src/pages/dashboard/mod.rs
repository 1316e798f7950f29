//! Dashboard: what needs a person, oldest and riskiest first; everything else is context.

mod page;

pub use page::{Dashboard, META};
