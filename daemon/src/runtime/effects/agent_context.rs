//! What a model reads of what was said: how much of an agent's history, and what is left out where its window is full.
//!
//! Whole exchanges leave, the oldest first, so that no answer of a tool stands without its call and thinking stays beside
//! what it led to. Invariant: what is said now and its last answers are never left out.

use std::sync::Arc;

use dirigent_protocol::chat::{Message, Part, Role};
use dirigent_protocol::entity::ContextPolicy;
use serde_json::{Value, json};

/// Refusals of one request that are answered by leaving something out.
const MOST_CUTS: u32 = 6;
/// Most messages of a history: half of what a call takes, so that what is said now has room in the next one.
const MOST_MESSAGES: usize = 2_048;

/// The messages of a request: instructions, history, what is said now, the exchanges of this call.
#[derive(Debug)]
pub(super) struct Window {
    /// Messages of instructions.
    head: usize,
    /// Messages of the history that are in the request.
    before: usize,
    /// Messages of the history in all.
    history: usize,
    /// Messages of this call that were left out.
    left_out: usize,
    cuts: u32,
    policy: ContextPolicy,
}

impl Window {
    /// Puts as much of the history as the policy wants behind the instructions.
    pub(super) fn open(policy: ContextPolicy, history: &[Message], messages: &mut Vec<Message>) -> Self {
        let head = messages
            .iter()
            .take_while(|message| message.role == Role::System)
            .count();
        let recent = recent(history, policy.most());
        messages.splice(head..head, recent.iter().cloned());
        Self {
            head,
            before: recent.len(),
            history: history.len(),
            left_out: 0,
            cuts: 0,
            policy,
        }
    }

    /// The first messages of the history that are not in the request.
    pub(super) fn forgotten(&self) -> usize {
        self.history - self.before
    }

    /// A model refused the request for its size: whether it may be asked with less.
    pub(super) fn refused(&mut self, messages: &mut Vec<Message>) -> bool {
        let shorter = self.cuts < MOST_CUTS && self.narrow(messages);
        self.cuts += u32::from(shorter);
        shorter
    }

    /// Leaves out about a third, where the policy wants that and there is something to leave out.
    pub(super) fn narrow(&mut self, messages: &mut Vec<Message>) -> bool {
        if !self.policy.drops(self.history > 0) {
            return false;
        }
        let all: usize = messages.iter().skip(self.head).map(Message::bytes).sum();
        let (wanted, mut gone) = (all / 3, 0);
        while gone <= wanted && self.before > 0 {
            let end = self.head + exchange(&messages[self.head..self.head + self.before]);
            gone += messages
                .drain(self.head..end)
                .map(|message| message.bytes())
                .sum::<usize>();
            self.before -= end - self.head;
        }
        // Of this call: an answer with its tools, but never the last.
        let first = self.head + self.before + 1;
        while gone <= wanted && messages.len() >= first + 4 {
            let end = first + 1 + tools(&messages[first + 1..]);
            if end >= messages.len() {
                break;
            }
            gone += messages
                .drain(first..end)
                .map(|message| message.bytes())
                .sum::<usize>();
            self.left_out += end - first;
        }
        gone > 0
    }

    /// How many times it was refused for its size.
    pub(super) fn cuts(&self) -> u32 {
        self.cuts
    }

    /// What came of the call where its messages are wanted: the answer, what was said, and how much was forgotten.
    pub(super) fn told(&self, messages: &[Message], answer: Value, cut: bool) -> Value {
        let said = messages.get(self.head + self.before..).unwrap_or_default();
        let said = lean(said, self.policy.most());
        let mut told = json!({ "answer": answer, "messages": said, "forgotten": self.forgotten() });
        if cut {
            told["cut"] = true.into();
        }
        told
    }

    /// Messages that the model was not given: of the history, and of this call.
    pub(super) fn missing(&self) -> usize {
        self.forgotten() + self.left_out
    }
}

/// The newest whole exchanges that take no more bytes than that.
pub(super) fn recent(history: &[Message], most: usize) -> &[Message] {
    let (mut bytes, mut from) = (0, history.len());
    for (at, message) in history.iter().enumerate().rev() {
        bytes += message.bytes();
        if bytes > most || history.len() - at > MOST_MESSAGES {
            break;
        }
        if message.role == Role::User {
            from = at;
        }
    }
    &history[from..]
}

/// Messages of the first exchange: from what a person said up to what they said next.
fn exchange(messages: &[Message]) -> usize {
    let next = messages
        .iter()
        .skip(1)
        .position(|message| message.role == Role::User);
    next.map_or(messages.len(), |next| next + 1)
}

/// Answers of tools at the beginning.
fn tools(messages: &[Message]) -> usize {
    messages
        .iter()
        .take_while(|message| message.role == Role::Tool)
        .count()
}

