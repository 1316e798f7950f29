//! Narrowing a list: a text and facets, shared by the pages that have one.
//!
//! Owns what is chosen, the panel of facets and what is asked of the daemon for it. Does not own the rows: a page says
//! what of a row a facet looks at. Invariant: counts are the daemon's, of everything it holds; the rows of the mirror
//! are never counted in their place.

pub mod ask;
pub mod draw;
pub mod facet;
pub mod state;

pub use facet::{Facet, Mine, Of};
pub use state::{Narrow, PANEL_KEYS, Taken};
