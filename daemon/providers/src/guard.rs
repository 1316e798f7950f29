//! Secrets that a model says again: taken out of its answer, and out of the text that streams before anybody sees it.
//!
//! Invariant: no value that is guarded stands in what is handed on, however the stream cuts it. What goes back to a
//! provider unchanged stays as it is. Text that begins no secret is handed on at once.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, PoisonError};

use dirigent_protocol::chat::Part;
use serde_json::Value;

use crate::{ChatReply, Secret, TokenSink};

/// Shorter values stand in texts by chance.
const SHORTEST: usize = 4;
/// In the place of the provider's key.
const KEY: &str = "[key]";
/// In the place of any other value.
const VALUE: &str = "[secret]";

/// What must not come back, and what stands in its place.
pub(crate) struct Guard<'a>(Vec<(&'a str, &'static str)>);

impl<'a> Guard<'a> {
    pub(crate) fn new(key: Option<&'a Secret>, others: &'a [Secret]) -> Self {
        let others = others.iter().map(|value| (value.reveal(), VALUE));
        let all = key.map(|key| (key.reveal(), KEY)).into_iter().chain(others);
        let mut all: Vec<_> = all.filter(|(value, _)| value.len() >= SHORTEST).collect();
        // A value that another begins with must not leave the other's end.
        all.sort_by_key(|(value, _)| Reverse(value.len()));
        Self(all)
    }

    /// A sink that is handed clean text.
    pub(crate) fn over<'s>(&'s self, sink: &'s dyn TokenSink) -> Clean<'s> {
        Clean {
            guard: &self.0,
            sink,
            text: Mutex::default(),
            thought: Mutex::default(),
        }
    }

    /// The answer without them.
    pub(crate) fn clean(&self, mut reply: ChatReply) -> ChatReply {
        if !self.0.is_empty() {
            let found = reply
                .parts
                .iter_mut()
                .filter_map(|part| clean(&self.0, part).then_some(()));
            let found = found.count() > 0;
            reply.masked_key = across(&self.0, &mut reply.parts) || found;
        }
        reply
    }
}

fn clean(guard: &[(&str, &str)], part: &mut Part) -> bool {
    match part {
        Part::Text { content } => replace(guard, content),
        Part::Reasoning(thought) => replace(guard, &mut thought.content),
        Part::ToolCall(call) => {
            holds(guard, &call.arguments) && {
                clean_value(guard, Arc::make_mut(&mut call.arguments));
                true
            }
        }
        Part::ToolCallResponse(_) => false,
    }
}

/// Texts are read as one: a value that is cut over several of them leaves one text in their place.
fn across(guard: &[(&str, &str)], parts: &mut Vec<Part>) -> bool {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { content } => Some(content.as_str()),
        _ => None,
    });
    let mut joined: String = texts.collect();
    if !replace(guard, &mut joined) {
        return false;
    }
    let mut joined = Some(joined);
    parts.retain_mut(|part| match part {
        Part::Text { content } => joined.take().map(|text| *content = text).is_some(),
        _ => true,
    });
    true
}