/// The messages with no more bytes than that as far as answers of tools, the oldest first, can give way.
fn lean(messages: &[Message], most: usize) -> Vec<Message> {
    // A model that said nothing has left no message.
    let said = messages.iter().filter(|message| !message.parts.is_empty());
    let mut kept: Vec<Message> = said.cloned().collect();
    let mut bytes: usize = kept.iter().map(Message::bytes).sum();
    let answers = kept.iter_mut().flat_map(|message| &mut message.parts);
    for part in answers {
        if bytes <= most {
            break;
        }
        if let Part::ToolCallResponse(answer) = part {
            let whole = answer.response.to_string().len();
            let note = format!("(this answer of {whole} bytes is not kept)");
            if note.len() < whole {
                bytes -= whole - note.len();
                answer.response = Arc::new(Value::String(note));
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::chat::{ToolCall, ToolCallResponse};

    use dirigent_protocol::entity::WhenFull;

    use super::*;

    fn called(id: &str) -> Message {
        Message {
            role: Role::Assistant,
            parts: vec![Part::ToolCall(ToolCall {
                id: id.into(),
                name: "look".into(),
                arguments: Arc::new(json!({})),
                opaque: Value::Null,
            })],
        }
    }

    fn answered(id: &str, text: &str) -> Message {
        Message {
            role: Role::Tool,
            parts: vec![Part::ToolCallResponse(ToolCallResponse {
                id: id.into(),
                name: "look".into(),
                response: Arc::new(json!(text)),
                is_error: false,
            })],
        }
    }

    fn turn(n: usize) -> Vec<Message> {
        vec![
            Message::text(Role::User, format!("question {n}")),
            called("a"),
            answered("a", &"x".repeat(100)),
            Message::text(Role::Assistant, format!("answer {n}")),
        ]
    }

    fn request() -> Vec<Message> {
        vec![
            Message::text(Role::System, "be kind"),
            Message::text(Role::User, "now"),
        ]
    }

    fn policy(history_bytes: u32, when_full: impl Into<Option<WhenFull>>) -> ContextPolicy {
        ContextPolicy {
            history_bytes,
            when_full: when_full.into(),
        }
    }

    #[test]
    fn the_newest_whole_exchanges_stand_behind_the_instructions() {
        let history: Vec<Message> = (0..3).flat_map(turn).collect();
        let one: usize = turn(0).iter().map(Message::bytes).sum();
        for (most, kept) in [(0, 0), (one - 1, 0), (one, 1), (2 * one + 1, 2), (9 * one, 3)] {
            let mut messages = request();
            let window = Window::open(
                policy(u32::try_from(most).unwrap(), WhenFull::Fail),
                &history,
                &mut messages,
            );
            assert_eq!(window.forgotten(), 4 * (3 - kept), "{most}");
            assert_eq!(messages.len(), 2 + 4 * kept);
            assert_eq!(messages.last().unwrap().words(), "now");
            if kept > 0 {
                assert_eq!(messages[1].words(), format!("question {}", 3 - kept));
            }
        }
    }

    #[test]
    fn a_full_window_loses_its_oldest_and_never_what_is_said_now() {
        let history: Vec<Message> = (0..2).flat_map(turn).collect();
        let mut messages = request();
        let mut window = Window::open(policy(1 << 20, WhenFull::DropOldest), &history, &mut messages);
        for id in ["b", "c", "d"] {
            messages.extend([called(id), answered(id, &"y".repeat(400))]);
        }
        let mut cuts = 0;
        while window.refused(&mut messages) {
            cuts += 1;
            let calls: Vec<&str> = messages
                .iter()
                .flat_map(Message::tool_calls)
                .map(|call| call.id.as_str())
                .collect();
            let answers = messages.iter().filter(|message| message.role == Role::Tool);
            assert_eq!(calls.len(), answers.count(), "no call without its answer");
        }
        assert!(cuts >= 2);
        let words: Vec<String> = messages.iter().map(Message::words).collect();
        assert_eq!(words, ["be kind", "now", "", ""]);
        assert_eq!(messages[2], called("d"));
        assert_eq!((window.forgotten(), window.missing()), (8, 12));
        let mut fails = Window::open(policy(1 << 20, WhenFull::Fail), &history, &mut request());
        assert!(!fails.narrow(&mut messages));
    }

    #[test]
    fn where_nothing_is_said_a_conversation_goes_on_and_a_call_by_itself_fails() {
        let history: Vec<Message> = (0..2).flat_map(turn).collect();
        for (history, goes_on) in [(&history[..], true), (&[], false)] {
            let mut messages = request();
            let mut window = Window::open(policy(1 << 20, None), history, &mut messages);
            messages.extend([called("b"), answered("b", "yes"), called("c")]);
            assert_eq!(window.narrow(&mut messages), goes_on);
        }
    }

    #[test]
    fn what_is_kept_of_a_call_gives_way_where_it_is_large() {
        let mut messages = request();
        let window = Window::open(policy(600, WhenFull::Fail), &[], &mut messages);
        messages.extend([
            called("a"),
            answered("a", &"x".repeat(500)),
            called("b"),
            answered("b", "small"),
        ]);
        let told = window.told(&messages, json!("done"), false);
        assert_eq!((&told["answer"], &told["forgotten"]), (&json!("done"), &json!(0)));
        let said = told["messages"].as_array().unwrap();
        assert_eq!(said.len(), 5, "instructions are not of it: {told}");
        assert_eq!(
            said[2]["parts"][0]["response"],
            "(this answer of 502 bytes is not kept)"
        );
        assert_eq!(said[4]["parts"][0]["response"], "small");
    }

    #[test]
    fn a_history_is_never_too_long_for_the_next_call() {
        let turns = |text: &str, most| -> Vec<Message> {
            let one = || {
                [
                    Message::text(Role::User, text),
                    Message::text(Role::Assistant, "ok"),
                ]
            };
            (0..most).flat_map(|_| one()).collect()
        };
        // Many short ones, and an agent that was published when more was allowed.
        for history in [turns("y", 2_040), turns(&"x".repeat(9_000), 110)] {
            let mut messages = request();
            let window = Window::open(policy(1 << 20, WhenFull::Fail), &history, &mut messages);
            let kept = &history[window.forgotten()..];
            assert!(!kept.is_empty() && kept.len() <= 2_048);
            assert!(kept.iter().map(Message::bytes).sum::<usize>() <= 512 << 10);
        }
    }
}
