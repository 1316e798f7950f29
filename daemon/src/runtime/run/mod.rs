//! One run in the hands of its driver: messages in, decisions, one commit each, then effects begin.
//!
//! Does not decide what a workflow means (the engine does), nor whether an effect may begin (`admission`).

pub(crate) mod batch;
pub(crate) mod begin;
pub(crate) mod commit;
pub(crate) mod driver;
pub(crate) mod grant;
mod in_hand;
pub(crate) mod listens;
pub(crate) mod load;
pub(crate) mod log_lines;
pub(crate) mod message;
pub(crate) mod notices;
pub(crate) mod parts;
pub(crate) mod perform;
pub(crate) mod share;
pub(crate) mod steps;
