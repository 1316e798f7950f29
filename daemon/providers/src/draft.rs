//! An answer while it grows: its parts in the order they began, and what is said about it.
//!
//! Dialects put in what their wire tells them. Invariant: what leaves here is whole: every call has a name and an id
//! of its own, and no tool was called where none was offered.

use std::collections::BTreeSet;
use std::sync::Arc;

use dirigent_protocol::chat::{Part, Reasoning, ToolCall};
use serde_json::{Map, Value};

use crate::{ChatReply, ChatRequest, FinishReason, ModelErrorKind, TokenSink, Usage, tokens};

/// Most parts of one answer.
const MAX_PARTS: usize = 1_024;
/// Begins the id of a call whose provider gave it none; such an id is never sent to a provider that has none.
pub(crate) const OWN_ID: &str = "own-call-";

/// A part while it grows.
enum Slot {
    Text(String),
    Thought {
        text: String,
        opaque: Value,
        closed: bool,
    },
    Call(Call),
}

/// A call while it grows.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
    pub(crate) opaque: Value,
}

/// What has arrived.
pub(crate) struct Draft {
    slots: Vec<Slot>,
    offered: bool,
    finish_reason: Option<FinishReason>,
    pub(crate) model: Option<String>,
    pub(crate) response_id: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) replaced_bytes: bool,
    done: bool,
}

impl Draft {
    pub(crate) fn new(request: &ChatRequest) -> Self {
        Self {
            slots: Vec::new(),
            offered: !request.tools.is_empty(),
            finish_reason: None,
            model: None,
            response_id: None,
            request_id: None,
            usage: None,
            replaced_bytes: false,
            done: false,
        }
    }

    fn open(&mut self, slot: Slot) -> Result<usize, ModelErrorKind> {
        if self.slots.len() == MAX_PARTS {
            return Err(bad("more than 1,024 parts"));
        }
        self.slots.push(slot);
        Ok(self.slots.len() - 1)
    }

    /// A text of its own.
    pub(crate) fn open_text(&mut self) -> Result<usize, ModelErrorKind> {
        self.open(Slot::Text(String::new()))
    }

    /// Thinking of its own.
    pub(crate) fn open_thought(&mut self) -> Result<usize, ModelErrorKind> {
        self.open(Slot::Thought {
            text: String::new(),
            opaque: Value::Null,
            closed: false,
        })
    }

    /// A call of its own. Its arguments may come later, in pieces.
    pub(crate) fn open_call(&mut self, call: Call) -> Result<usize, ModelErrorKind> {
        if !self.offered {
            return Err(bad("the model calls a tool although none was offered"));
        }
        self.open(Slot::Call(call))
    }

    /// More of the text that is being said, a new one where something else came between.
    pub(crate) fn say(&mut self, piece: &str, sink: &dyn TokenSink) -> Result<(), ModelErrorKind> {
        if piece.is_empty() {
            return Ok(());
        }
        let slot = match self.slots.last() {
            Some(Slot::Text(_)) => self.slots.len() - 1,
            _ => self.open_text()?,
        };
        self.say_at(slot, piece, sink);
        Ok(())
    }

    /// More of a certain text.
    pub(crate) fn say_at(&mut self, slot: usize, piece: &str, sink: &dyn TokenSink) {
        if let Some(Slot::Text(text)) = self.slots.get_mut(slot)
            && !piece.is_empty()
        {
            text.push_str(piece);
            sink.text(piece);
        }
    }

    /// More of the thinking that is going on, a new one where something else came between.
    pub(crate) fn think(&mut self, piece: &str, sink: &dyn TokenSink) -> Result<usize, ModelErrorKind> {
        let slot = match self.slots.last() {
            Some(Slot::Thought { closed: false, .. }) => self.slots.len() - 1,
            _ => self.open_thought()?,
        };
        self.think_at(slot, piece, sink);
        Ok(slot)
    }

    /// More of a certain thinking.
    pub(crate) fn think_at(&mut self, slot: usize, piece: &str, sink: &dyn TokenSink) {
        if let Some(Slot::Thought { text, .. }) = self.slots.get_mut(slot)
            && !piece.is_empty()
        {
            text.push_str(piece);
            sink.reasoning(piece);
        }
    }

    /// What goes back unchanged with a thinking or a call; a thinking is complete with it.
    pub(crate) fn keep(&mut self, slot: usize, value: Value) {
        match self.slots.get_mut(slot) {
            Some(Slot::Thought { opaque, closed, .. }) => {
                *opaque = value;
                *closed = true;
            }
            Some(Slot::Call(call)) => call.opaque = value,
            Some(Slot::Text(_)) | None => {}
        }
    }

