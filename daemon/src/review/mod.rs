//! How an agent looks back on its own work: what it is shown, what it is asked, and what of its answer counts.
//!
//! Pure: reads no store, starts nothing and publishes nothing; `runtime` gathers and files, `service` decides.
//!
//! Invariants: figures are counted, never said; a suggestion refers only to runs that were shown, and changes only the
//! agent's own words and settings: it never brings a tool, a secret, a wider grant or more room to spend.

mod answer;
mod ask;
mod change;
mod excerpt;

pub(crate) use answer::{Suggested, judge};
pub(crate) use ask::{Asked, answering};
pub(crate) use change::{ChangeError, apply, carry_over};
pub(crate) use excerpt::{Excerpt, Reader, within};

/// The label of a run in which an agent looks back: its name.
pub(crate) const LABEL: &str = "dirigent.review";
