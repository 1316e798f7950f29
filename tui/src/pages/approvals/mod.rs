//! Approvals: the inbox of what waits for a decision, and exactly what would happen.
//!
//! This is the only page that decides. A decision is about exactly what was painted: its digest, long enough on the
//! screen, read to its end where the risk is high. New requests come below and never move the cursor.
//! It does not send: decisions are held for five seconds by the outbox, and can be taken back.

mod answer;
mod browse;
mod change;
mod content;
mod detail;
mod dialog;
mod draw;
mod fields;
mod handing;
mod inbox;
mod keep;
mod like;
mod narrowed;
mod page;
mod payload;
mod seen;
mod sheet;
mod speech;

pub use page::{Approvals, META};
