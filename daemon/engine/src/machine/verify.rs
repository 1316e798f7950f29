//! `on_unknown: verify`: a lookup of the document says whether an effect happened whose outcome nobody knows.
//!
//! The lookup is a task inside the step it speaks for: its own effects have their own intents, outcomes and attempts.
//! Its answer is `{ happened: true, output: VALUE }`, `{ happened: false }`, or anything else for "cannot tell".
//!
//! Invariant: an effect is repeated only after its lookup said that it did not happen, with the key it had; what the
//! lookup cannot say, or fails to say, a person is asked.

use std::sync::Arc;

use dirigent_protocol::run::{EffectId, EventBody, OnUnknown, Resolution, StepId, WorkflowError};
use dirigent_protocol::source::join_pointer;
use serde_json::{Value, json};

use super::build::Builder;
use super::model::{Done, Me, TaskIndex, TaskList, Turn, Work};
use crate::document::Fields;
use crate::state::{EffectPhase, FrameId, Wait};

impl Builder {
    /// Reads a field of `metadata.dirigent` that stands for a task: a function's name, or a task.
    pub(super) fn aside(
        &mut self,
        what: &str,
        fields: &Fields<'_>,
        pointer: &str,
        of: TaskIndex,
    ) -> Option<TaskIndex> {
        let (metadata, at) = fields.get("metadata")?;
        let (ours, at) = self.reader.open(metadata, &at)?.get("dirigent")?;
        let (node, at) = self.reader.open(ours, &at)?.get(what)?;
        let Some(name) = node.as_str() else {
            let index = self.reserve();
            self.task(index, what, node, &at, of);
            return Some(index);
        };
        let Some((function, place)) = self.function(name) else {
            let message = format!("there is no function `{name}` for `{what}`");
            self.reader
                .error("unknown_function", message, node.span.start, &at)
                .help = Some("define it under `use.functions`, or write the task here".to_owned());
            return None;
        };
        let path = join_pointer(pointer, what);
        let list: TaskList = self.expand_function(name, &function, &place, node, &path, of)?;
        list.tasks.first().copied()
    }
}

impl Turn<'_, '_> {
    /// The effect of a frame that its lookup is asked about.
    pub(super) fn verifying(&self, frame: FrameId) -> Option<EffectId> {
        let Wait::Effect(effect) = self.state.frame(frame)?.wait else {
            return None;
        };
        let known = self.state.effect(effect)?;
        matches!(known.phase, EffectPhase::Verifying { .. }).then_some(effect)
    }

    /// Begins the lookup of an effect that is to be verified, unless it is at work.
    pub(super) fn look_up(&mut self, me: Me<'_>, effect: EffectId) {
        let Some(frame) = self.state.frame(me.frame) else {
            return;
        };
        if !frame.children.is_empty() || self.verifying(me.frame) != Some(effect) {
            return;
        }
        let Some(task) = me.task.verify else { return };
        let Some(known) = self.state.effect(effect) else {
            return;
        };
        let raw = json!({
            "key": known.phase.key().map(|key| &**key),
            "attempt": known.attempt,
            "input": &*frame.input,
        });
        let pointer = self.workflow.task(task).pointer.clone();
        self.work.push(Work::Begin {
            parent: me.frame,
            task,
            step: StepId::iterated(pointer, frame.step.iterations.clone()),
            raw: Some(Arc::new(raw)),
        });
    }

    /// A lookup ended: its answer settles the effect, sends it out again, or leaves it to a person.
    pub(super) fn looked_up(&mut self, me: Me<'_>, effect: EffectId, result: Result<Done, WorkflowError>) {
        let by = "dirigent (lookup)".to_owned();
        let event = match result.as_ref().map(|done| happened(&done.output)) {
            Ok(Some((true, output))) => EventBody::EffectResolved {
                effect,
                resolution: Resolution::Happened {
                    output: Arc::new(output),
                },
                by,
            },
            Ok(Some((false, _))) => EventBody::EffectResolved {
                effect,
                resolution: Resolution::Again,
                by,
            },
            Ok(None) => unknown(effect, "the lookup could not tell whether it happened".to_owned()),
            Err(error) => unknown(effect, format!("the lookup failed: {error}")),
        };
        let again = matches!(
            event,
            EventBody::EffectResolved {
                resolution: Resolution::Again,
                ..
            }
        );
        self.emit(event);
        if again {
            self.reserve_again(effect);
        }
        self.work.push(Work::Use { frame: me.frame });
    }
}

fn unknown(effect: EffectId, reason: String) -> EventBody {
    EventBody::EffectUnknown {
        effect,
        policy: OnUnknown::Ask,
        reason,
    }
}

