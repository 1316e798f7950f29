//! Conversations with an agent: each is a run of one built-in document that listens, and calls the agent for each thing
//! that is said. So a conversation is durable, streamed, resumed and forked as any run is, and nothing else keeps it.
//!
//! Invariant: what is said is an event for exactly this run; an answer that was stored is not asked for again.

use std::collections::BTreeMap;

use dirigent_protocol::entity::Conversation;
use dirigent_protocol::run::{EventBody, RunEvent};
use serde_json::{Value, json};

use super::api::{Started, Terms};
use super::error::RuntimeError;
use super::handle::RuntimeHandle;
use crate::records::Actor;

const DOCUMENT: &str = include_str!("conversation.yaml");

impl RuntimeHandle {
    /// Begins a conversation; `input` is what the agent's instructions are written over.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) async fn converse(
        &self,
        agent: &str,
        input: Value,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        let labels = BTreeMap::from([(Conversation::LABEL.to_owned(), agent.to_owned())]);
        let input = json!({ "agent": agent, "input": input });
        self.start_text(
            ("conversation.yaml", DOCUMENT),
            (input, Terms::default()),
            labels,
            actor,
        )
        .await
    }
}

/// Counts an event in what lists show of a conversation; says whether it was about it.
pub(super) fn note(talk: &mut Conversation, event: &RunEvent) -> bool {
    if event.seq <= talk.event {
        return false;
    }
    let words = match &event.body {
        EventBody::EventReceived { event, .. } if event["type"] == Conversation::SAID => {
            let said = short(event["data"]["text"].as_str().unwrap_or_default());
            if talk.title.is_empty() {
                talk.title.clone_from(&said);
            }
            said
        }
        EventBody::EventHandled { output, .. } if output["said"].is_string() => {
            talk.turns = talk.turns.saturating_add(1);
            match output["answer"].as_str() {
                Some(answer) => short(answer),
                None => format!(
                    "(no answer: {})",
                    short(output["failed"]["title"].as_str().unwrap_or_default())
                ),
            }
        }
        _ => return false,
    };
    talk.event = event.seq;
    talk.last = words;
    true
}

/// The beginning of a text, in one line.
fn short(text: &str) -> String {
    let mut out = String::new();
    let mut left = Conversation::MAX_WORDS;
    for word in text.split_whitespace() {
        let lead = usize::from(!out.is_empty());
        if left <= lead {
            break;
        }
        if lead > 0 {
            out.push(' ');
        }
        left -= lead;
        out.extend(word.chars().take(left));
        left -= word.chars().count().min(left);
    }
    out
}

/// With whom a run talks that goes on from another: what its own input says counts more than what the other's label says.
pub(super) fn label(labels: &mut BTreeMap<String, String>, input: Option<&Value>) {
    let agent = input.and_then(|input| input["agent"].as_str());
    if let (Some(label), Some(agent)) = (labels.get_mut(Conversation::LABEL), agent) {
        agent.clone_into(label);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use dirigent_protocol::entity::Conversation;
    use dirigent_protocol::run::{EventBody, RunEvent, StepId};
    use jiff::Timestamp;
    use serde_json::json;

    use super::{label, note};

    fn event(seq: u64, body: EventBody) -> RunEvent {
        let time = Timestamp::UNIX_EPOCH;
        RunEvent { seq, time, body }
    }

    #[test]
    fn a_list_knows_the_first_words_and_the_last_ones_each_event_counted_once() {
        let step: StepId = serde_json::from_value(json!("/do/1/talk")).unwrap();
        let said = |text: &str| -> EventBody {
            let event = json!({ "type": Conversation::SAID, "data": { "text": text } });
            let at = json!({ "commit": 1, "index": 0 });
            let body = json!({ "event.received": { "step": step, "at": at, "event": event } });
            serde_json::from_value(body).unwrap()
        };
        let handled = |output| EventBody::EventHandled {
            step: step.clone(),
            output: Arc::new(output),
            context: None,
        };
        let mut talk = Conversation::default();
        let long = "word ".repeat(500);
        assert!(note(&mut talk, &event(3, said("Is it\n late?"))));
        let answer = event(5, handled(json!({ "said": "Is it late?", "answer": long })));
        assert!(note(&mut talk, &answer) && !note(&mut talk, &answer));
        assert_eq!((talk.title.as_str(), talk.turns), ("Is it late?", 1));
        assert_eq!(talk.last.chars().count(), Conversation::MAX_WORDS - 1);
        let failed = json!({ "said": "x", "answer": null, "failed": { "title": "It broke" } });
        assert!(note(&mut talk, &event(6, said("x"))) && note(&mut talk, &event(8, handled(failed))));
        assert_eq!(
            (talk.last.as_str(), talk.title.as_str()),
            ("(no answer: It broke)", "Is it late?")
        );
        assert!(!note(&mut talk, &event(9, handled(json!({ "other": 1 })))));
    }

    #[test]
    fn who_goes_on_with_another_agent_is_listed_under_that_one() {
        let mut labels = BTreeMap::from([(Conversation::LABEL.to_owned(), "one".to_owned())]);
        label(&mut labels, None);
        assert_eq!(labels[Conversation::LABEL], "one");
        label(&mut labels, Some(&json!({ "agent": "two" })));
        assert_eq!(labels[Conversation::LABEL], "two");
        let mut none = BTreeMap::new();
        label(&mut none, Some(&json!({ "agent": "two" })));
        assert!(none.is_empty());
    }

    #[test]
    fn the_document_is_a_workflow() {
        let workflow = dirigent_engine::load("conversation", super::DOCUMENT);
        workflow.unwrap_or_else(|found| panic!("{found:?}"));
    }
}
