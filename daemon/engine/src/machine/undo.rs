//! Compensation: what a cancelled run had done is undone, newest first, one after the other.
//!
//! A task declares its compensation in `metadata.dirigent.compensate`: a function of the document or a task. It is given
//! `{ input, output }` of what it undoes, and its effects are effects like any other: intended, settled, retried.
//! Invariants: nothing is undone before everything that ran has stopped; what cannot be undone is named and does not
//! keep the rest from being undone; the run is cancelled only after that.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::run::{EventBody, StepId};
use serde_json::json;

use super::model::{TaskIndex, Turn, Work};
use super::stimulus::Refusal;
use crate::state::FrameId;

/// How long a compensation may take that declares no limit.
const LIMIT: Duration = Duration::from_secs(600);

impl Turn<'_, '_> {
    /// What a cancel still has to do once nothing runs: the next compensation, or the end. True where there is work.
    pub(super) fn undo_next(&mut self) -> bool {
        let root = self.state.root;
        let busy = self
            .state
            .frame(root)
            .is_some_and(|root| !root.children.is_empty());
        if !self.state.effects.is_empty() || self.state.undoing && busy {
            return false;
        }
        if self.state.shares_undo() {
            // Somebody must say first what is left to others.
            return false;
        }
        let Some((place, task, raw)) = self.newest() else {
            let uncompensated = self.state.undo_failed.clone();
            self.emit(EventBody::WorkflowCancelled { uncompensated });
            return false;
        };
        if !self.state.undoing {
            self.emit(EventBody::WorkflowCompensating { left: None });
        }
        let round = u32::try_from(self.state.undo.len()).unwrap_or(u32::MAX);
        let step = StepId::iterated(self.workflow.task(task).pointer.clone(), vec![round]);
        self.emit(EventBody::TaskCompensating {
            step: place,
            by: step.clone(),
        });
        self.work.push(Work::Begin {
            parent: root,
            task,
            step,
            raw: Some(Arc::new(raw)),
        });
        true
    }

    /// What runs before this one did up to an event is left to others; the rest is undone.
    pub(super) fn undo_behind(&mut self, left: u64) -> Result<(), Refusal> {
        if !self.state.shares_undo() {
            return Err(Refusal::NotWaiting {
                what: "what is to be undone".to_owned(),
            });
        }
        self.emit(EventBody::WorkflowCompensating { left: Some(left) });
        Ok(())
    }

    /// The newest thing to be undone, how, and what its compensation is given.
    fn newest(&self) -> Option<(StepId, TaskIndex, serde_json::Value)> {
        let newest = self.state.undo.last()?;
        let done = self.workflow.task_at(&newest.step.pointer)?;
        let task = self.workflow.task(done).undo?;
        let raw = json!({ "input": &*newest.input, "output": &*newest.output });
        Some((newest.step.clone(), task, raw))
    }

    /// Whether a frame is a compensation as a whole.
    pub(super) fn compensates(&self, frame: FrameId) -> bool {
        let parent = self.state.frame(frame).and_then(|frame| frame.parent);
        self.state.undoing && parent == Some(self.state.root)
    }

