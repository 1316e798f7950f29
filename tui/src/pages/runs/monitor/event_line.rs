//! One event of a run in words, as stream and detail show it. Plain data.

use dirigent_protocol::run::StepId;
use jiff::Timestamp;

use crate::widgets::stream::Voice;

/// One event in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventLine {
    /// Its number.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// The step it is about.
    pub step: Option<StepId>,
    /// Its stable name: `task.completed`.
    pub name: &'static str,
    /// Who speaks.
    pub voice: Voice,
    /// The words (untrusted).
    pub text: String,
}
