//! What people were told of what they wanted: it is durable, and it is one thing.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::{EntityId, RunId};

use crate::model::{GoneOn, Model};
use crate::must;

impl Model {
    /// Somebody who wanted a run was told which one it is.
    pub(crate) fn answer_start(&mut self, at: usize, run: RunId) -> Result<(), String> {
        must(self.runs.contains_key(&run), || {
            format!("a start was answered with {run}, which is not durable")
        })?;
        let known = *self.started[at].get_or_insert(run);
        must(known == run, || {
            format!("one request started two runs: {known} and {run}")
        })
    }

    /// Somebody was told that a run is being cancelled.
    pub(crate) fn answer_cancel(&self, run: RunId) -> Result<(), String> {
        let known = &self.runs[&run];
        must(known.cancelling || known.undoing.on || known.ended, || {
            format!("a cancel of {run} was acknowledged, but is not durable")
        })
    }

    /// Somebody was told that a run goes on under another version.
    pub(crate) fn answer_move(&self, run: RunId, to: Digest) -> Result<(), String> {
        must(self.runs[&run].state.version() == Some(to), || {
            format!(
                "{run} was said to go on under {}, which is not durable",
                to.short()
            )
        })
    }

    /// Somebody who wanted to go on from a run was told as which one it does.
    pub(crate) fn answer_again(&mut self, at: usize, run: RunId) -> Result<(), String> {
        must(self.runs.contains_key(&run), || {
            format!("going on was answered with {run}, which is not durable")
        })?;
        let before = std::mem::replace(&mut self.gone_on[at], GoneOn::As(run));
        must(
            matches!(before, GoneOn::Open) || before == GoneOn::As(run),
            || format!("one request to go on was answered with {before:?} and with {run}"),
        )
    }

    /// Somebody was told that their event is on the bus.
    pub(crate) fn answer_publish(&mut self, at: usize, request: [u8; 16]) -> Result<(), String> {
        self.published[at] = true;
        must(self.requests.contains_key(&request), || {
            format!("event {at} was acknowledged, but is not durable")
        })
    }

    /// Somebody was told that their decision counts.
    pub(crate) fn answer_decision(&self, run: RunId, approval: EntityId, by: &str) -> Result<(), String> {
        let answered = self.runs[&run].questions.answer(approval, by);
        answered.map_err(|what| format!("{approval}: {what}"))
    }
}