    /// The limit of a compensation that declares none.
    pub(super) fn default_limit(&self, frame: FrameId) -> Option<Duration> {
        self.compensates(frame).then_some(LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{EffectRequest, EventBody};
    use serde_json::{Value, json};

    use crate::testing::{Bench, Run, done, failed};
    use crate::{Refusal, Stimulus};

    const TEXT: &str = "use:
  functions:
    refund: { call: noop, with: { undo: '${ .output.paid }' } }
do:
  - pay: { call: noop, with: { paid: 1 }, metadata: { dirigent: { compensate: refund } } }
  - each:
      for: { each: x, in: '${ [10, 20] }' }
      do:
        - book: { call: noop, with: { paid: '${ $x }' }, metadata: { dirigent: { compensate: refund } } }
  - inline:
      set: { paid: 5 }
      metadata:
        dirigent:
          compensate: { do: [ { a: { call: noop, with: { undo: inline, was: '${ .input.paid }' } } }, { b: { set: { ok: true } } } ] }
  - last: { call: noop, with: { paid: 9 }, metadata: { dirigent: { compensate: refund } } }
";

    fn request(run: &Run) -> Option<Value> {
        let effect = run.intended().first().copied()?;
        match run.request(effect) {
            EffectRequest::Noop { value } => Some((*value).clone()),
            _ => None,
        }
    }

    fn up_to_last() -> Run {
        let mut run = Bench::yaml(TEXT).start(json!({}));
        for _ in 0..3 {
            let (effect, value) = (run.intended()[0], request(&run).unwrap());
            run.settle(effect, done(value));
        }
        assert_eq!(
            request(&run).unwrap(),
            json!({"paid": 9}),
            "the last is in flight"
        );
        run
    }

    fn cancel(run: &mut Run) {
        let cancel = Stimulus::Cancel {
            by: "dana".into(),
            reason: None,
        };
        run.tell(cancel).unwrap();
    }

    #[test]
    fn what_was_done_is_undone_newest_first_once_nothing_runs() {
        let mut run = up_to_last();
        cancel(&mut run);
        let last = run.intended()[0];
        assert_eq!(
            request(&run).unwrap(),
            json!({"paid": 9}),
            "first what runs must stop"
        );
        run.settle(last, dirigent_protocol::run::EffectOutcome::Cancelled);
        let mut undone = Vec::new();
        while run.status() != "cancelled" {
            let (effect, value) = (run.intended()[0], request(&run).unwrap());
            assert_eq!(run.intended().len(), 1, "one after the other");
            undone.push(value);
            let again = Stimulus::Cancel {
                by: "sam".into(),
                reason: None,
            };
            assert_eq!(run.tell(again), Err(Refusal::Cancelling));
            run.settle(effect, done(json!({})));
        }
        let wanted = [
            json!({"undo": "inline", "was": 20}),
            json!({"undo": 20}),
            json!({"undo": 10}),
            json!({"undo": 1}),
        ];
        assert_eq!(undone, wanted);
        let starts = run
            .names()
            .iter()
            .filter(|name| **name == "task.compensating")
            .count();
        assert_eq!(starts, 4);
    }

    #[test]
    fn a_fork_leaves_what_was_done_before_it_to_the_other_run() {
        let origin = up_to_last();
        let mut fork = origin.fork(origin.journal.len() as u64, None);
        let last = fork.intended()[0];
        fork.settle(last, done(json!({ "paid": 9 })));
        assert_eq!(fork.status(), "completed");
        let mut fork = origin.fork(origin.journal.len() as u64, None);
        cancel(&mut fork);
        let last = fork.intended()[0];
        fork.settle(last, dirigent_protocol::run::EffectOutcome::Cancelled);
        assert_eq!(fork.status(), "cancelled", "nothing of it is its own to undo");
    }

    #[test]
    fn a_retry_asks_what_is_left_to_others_before_it_undoes_what_was_done_before_it() {
        let origin = up_to_last();
        let at = origin.journal.len() as u64;
        for (left, undone) in [(0, 4), (at, 1)] {
            let mut retry = origin.retry(at);
            let last = retry.intended()[0];
            let early = Stimulus::Undo { left };
            assert!(retry.tell(early).is_err(), "nothing is undone yet");
            retry.settle(last, done(json!({ "paid": 9 })));
            assert_eq!(retry.status(), "completed");
            let mut retry = origin.retry(at);
            cancel(&mut retry);
            retry.settle(
                retry.intended()[0],
                dirigent_protocol::run::EffectOutcome::Cancelled,
            );
            assert!(retry.state.shares_undo() && retry.intended().is_empty());
            retry.tell(Stimulus::Recovered).unwrap();
            assert!(retry.state.shares_undo(), "nobody has said yet");
            assert_eq!(retry.state.undo_inherited().count(), 3 + 1);
            retry.tell(Stimulus::Undo { left }).unwrap();
            let mut count = 0;
            while retry.status() != "cancelled" {
                retry.settle(retry.intended()[0], done(json!({})));
                count += 1;
            }
            assert_eq!(count, if left == 0 { undone } else { 0 });
        }
    }

    #[test]
    fn a_cancel_ends_the_pause_and_undoes_what_was_done() {
        let mut run = up_to_last();
        run.tell(Stimulus::Pause { by: "ada".into() }).unwrap();
        cancel(&mut run);
        let last = run.intended()[0];
        run.settle(last, dirigent_protocol::run::EffectOutcome::Cancelled);
        while run.status() != "cancelled" {
            let effect = run.intended()[0];
            run.settle(effect, done(json!({})));
        }
        let undone = |name: &&&str| **name == "task.compensating";
        assert_eq!(run.names().iter().filter(undone).count(), 4);
    }

    #[test]
    fn what_cannot_be_undone_is_named_and_the_rest_is_undone() {
        let mut run = up_to_last();
        cancel(&mut run);
        let last = run.intended()[0];
        run.settle(last, done(json!({})));
        for round in 0.. {
            let Some(effect) = run.intended().first().copied() else {
                break;
            };
            let outcome = if round == 1 {
                failed("runtime", 500, false)
            } else {
                done(json!({}))
            };
            run.settle(effect, outcome);
        }
        assert_eq!(run.status(), "cancelled");
        let Some(EventBody::WorkflowCancelled { uncompensated }) =
            run.journal.last().map(|event| &event.body)
        else {
            panic!("{:?}", run.names())
        };
        let named: Vec<String> = uncompensated.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["/do/1/each/do/0/book#1"]);
    }

    #[test]
    fn a_compensation_that_hangs_is_given_up_in_time_and_a_restart_goes_on_with_it() {
        let mut run = up_to_last();
        cancel(&mut run);
        let last = run.intended()[0];
        run.settle(last, dirigent_protocol::run::EffectOutcome::Cancelled);
        let hangs = run.intended()[0];
        run.tell(Stimulus::Recovered).unwrap();
        assert_eq!(run.intended(), [hangs], "the same effect again");
        assert_eq!(run.seconds_to_next_timer(), 600);
        run.advance();
        assert_eq!(request(&run).unwrap(), json!({"undo": 20}), "the next one");
    }
}
