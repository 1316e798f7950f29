//! The answer of `openai_chat`: chunks of a stream, or one whole body.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::NAME;
use crate::draft::{Call, Draft, bad};
use crate::exchange::{Reader, event};
use crate::refusal::{self, Failure};
use crate::{FinishReason, ModelErrorKind, TokenSink, Usage, opaque};

/// What must be remembered between two chunks.
#[derive(Default)]
pub(crate) struct Answer {
    calls: Vec<Open>,
    /// The thinking part, and the name its text came under.
    thought: Option<usize>,
    field: Option<&'static str>,
    details: Vec<Value>,
    /// The model declined, in words of its own.
    declined: bool,
}

/// A call that has begun: the index and id the server gave it, and its place in the draft.
struct Open {
    index: Option<u64>,
    id: String,
    slot: usize,
}

/// A chunk of a stream or a whole answer: they differ in `delta` and `message` alone.
#[derive(Deserialize)]
struct Chunk {
    id: Option<String>,
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Content>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    reasoning_details: Option<Vec<Value>>,
    tool_calls: Option<Vec<CallDelta>>,
}

/// Text, or a list of parts as some servers send it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<TextPart>),
}

#[derive(Deserialize)]
struct TextPart {
    text: Option<String>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
    extra_content: Option<Value>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    /// Text by the standard; servers of the field send the object itself too.
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    #[serde(alias = "cache_creation_tokens")]
    cache_write_tokens: Option<u64>,
}

impl Reader for Answer {
    fn event(&mut self, data: &str, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        self.take(event(data, draft)?, draft, sink)
    }

    fn whole(&mut self, body: Value, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        let chunk: Chunk = serde_json::from_value(body).map_err(|_| bad("not an answer in JSON"))?;
        if chunk.choices.as_ref().is_none_or(Vec::is_empty) {
            return Err(bad("no choices").into());
        }
        // In a stream a call's id may come with each of its pieces; here every call is whole.
        let deltas = chunk
            .choices
            .iter()
            .flatten()
            .filter_map(|choice| choice.delta.as_ref());
        let calls = deltas.flat_map(|delta| delta.tool_calls.iter().flatten());
        let mut ids = BTreeSet::new();
        if !calls
            .filter_map(|call| call.id.as_ref())
            .filter(|id| !id.is_empty())
            .all(|id| ids.insert(id))
        {
            return Err(bad("two tool calls have one id").into());
        }
        self.take(chunk, draft, sink)
    }

    fn close(&mut self, draft: &mut Draft) {
        let Some(slot) = self.thought else { return };
        let mut kept = serde_json::Map::new();
        if let Some(field) = self.field {
            kept.insert("field".into(), field.into());
        }
        if !self.details.is_empty() {
            kept.insert("details".into(), Value::Array(std::mem::take(&mut self.details)));
        }
        draft.keep(slot, opaque::labelled(NAME, kept));
    }
}

