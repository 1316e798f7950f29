//! Events: published from outside, read from the store's feed, handed to the runs and schedules that listen.
//!
//! Rows and filters of listeners are `crate::events`; what a run does with an event is `run::listens`.

pub(crate) mod ack;
pub(crate) mod bell;
pub(crate) mod dispatch;
pub(crate) mod publish;
