//! Decisions whose events are more than one commit may hold: made again in smaller parts. What fits no commit whatever
//! is done fails its step where it is an outcome, and else the run.
//!
//! Does not judge sizes: the store says that it was too much.
//!
//! Invariant: a run whose events do not fit goes on in smaller steps or is over; it never stands still.

use dirigent_engine::machine::Stimulus;
use dirigent_protocol::run::{EffectId, EffectOutcome, Usage, WorkflowError};

use super::commit::NotCommitted;
use super::driver::{Broken, Driver};
use super::steps::settled;

/// How much smaller a decision is made each time.
const SMALLER: usize = 8;

impl Driver {
    /// Makes this run's decisions smaller from now on; whether they can be.
    pub(crate) fn slow_down(&mut self) -> bool {
        let can = self.most_events > 1;
        self.most_events = (self.most_events / SMALLER).max(1);
        can
    }

    /// Outcomes that did not fit one commit together. Permits that came with them went back; their effects wait again.
    pub(crate) async fn apart(&mut self, outcomes: Vec<(EffectId, EffectOutcome)>) -> Result<(), Broken> {
        for (effect, outcome) in outcomes {
            let failed = too_large(&outcome);
            if !self.alone(&Stimulus::Settled { effect, outcome }).await? {
                self.one_by_one([Stimulus::Settled {
                    effect,
                    outcome: failed,
                }])
                .await?;
            }
        }
        self.dequeue_all();
        self.enqueue_waiting();
        Ok(())
    }

    /// Each in a commit of its own; the run fails where one fits none.
    pub(crate) async fn one_by_one(
        &mut self,
        each: impl IntoIterator<Item = Stimulus>,
    ) -> Result<(), Broken> {
        for stimulus in each {
            if !self.alone(&stimulus).await? {
                return self.too_much().await;
            }
        }
        Ok(())
    }

    /// Decides and commits one stimulus by itself, as small as it takes; whether it fits at all.
    async fn alone(&mut self, stimulus: &Stimulus) -> Result<bool, Broken> {
        let before = self.most_events;
        loop {
            let mut batch = self.open_batch()?;
            self.decide_quietly(&mut batch, stimulus, None).await?;
            match self.commit(batch, None, Vec::new()).await {
                Err(NotCommitted::TooLarge(_)) if self.slow_down() => {}
                Err(NotCommitted::TooLarge(_)) => {
                    self.most_events = before;
                    return Ok(false);
                }
                other => return settled(other).map(|()| true),
            }
        }
    }

    /// The run fails: what it wants to record fits no commit.
    pub(crate) async fn too_much(&mut self) -> Result<(), Broken> {
        let detail =
            "its next events do not fit one commit; pass large values by reference, or split the step";
        let error =
            WorkflowError::standard("runtime", 413, "Too much to record at once").detail(detail.to_owned());
        let mut batch = self.open_batch()?;
        self.decide_quietly(&mut batch, &Stimulus::Fail { error }, None)
            .await?;
        settled(self.commit(batch, None, Vec::new()).await)
    }
}

/// What becomes of an effect whose outcome fits no commit: what it took is counted all the same.
fn too_large(outcome: &EffectOutcome) -> EffectOutcome {
    let written = |value: serde_json::Result<String>| value.map_or(0, |text| text.len());
    let (what, title, size, usage) = match outcome {
        EffectOutcome::Done { output, usage, .. } => {
            let size = written(serde_json::to_string(output));
            ("its output", "The output is too large", size, *usage)
        }
        EffectOutcome::Turn { turn, usage, .. } => {
            let size = written(serde_json::to_string(turn));
            ("what its model said", "The turn is too large", size, *usage)
        }
        EffectOutcome::Failed { error, usage, .. } => {
            let size = written(serde_json::to_string(error));
            (
                "what it says went wrong",
                "The failure is too large",
                size,
                *usage,
            )
        }
        EffectOutcome::Asks { ask } => {
            let size = written(serde_json::to_string(ask));
            (
                "its question",
                "The question is too large",
                size,
                Usage::default(),
            )
        }
        EffectOutcome::Unknown { reason } => {
            let usage = Usage::default();
            (
                "why nobody knows its end",
                "The reason is too large",
                reason.len(),
                usage,
            )
        }
        EffectOutcome::Cancelled => ("its end", "The end is too large", 0, Usage::default()),
    };
    let detail = format!("{what} has {size} bytes; what a step records must fit one record of 1 MiB");
    EffectOutcome::Failed {
        error: WorkflowError::standard("runtime", 413, title).detail(detail),
        retryable: false,
        retry_after_ms: None,
        retry: None,
        usage,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dirigent_protocol::run::EffectAsk;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_too_large_is_named_with_its_size_and_what_it_took() {
        let large = "x".repeat(2_000);
        let took = Usage {
            input_tokens: 7,
            ..Usage::default()
        };
        let ask = EffectAsk {
            payload: json!(large),
            ..EffectAsk::default()
        };
        let failed = EffectOutcome::Failed {
            error: WorkflowError::standard("runtime", 500, large.clone()),
            retryable: true,
            retry_after_ms: None,
            retry: None,
            usage: took,
        };
        for (outcome, word, tokens) in [
            (EffectOutcome::Asks { ask: Arc::new(ask) }, "question", 0),
            (failed, "went wrong", 7),
        ] {
            let EffectOutcome::Failed {
                error,
                usage,
                retryable,
                ..
            } = too_large(&outcome)
            else {
                panic!("no failure")
            };
            let detail = error.detail.unwrap();
            assert!(detail.contains(word) && detail.contains(" has 2"), "{detail}");
            assert_eq!((usage.input_tokens, retryable), (tokens, false));
        }
    }
}