impl Answer {
    fn take(&mut self, chunk: Chunk, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(refusal::inside(&error, !draft.is_empty()));
        }
        draft.named(chunk.id, chunk.model);
        if let Some(usage) = chunk.usage {
            draft.usage = usage.counted().or(draft.usage);
        }
        let choices = chunk.choices.unwrap_or_default();
        for choice in choices.into_iter().filter(|choice| choice.index == 0) {
            if let Some(delta) = choice.delta {
                self.delta(delta, draft, sink)?;
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                draft.finish(finish_reason(&reason, self.declined));
            }
        }
        Ok(())
    }

    fn delta(&mut self, delta: Delta, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), ModelErrorKind> {
        for (field, text) in [
            ("reasoning_content", delta.reasoning_content),
            ("reasoning", delta.reasoning),
        ] {
            let Some(text) = text.filter(|text| !text.is_empty()) else {
                continue;
            };
            // Some send the same text under both names.
            if self.field.is_none_or(|known| known == field) {
                self.field = Some(field);
                let slot = self.thought(draft)?;
                draft.think_at(slot, &text, sink);
            }
        }
        for detail in delta.reasoning_details.unwrap_or_default() {
            self.thought(draft)?;
            join(&mut self.details, detail);
        }
        let content = match delta.content {
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => parts.into_iter().filter_map(|part| part.text).collect(),
            None => String::new(),
        };
        draft.say(&content, sink)?;
        let refusal = delta.refusal.unwrap_or_default();
        self.declined |= !refusal.is_empty();
        draft.say(&refusal, sink)?;
        for call in delta.tool_calls.unwrap_or_default() {
            self.call(call, draft)?;
        }
        Ok(())
    }

    /// This dialect has one thinking in an answer, whenever its pieces come.
    fn thought(&mut self, draft: &mut Draft) -> Result<usize, ModelErrorKind> {
        if let Some(slot) = self.thought {
            return Ok(slot);
        }
        let slot = draft.open_thought()?;
        self.thought = Some(slot);
        Ok(slot)
    }

    fn call(&mut self, delta: CallDelta, draft: &mut Draft) -> Result<(), ModelErrorKind> {
        let id = delta.id.unwrap_or_default();
        let (name, arguments) = match delta.function {
            Some(function) => (function.name.unwrap_or_default(), function.arguments),
            None => (String::new(), None),
        };
        let slot = match self.begun(delta.index, &id, &name) {
            Some(slot) => slot,
            None if name.is_empty() => return Err(bad("a piece of a tool call that never began")),
            None => {
                let slot = draft.open_call(Call {
                    id: id.clone(),
                    name,
                    ..Call::default()
                })?;
                let index = delta.index;
                self.calls.push(Open { index, id, slot });
                slot
            }
        };
        let Some(call) = draft.call(slot) else {
            return Ok(());
        };
        match arguments {
            Some(Value::String(piece)) => call.arguments.push_str(&piece),
            Some(object @ Value::Object(_)) => call.arguments = object.to_string(),
            _ => {}
        }
        if let Some(extra) = delta.extra_content.filter(|extra| !extra.is_null()) {
            let kept = [("extra_content".to_owned(), extra)].into_iter().collect();
            call.opaque = opaque::labelled(NAME, kept);
        }
        Ok(())
    }

    /// The call a piece belongs to. Servers of the field leave out the index, or give several calls one index.
    fn begun(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let found = if id.is_empty() {
            let by_index = self
                .calls
                .iter()
                .rev()
                .find(|open| index.is_some() && open.index == index);
            let last = || self.calls.last().filter(|_| index.is_none() && name.is_empty());
            by_index.or_else(last)
        } else {
            let same = |open: &&Open| open.id == id && open.index == index;
            // A server may name the id again in every piece; a new one with a name of its own is a new call.
            let renamed = |open: &&Open| index.is_some() && open.index == index && name.is_empty();
            self.calls
                .iter()
                .find(same)
                .or_else(|| self.calls.iter().rev().find(renamed))
        };
        found.map(|open| open.slot)
    }
}

/// Adds a piece of reasoning details to those of the same index and kind, as they are to be sent back.
fn join(details: &mut Vec<Value>, piece: Value) {
    let same = |known: &&mut Value| {
        ["index", "type"]
            .iter()
            .all(|key| piece.get(key).is_some() && known.get(key) == piece.get(key))
    };
    let Some(Value::Object(known)) = details.iter_mut().rev().find(same) else {
        details.push(piece);
        return;
    };
    let Value::Object(piece) = piece else { return };
    for (key, value) in piece {
        match (known.get_mut(&key), value) {
            (Some(Value::String(text)), Value::String(more))
                if matches!(key.as_str(), "text" | "summary" | "data") =>
            {
                text.push_str(&more);
            }
            (_, Value::Null) => {}
            (_, value) => drop(known.insert(key, value)),
        }
    }
}

impl WireUsage {
    /// `None` for the empty usage some servers send in every chunk.
    fn counted(&self) -> Option<Usage> {
        let details = self.prompt_tokens_details.as_ref();
        let input_tokens = self.prompt_tokens?;
        Some(Usage {
            input_tokens,
            output_tokens: self.completion_tokens.unwrap_or(0),
            cached_tokens: details.and_then(|details| details.cached_tokens).unwrap_or(0),
            cache_write_tokens: details
                .and_then(|details| details.cache_write_tokens)
                .unwrap_or(0),
            estimated: false,
        })
    }
}

fn finish_reason(word: &str, declined: bool) -> FinishReason {
    match word {
        _ if declined => FinishReason::ContentFilter,
        "stop" | "eos" | "end_turn" => FinishReason::Stop,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCall,
        "length" | "max_tokens" => FinishReason::Length,
        "content_filter" | "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Other(word.chars().take(40).collect()),
    }
}
