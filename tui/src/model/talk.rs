//! Conversations with an agent, as their runs tell them: what was said, what was answered, and the events that say it.
//!
//! Knows no screen and no daemon's room: a conversation is a run that listens, and these are the words it listens for.

use std::fmt::Write as _;

use dirigent_protocol::entity::Conversation;
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, RunEvent};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// The label of a conversation's run: with which agent.
pub const LABEL: &str = Conversation::LABEL;
/// Longest thing that is said, bytes.
pub const MAX_SAID: usize = 256 * 1024;
/// Type of the events that say something.
const SAID: &str = Conversation::SAID;
/// Type of the event that stops the answer under way.
const STOPPED: &str = "dirigent.conversation.stopped";
/// Type of the event that ends a conversation.
const ENDED: &str = "dirigent.conversation.ended";

/// Fields of a run in which words of a conversation are looked for.
pub const TEXTS: &[&str] = &[
    "id",
    "labels.dirigent.conversation",
    "conversation.title",
    "conversation.last",
];

/// The condition on runs that makes them conversations. The first half is an index; the second one is what counts.
#[must_use]
pub fn only() -> Filter {
    Filter::And(vec![
        Filter::eq("workflow", "conversation"),
        Filter::Is {
            field: format!("labels.{LABEL}"),
            op: Op::Ne,
            value: Value::Null,
        },
    ])
}

/// What a person tells a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tell {
    /// Words for the agent.
    Say(String),
    /// Enough of the answer under way.
    Stop,
    /// The conversation is over.
    End,
}

impl Tell {
    /// The event (CloudEvents, JSON) that tells it to a run; `by` is who says so.
    #[must_use]
    pub fn event(&self, run: RunId, by: &str) -> Value {
        let (kind, data) = match self {
            Self::Say(text) => (SAID, json!({ "text": text, "by": by })),
            Self::Stop => (STOPPED, json!({ "by": by })),
            Self::End => (ENDED, json!({ "by": by })),
        };
        json!({ "type": kind, "subject": run.to_string(), "data": data })
    }

    /// In a word or two.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Say(_) => "say it",
            Self::Stop => "stop the answer",
            Self::End => "end the conversation",
        }
    }
}

/// Something said, and the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turn {
    /// What was said.
    pub said: String,
    /// The answer; none where there is none.
    pub answer: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Value>,
    /// Messages of before that the agent does not read any more: its model's window was full.
    #[serde(skip_serializing_if = "is_zero")]
    pub forgotten: u64,
    /// The event it ended with: a fork begins behind it.
    pub event: u64,
    /// When.
    pub at: Timestamp,
}

impl Turn {
    /// The turn that an event ends.
    #[must_use]
    pub fn of(event: &RunEvent) -> Option<Self> {
        let EventBody::EventHandled { output, .. } = &event.body else {
            return None;
        };
        let text = |field: &str| output[field].as_str().map(str::to_owned);
        Some(Self {
            said: text("said")?,
            answer: text("answer"),
            failed: Some(output["failed"].clone()).filter(|failed| !failed.is_null()),
            forgotten: output["forgotten"].as_u64().unwrap_or_default(),
            event: event.seq,
            at: event.time,
        })
    }

    /// That the agent forgot something before it answered, in words.
    #[must_use]
    pub fn forgot(&self) -> Option<String> {
        (self.forgotten > 0).then(|| {
            let more = self.forgotten;
            format!("the oldest {more} messages are not read any more: the model's window was full")
        })
    }

    /// Why there is no answer, in words.
    #[must_use]
    pub fn why_none(&self) -> String {
        let Some(problem) = &self.failed else {
            return "no answer".to_owned();
        };
        let text = |field: &str| problem[field].as_str().unwrap_or_default();
        format!("no answer: {} {}", text("title"), text("detail"))
            .trim()
            .to_owned()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What an event says to the agent.
#[must_use]
pub fn said(event: &RunEvent) -> Option<&str> {
    match &event.body {
        EventBody::EventReceived { event, .. } if event["type"] == SAID => event["data"]["text"].as_str(),
        _ => None,
    }
}

/// A conversation as Markdown.
#[must_use]
pub fn markdown(run: RunId, turns: &[Turn]) -> String {
    let mut text = format!("# Conversation {run}\n");
    for turn in turns {
        let answer = turn
            .answer
            .clone()
            .unwrap_or_else(|| format!("({})", turn.why_none()));
        let quoted: Vec<String> = turn.said.lines().map(|line| format!("> {line}")).collect();
        let _written = write!(
            text,
            "\n## {}\n\n{}\n\n{}\n",
            turn.at,
            quoted.join("\n"),
            answer.trim_end()
        );
    }
    text
}
