//! Secrets that a model says again: taken out of its answer, and out of the text that streams before anybody sees it.
//!
//! Invariant: no value that is guarded stands in what is handed on, however the stream cuts it. What goes back to a
//! provider unchanged stays as it is. Text that begins no secret is handed on at once.

use std::sync::{Arc, Mutex, PoisonError};

use dirigent_protocol::chat::Part;

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
        Self(all.filter(|(value, _)| value.len() >= SHORTEST).collect())
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
            reply.masked_key = found.count() > 0;
        }
        reply
    }
}

fn clean(guard: &[(&str, &str)], part: &mut Part) -> bool {
    match part {
        Part::Text { content } => replace(guard, content),
        Part::Reasoning(thought) => replace(guard, &mut thought.content),
        Part::ToolCall(call) => {
            let mut text = call.arguments.to_string();
            let found = replace(guard, &mut text);
            if found && let Ok(arguments) = serde_json::from_str(&text) {
                call.arguments = Arc::new(arguments);
            }
            found
        }
        Part::ToolCallResponse(_) => false,
    }
}

fn replace(guard: &[(&str, &str)], text: &mut String) -> bool {
    let mut found = false;
    for (value, mark) in guard {
        if text.contains(value) {
            *text = text.replace(value, mark);
            found = true;
        }
    }
    found
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
        let take =
            |held: &Mutex<String>| std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
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
        replace(self.guard, &mut held);
        let kept = self.guard.iter().map(|(value, _)| begun(&held, value)).max();
        let whole = held.len() - kept.unwrap_or(0);
        if whole > 0 {
            on(&held[..whole]);
            held.drain(..whole);
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

/// Bytes at the end of a text that are the beginning of a value.
fn begun(text: &str, value: &str) -> usize {
    let most = text.len().min(value.len().saturating_sub(1));
    (1..=most)
        .rev()
        .find(|length| {
            let from = text.len() - length;
            text.is_char_boundary(from) && value.is_char_boundary(*length) && text[from..] == value[..*length]
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
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
}
