//! The answer of `openai_chat` while it grows: chunks of a stream, or one whole body.

use reqwest::Response;
use serde::Deserialize;
use serde_json::Value;

use super::refusal::{self, Failure};
use crate::{ChatReply, ChatRequest, FinishReason, ModelErrorKind, TokenSink, Usage, tokens};

/// What has arrived.
#[derive(Default)]
pub(super) struct Answer {
    content: String,
    finish_reason: Option<FinishReason>,
    model: Option<String>,
    response_id: Option<String>,
    request_id: Option<String>,
    usage: Option<Usage>,
    done: bool,
    pub(super) replaced_bytes: bool,
    /// The provider's words of an error inside the stream.
    pub(super) words: Option<String>,
}

/// A chunk of a stream or a whole answer: they differ in `delta` and `message` alone.
#[derive(Deserialize)]
struct Wire {
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
    #[serde(alias = "reasoning")]
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<Value>>,
}

/// Text, or a list of parts as some servers send it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
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
}

impl Answer {
    pub(super) fn content(&self) -> &str {
        &self.content
    }

    /// The stream said its last word.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The model said its last word; the usage may still be missing.
    pub(super) fn is_finished(&self) -> bool {
        self.done || self.finish_reason.is_some()
    }

    pub(super) fn headers(&mut self, response: &Response) {
        // The first is the field's usual name, the second LiteLLM's.
        let named = ["x-request-id", "x-litellm-call-id"]
            .iter()
            .find_map(|name| response.headers().get(*name));
        let id = named.and_then(|value| value.to_str().ok());
        self.request_id = id.map(|id| id.chars().take(200).collect());
    }

    /// One event of a stream.
    pub(super) fn event(&mut self, data: &str, sink: &dyn TokenSink) -> Result<(), ModelErrorKind> {
        let data = data.trim();
        if self.done || data.is_empty() {
            return Ok(());
        }
        if data == "[DONE]" {
            let nothing = self.content.is_empty() && self.finish_reason.is_none();
            self.done = true;
            return if nothing {
                Err(bad("the stream ended without an answer"))
            } else {
                Ok(())
            };
        }
        let wire = serde_json::from_str(data).map_err(|_| bad("an event is not a chunk of an answer"))?;
        self.take(wire, sink)
    }

    /// A whole answer from a server that does not stream.
    pub(super) fn whole(&mut self, body: &[u8], sink: &dyn TokenSink) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(body);
        self.replaced_bytes = matches!(text, std::borrow::Cow::Owned(_));
        let wire: Wire = serde_json::from_str(&text).map_err(|error| Failure {
            kind: bad(if error.is_eof() {
                "the JSON ends too early"
            } else {
                "not an answer in JSON"
            }),
            detail: Some(text.chars().take(400).collect()),
        })?;
        let has_choices = wire.choices.as_ref().is_some_and(|choices| !choices.is_empty());
        let has_error = wire.error.as_ref().is_some_and(|error| !error.is_null());
        if !has_choices && !has_error {
            return Err(Failure {
                kind: bad("no choices"),
                detail: Some(text.chars().take(400).collect()),
            });
        }
        self.take(wire, sink)?;
        self.done = true;
        Ok(())
    }

    fn take(&mut self, wire: Wire, sink: &dyn TokenSink) -> Result<(), ModelErrorKind> {
        if let Some(error) = wire.error.filter(|error| !error.is_null()) {
            let (kind, words) = refusal::inside_stream(&error);
            self.words = words;
            return Err(kind);
        }
        self.response_id = self.response_id.take().or(wire.id.filter(|id| !id.is_empty()));
        self.model = wire.model.filter(|model| !model.is_empty()).or(self.model.take());
        if let Some(usage) = wire.usage {
            self.usage = usage.counted().or(self.usage);
        }
        for choice in wire
            .choices
            .unwrap_or_default()
            .into_iter()
            .filter(|choice| choice.index == 0)
        {
            if let Some(delta) = choice.delta {
                self.delta(delta, sink)?;
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finish_reason = Some(finish_reason(reason));
            }
        }
        Ok(())
    }

    fn delta(&mut self, delta: Delta, sink: &dyn TokenSink) -> Result<(), ModelErrorKind> {
        if delta.tool_calls.is_some_and(|calls| !calls.is_empty()) {
            return Err(bad("the model calls a tool although none was offered"));
        }
        if let Some(thought) = delta.reasoning_content.filter(|text| !text.is_empty()) {
            sink.reasoning(&thought);
        }
        let content = match delta.content {
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => parts.into_iter().filter_map(|part| part.text).collect(),
            None => String::new(),
        };
        for piece in [content, delta.refusal.unwrap_or_default()] {
            if !piece.is_empty() {
                sink.text(&piece);
                self.content.push_str(&piece);
            }
        }
        Ok(())
    }

    pub(super) fn into_reply(self, request: &ChatRequest) -> ChatReply {
        let usage = self.usage.unwrap_or_else(|| estimate(request, &self.content));
        ChatReply {
            finish_reason: self.finish_reason.unwrap_or(FinishReason::Stop),
            model: self.model.unwrap_or_else(|| request.model.clone()),
            usage,
            response_id: self.response_id,
            request_id: self.request_id,
            replaced_bytes: self.replaced_bytes,
            rehearsal: false,
            content: self.content,
        }
    }
}

impl WireUsage {
    /// `None` for the empty usage some servers send in every chunk.
    fn counted(&self) -> Option<Usage> {
        let cached = self
            .prompt_tokens_details
            .as_ref()
            .and_then(|details| details.cached_tokens);
        Some(Usage {
            input_tokens: self.prompt_tokens?,
            output_tokens: self.completion_tokens.unwrap_or(0),
            cached_tokens: cached.unwrap_or(0),
            estimated: false,
        })
    }
}

/// Our own count of a call the provider gave none for.
pub(super) fn estimate(request: &ChatRequest, content: &str) -> Usage {
    // Four tokens of framing a message is what the field's chat templates cost.
    let input_tokens = request
        .messages
        .iter()
        .map(|message| tokens::count(&message.content) + 4)
        .sum();
    Usage {
        input_tokens,
        output_tokens: tokens::count(content),
        cached_tokens: 0,
        estimated: true,
    }
}

fn finish_reason(word: String) -> FinishReason {
    match word.as_str() {
        "stop" | "eos" | "end_turn" => FinishReason::Stop,
        "length" | "max_tokens" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other(word.chars().take(40).collect()),
    }
}

const fn bad(reason: &'static str) -> ModelErrorKind {
    ModelErrorKind::BadResponse { reason }
}