    /// What goes back unchanged with a thinking that goes on.
    pub(crate) fn mark(&mut self, slot: usize, value: Value) {
        if let Some(Slot::Thought { opaque, .. }) = self.slots.get_mut(slot) {
            *opaque = value;
        }
    }

    /// A call that has begun.
    pub(crate) fn call(&mut self, slot: usize) -> Option<&mut Call> {
        match self.slots.get_mut(slot) {
            Some(Slot::Call(call)) => Some(call),
            _ => None,
        }
    }

    /// True while a text or thinking has nothing in it.
    pub(crate) fn is_blank(&self, slot: usize) -> bool {
        match self.slots.get(slot) {
            Some(Slot::Text(text) | Slot::Thought { text, .. }) => text.is_empty(),
            _ => false,
        }
    }

    /// True before anything has begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The text so far.
    pub(crate) fn text(&self) -> String {
        let texts = self.slots.iter().filter_map(|slot| match slot {
            Slot::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The model said its last word; the usage may still be missing.
    pub(crate) fn finish(&mut self, reason: FinishReason) {
        self.finish_reason = Some(reason);
    }

    /// The stream said its last word.
    pub(crate) fn end(&mut self) {
        self.done = true;
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.done || self.finish_reason.is_some()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Takes over names that are not empty.
    pub(crate) fn named(&mut self, id: Option<String>, model: Option<String>) {
        self.response_id = self.response_id.take().or(id.filter(|id| !id.is_empty()));
        self.model = model.filter(|model| !model.is_empty()).or(self.model.take());
    }

    /// Our own count of a call the provider gave none for.
    pub(crate) fn estimate(&self, request: &ChatRequest) -> Usage {
        // Four tokens of framing a message is what the field's chat templates cost.
        let mut input_tokens = request.messages.len() as u64 * 4;
        request.texts(|text| input_tokens += tokens::count(text));
        let output_tokens = self.slots.iter().map(|slot| match slot {
            Slot::Text(text) | Slot::Thought { text, .. } => tokens::count(text),
            Slot::Call(call) => tokens::count(&call.name) + tokens::count(&call.arguments),
        });
        Usage {
            input_tokens,
            output_tokens: output_tokens.sum(),
            estimated: true,
            ..Usage::default()
        }
    }

    /// What a call that came to no good end may have cost: what the provider counted, as far as it did.
    pub(crate) fn used_so_far(&self, request: &ChatRequest) -> Usage {
        let estimate = self.estimate(request);
        match self.usage {
            Some(counted) => Usage {
                output_tokens: counted.output_tokens.max(estimate.output_tokens),
                estimated: true,
                ..counted
            },
            None => estimate,
        }
    }

    /// Whether its calls can be answered: each has a name, and no two have one id.
    pub(crate) fn check(&self) -> Result<(), ModelErrorKind> {
        let mut ids = BTreeSet::new();
        for slot in &self.slots {
            let Slot::Call(call) = slot else { continue };
            if call.name.is_empty() {
                return Err(bad("a tool call without a name"));
            }
            if !call.id.is_empty() && !ids.insert(&call.id) {
                return Err(bad("two tool calls have one id"));
            }
        }
        Ok(())
    }

    /// The answer, once [`Self::check`] has passed.
    pub(crate) fn into_reply(self, request: &ChatRequest) -> ChatReply {
        // Gateways count nothing where they were told nothing; no call takes nothing.
        let counted = self
            .usage
            .filter(|usage| usage.input_tokens + usage.output_tokens > 0);
        let usage = counted.unwrap_or_else(|| self.estimate(request));
        let parts = parts(self.slots);
        let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let finish_reason = match self.finish_reason.unwrap_or(FinishReason::Stop) {
            // Servers of the field end with either word whether or not there are calls.
            FinishReason::Stop | FinishReason::ToolCall if calls => FinishReason::ToolCall,
            // Who took all that was allowed was cut, even where the server calls it done.
            FinishReason::Stop | FinishReason::ToolCall if spent(counted, request) => FinishReason::Length,
            FinishReason::ToolCall => FinishReason::Stop,
            other => other,
        };
        ChatReply {
            parts,
            finish_reason,
            model: self.model.unwrap_or_else(|| request.model.clone()),
            usage,
            response_id: self.response_id,
            request_id: self.request_id,
            replaced_bytes: self.replaced_bytes,
            masked_key: false,
            rehearsal: false,
        }
    }
}

/// Whether the answer took as many tokens as it was allowed, by the server's own count.
fn spent(counted: Option<Usage>, request: &ChatRequest) -> bool {
    let most = request.max_tokens.map(u64::from);
    most.is_some_and(|most| counted.is_some_and(|counted| counted.output_tokens >= most))
}

fn parts(slots: Vec<Slot>) -> Vec<Part> {
    let mut calls = 0;
    let whole = |slot| match slot {
        Slot::Text(content) => (!content.is_empty()).then_some(Part::Text { content }),
        Slot::Thought { text, opaque, .. } => {
            (!text.is_empty() || !opaque.is_null()).then_some(Part::Reasoning(Reasoning {
                content: text,
                opaque,
            }))
        }
        Slot::Call(call) => {
            calls += 1;
            Some(Part::ToolCall(named(call, calls)))
        }
    };
    slots.into_iter().filter_map(whole).collect()
}

/// A call with an id, whoever gave it. Providers that give none have none of their own beside it to be confused with.
fn named(call: Call, place: usize) -> ToolCall {
    let id = if call.id.is_empty() {
        format!("{OWN_ID}{place}")
    } else {
        call.id
    };
    ToolCall {
        id,
        name: call.name,
        arguments: Arc::new(arguments(call.arguments)),
        opaque: call.opaque,
    }
}

/// A JSON object; the text as it was sent where it is none.
fn arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ => Value::String(text),
    }
}

/// An answer that is not one of its dialect.
pub(crate) const fn bad(reason: &'static str) -> ModelErrorKind {
    ModelErrorKind::BadResponse { reason }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::chat::ToolDefinition;
    use serde_json::json;

    use super::*;

    fn request() -> ChatRequest {
        let mut request = ChatRequest::new("m", Vec::new());
        request.tools.push(ToolDefinition {
            name: "look".into(),
            description: String::new(),
            parameters: Arc::new(json!({"type": "object"})),
        });
        request
    }

    fn call(id: &str, arguments: &str) -> Call {
        Call {
            id: id.into(),
            name: "look".into(),
            arguments: arguments.into(),
            ..Call::default()
        }
    }

    #[test]
    fn calls_get_an_id_and_what_is_no_json_object_stays_text() {
        let request = request();
        let mut draft = Draft::new(&request);
        for arguments in ["", "{\"a\":1}", "{\"a\":", "[1]", "\"{}\""] {
            draft.open_call(call("", arguments)).unwrap();
        }
        draft.finish(FinishReason::Stop);
        draft.check().unwrap();
        let reply = draft.into_reply(&request);
        assert_eq!(reply.finish_reason, FinishReason::ToolCall);
        let ids: Vec<_> = reply.tool_calls().map(|call| call.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "own-call-1",
                "own-call-2",
                "own-call-3",
                "own-call-4",
                "own-call-5"
            ]
        );
        let unreadable: Vec<_> = reply.tool_calls().map(ToolCall::unreadable).collect();
        assert_eq!(
            unreadable,
            [None, None, Some("{\"a\":"), Some("[1]"), Some("\"{}\"")]
        );
    }

    #[test]
    fn calls_nobody_could_answer_are_no_answer() {
        let request = request();
        let mut draft = Draft::new(&request);
        draft.open_call(call("one", "{}")).unwrap();
        draft.open_call(call("one", "{}")).unwrap();
        assert_eq!(draft.check(), Err(bad("two tool calls have one id")));
        let mut draft = Draft::new(&request);
        draft.open_call(Call::default()).unwrap();
        assert_eq!(draft.check(), Err(bad("a tool call without a name")));
        let nothing_offered = ChatRequest::new("m", Vec::new());
        assert!(Draft::new(&nothing_offered).open_call(call("one", "{}")).is_err());
        let mut draft = Draft::new(&request);
        let error = (0..2_000).find_map(|_| draft.open_text().err());
        assert_eq!(error, Some(bad("more than 1,024 parts")));
    }

    #[test]
    fn thinking_that_was_completed_is_not_added_to() {
        let request = request();
        let mut draft = Draft::new(&request);
        let first = draft.think("a", &()).unwrap();
        assert_eq!(draft.think("b", &()).unwrap(), first);
        draft.keep(first, json!("signed"));
        draft.think("c", &()).unwrap();
        draft.say("d", &()).unwrap();
        let reply = draft.into_reply(&request);
        let thought = |content: &str, opaque| {
            Part::Reasoning(Reasoning {
                content: content.into(),
                opaque,
            })
        };
        assert_eq!(
            reply.parts[..2],
            [thought("ab", json!("signed")), thought("c", Value::Null)]
        );
        assert_eq!(
            (reply.text().as_str(), reply.finish_reason),
            ("d", FinishReason::Stop)
        );
    }
}