/// What a lookup says: whether it happened, and with what output.
fn happened(answer: &Value) -> Option<(bool, Value)> {
    let happened = answer.get("happened")?.as_bool()?;
    Some((happened, answer.get("output").cloned().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{EffectOutcome, EffectRequest, OnUnknown};
    use serde_json::{Value, json};

    use crate::testing::{Bench, Run, done, failed};
    use crate::{EffectPhase, Stimulus};

    const PAY: &str = "use:
  functions:
    find:
      call: http
      with: { method: get, endpoint: { uri: 'https://h/payments/{key}' } }
      output: { as: { happened: '${ .found }', output: '${ .receipt }' } }
do:
  - pay:
      call: http
      with: { method: post, endpoint: 'https://h/payments' }
      metadata: { dirigent: { class: payment, verify: find } }
  - tell: { set: { receipt: '${ . }' } }
";

    fn unsure(run: &mut Run) -> String {
        let pay = run.intended()[0];
        let key = run.key(pay);
        let reason = "cut".to_owned();
        run.settle(pay, EffectOutcome::Unknown { reason });
        key
    }

    fn answer(run: &mut Run, found: Value) {
        let lookup = run.intended()[0];
        run.settle(lookup, done(found));
    }

    #[test]
    fn a_lookup_is_an_effect_of_its_own_and_settles_what_happened() {
        let mut run = Bench::yaml(PAY).start(json!({}));
        let key = unsure(&mut run);
        let lookup = run.intended();
        assert_eq!(lookup.len(), 1, "only the lookup is performed");
        let EffectRequest::Http(call) = run.request(lookup[0]) else {
            panic!()
        };
        assert_eq!(
            call.uri,
            format!("https://h/payments/{key}"),
            "it is asked by the key"
        );
        assert_ne!(run.key(lookup[0]), key);
        answer(&mut run, json!({ "found": true, "receipt": 7 }));
        assert_eq!(run.output(), json!({ "receipt": 7 }));
    }

    #[test]
    fn what_did_not_happen_is_done_again_with_the_same_key() {
        let mut run = Bench::yaml(PAY).start(json!({}));
        let key = unsure(&mut run);
        answer(&mut run, json!({ "found": false }));
        let again = run.intended()[0];
        assert_eq!(run.key(again), key);
        run.settle(again, done(json!(8)));
        assert_eq!(run.output(), json!({ "receipt": 8 }));
    }

    #[test]
    fn what_the_lookup_cannot_tell_or_fails_to_tell_is_asked() {
        for answer in [
            done(json!({ "found": null })),
            failed("communication", 404, false),
        ] {
            let mut run = Bench::yaml(PAY).start(json!({}));
            unsure(&mut run);
            let lookup = run.intended()[0];
            run.settle(lookup, answer);
            assert_eq!(run.status(), "waiting");
            let parked = run.state.effects().next().unwrap();
            assert!(matches!(parked.phase, EffectPhase::Parked { .. }));
        }
    }

    #[test]
    fn a_crash_while_it_is_looked_up_looks_it_up_again() {
        let mut run = Bench::yaml(PAY).start(json!({}));
        unsure(&mut run);
        run.tell(Stimulus::Recovered).unwrap();
        answer(&mut run, json!({ "found": true, "receipt": 9 }));
        assert_eq!(run.output(), json!({ "receipt": 9 }));
        let mut run = Bench::yaml(PAY).start(json!({}));
        run.tell(Stimulus::Recovered).unwrap();
        assert_eq!(run.intended().len(), 1, "the daemon's own death is looked up too");
        answer(&mut run, json!({ "found": true, "receipt": 1 }));
        assert_eq!(run.output(), json!({ "receipt": 1 }));
    }

    #[test]
    fn while_a_person_holds_the_run_nothing_is_looked_up() {
        let mut run = Bench::yaml(PAY).start(json!({}));
        run.tell(Stimulus::Pause { by: "ada".into() }).unwrap();
        unsure(&mut run);
        assert!(run.intended().is_empty());
        run.tell(Stimulus::Resume { by: "ada".into() }).unwrap();
        answer(&mut run, json!({ "found": true, "receipt": 2 }));
        assert_eq!(run.output(), json!({ "receipt": 2 }));
    }

    #[test]
    fn a_cancel_stops_the_lookup_too() {
        let mut run = Bench::yaml(PAY).start(json!({}));
        unsure(&mut run);
        let lookup = run.intended()[0];
        let cancel = Stimulus::Cancel {
            by: "ada".into(),
            reason: None,
        };
        run.tell(cancel).unwrap();
        run.settle(lookup, EffectOutcome::Cancelled);
        assert_eq!(run.status(), "cancelled");
    }

    #[test]
    fn steps_marked_as_payment_mail_or_delete_are_asked_about() {
        for class in ["payment", "mail", "delete"] {
            let text =
                format!("do:\n  - a: {{ call: noop, metadata: {{ dirigent: {{ class: {class} }} }} }}\n");
            let mut run = Bench::yaml(&text).start(json!({}));
            let events = {
                let effect = run.intended()[0];
                run.settle(effect, EffectOutcome::Unknown { reason: "cut".into() })
            };
            assert!(
                format!("{events:?}").contains(&format!("{:?}", OnUnknown::Ask)),
                "{class}"
            );
        }
    }
}