fn holds(guard: &[(&str, &str)], value: &Value) -> bool {
    let dirty = |text: &str| guard.iter().any(|(value, _)| text.contains(value));
    match value {
        Value::String(text) => dirty(text),
        Value::Number(number) => dirty(&number.to_string()),
        Value::Array(items) => items.iter().any(|item| holds(guard, item)),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, item)| dirty(name) || holds(guard, item)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// A number that holds a value becomes a text.
fn clean_value(guard: &[(&str, &str)], value: &mut Value) {
    match value {
        Value::String(text) => {
            replace(guard, text);
        }
        Value::Number(number) => {
            let mut text = number.to_string();
            if replace(guard, &mut text) {
                *value = Value::String(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| clean_value(guard, item)),
        Value::Object(fields) => {
            for (mut name, mut item) in std::mem::take(fields) {
                replace(guard, &mut name);
                clean_value(guard, &mut item);
                fields.insert(name, item);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn replace(guard: &[(&str, &str)], text: &mut String) -> bool {
    let found = guard.iter().any(|(value, _)| text.contains(value));
    if found {
        *text = scan(guard, text, true).0;
    }
    found
}

/// The text without values, the longest first where several begin, and how many bytes of it were read. Where more may
/// come, what may yet become a value, or a longer one, is not read.
fn scan(guard: &[(&str, &str)], text: &str, ends: bool) -> (String, usize) {
    let (mut clean, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let grows = |value: &&str| value.len() > rest.len() && value.starts_with(rest);
        if !ends && guard.iter().any(|(value, _)| grows(value)) {
            break;
        }
        if let Some((value, mark)) = guard.iter().find(|(value, _)| rest.starts_with(value)) {
            clean.push_str(mark);
            at += value.len();
        } else {
            clean.push(next);
            at += next.len_utf8();
        }
    }
    (clean, at)
}

/// See [`Guard::over`].
pub(crate) struct Clean<'s> {
    guard: &'s [(&'s str, &'static str)],
    sink: &'s dyn TokenSink,
    /// What may be the beginning of a secret, and is not handed on yet.
    text: Mutex<String>,
    thought: Mutex<String>,
}

impl Clean<'_> {
    /// Nothing more comes.
    pub(crate) fn end(&self) {
        let take = |held: &Mutex<String>| {
            let mut text = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
            // A value may have been held back because a longer one begins with it.
            replace(self.guard, &mut text);
            text
        };
        let (text, thought) = (take(&self.text), take(&self.thought));
        if !text.is_empty() {
            self.sink.text(&text);
        }
        if !thought.is_empty() {
            self.sink.reasoning(&thought);
        }
    }

    fn pass(&self, held: &Mutex<String>, piece: &str, on: impl Fn(&str)) {
        if self.guard.is_empty() {
            return on(piece);
        }
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        held.push_str(piece);
        let (clean, read) = scan(self.guard, &held, false);
        held.drain(..read);
        if !clean.is_empty() {
            on(&clean);
        }
    }
}

impl TokenSink for Clean<'_> {
    fn text(&self, piece: &str) {
        self.pass(&self.text, piece, |clean| self.sink.text(clean));
    }

    fn reasoning(&self, piece: &str) {
        self.pass(&self.thought, piece, |clean| self.sink.reasoning(clean));
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::chat::ToolCall;
    use serde_json::json;

    use super::*;

    fn streamed(pieces: &[&str], key: &str, others: &[Secret]) -> Vec<String> {
        let seen = Mutex::new(Vec::new());
        let sink = |piece: &str| seen.lock().unwrap().push(piece.to_owned());
        let key = Secret::new(key);
        let guard = Guard::new(Some(&key), others);
        let clean = guard.over(&sink);
        pieces.iter().for_each(|piece| clean.text(piece));
        clean.end();
        seen.into_inner().unwrap()
    }

    #[test]
    fn a_secret_is_caught_wherever_the_stream_is_cut() {
        let (key, other) = ("sk-sk-1234", Secret::new("grünes Tor"));
        let text = format!("the key {key}, sk-no, das grünes Tor und grünes T");
        let wanted = "the key [key], sk-no, das [secret] und grünes T";
        for size in 1..12 {
            let all: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = all.chunks(size).map(|piece| piece.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let seen = streamed(&pieces, key, std::slice::from_ref(&other));
            assert_eq!(seen.concat(), wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn what_begins_no_secret_is_handed_on_at_once() {
        assert_eq!(
            streamed(&["a", "b", " s", "ea"], "sk-12345", &[]),
            ["a", "b", " ", "sea"]
        );
        assert_eq!(
            streamed(&["a", "b"], "abc", &[]),
            ["a", "b"],
            "too short to be guarded"
        );
    }

    #[test]
    fn a_value_that_begins_as_another_leaves_no_end_of_it() {
        let others = [Secret::new("acme-app"), Secret::new("acme-app-9f8")];
        let texts = [
            ("it is acme-app-9f8.", "it is [secret]."),
            ("acme-app-9 and acme-app", "[secret]-9 and [secret]"),
        ];
        for (text, wanted) in texts {
            let all: Vec<char> = text.chars().collect();
            for size in 1..14 {
                let pieces: Vec<String> = all.chunks(size).map(|piece| piece.iter().collect()).collect();
                let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
                assert_eq!(streamed(&pieces, "sk-12345", &others).concat(), wanted, "{size}");
            }
            let mut whole = text.to_owned();
            assert!(replace(&Guard::new(None, &others).0, &mut whole));
            assert_eq!(whole, wanted);
        }
    }

    #[test]
    fn arguments_of_tools_are_searched_as_what_they_say() {
        let pem = "-----BEGIN KEY-----\nMII\"\\x\n-----END KEY-----\n";
        let others = [Secret::new(pem), Secret::new("1234567890")];
        let mut part = Part::ToolCall(ToolCall {
            id: "c".into(),
            name: "tell".into(),
            arguments: Arc::new(json!({
                "text": format!("my key:\n{pem}"), "n": 1_234_567_890_u64, "in": [{ "1234567890": true }], "free": 7,
            })),
            opaque: Value::Null,
        });
        assert!(clean(&Guard::new(None, &others).0, &mut part));
        let Part::ToolCall(call) = &part else { panic!() };
        let wanted = json!({ "text": "my key:\n[secret]\n", "n": "[secret]", "in": [{ "[secret]": true }], "free": 7 });
        assert_eq!(*call.arguments, wanted);
        assert!(!clean(&Guard::new(None, &others).0, &mut part));
    }

    #[test]
    fn a_value_that_is_cut_over_texts_is_in_none_of_them() {
        let text = |content: &str| Part::Text {
            content: content.into(),
        };
        let others = [Secret::new("hunter2-hunter2")];
        let guard = Guard::new(None, &others);
        let mut parts = vec![text("it is hunter2-"), text("hunter2"), text(" now")];
        assert!(across(&guard.0, &mut parts));
        assert_eq!(parts, [text("it is [secret] now")]);
        let mut free = vec![text("a"), text("b")];
        assert!(!across(&guard.0, &mut free));
        assert_eq!(free.len(), 2);
    }
}
