//! The answer of `gemini_generate_content`: chunks of a stream, or one whole body, or a list of chunks.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::NAME;
use crate::draft::{Call, Draft, bad};
use crate::exchange::{Reader, event};
use crate::refusal::{self, Failure};
use crate::{FinishReason, ModelErrorKind, TokenSink, Usage, opaque};

/// Nothing must be remembered between two chunks: each holds whole parts.
#[derive(Default)]
pub(crate) struct Answer;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<WireUsage>,
    model_version: Option<String>,
    response_id: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    index: u32,
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<WirePart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePart {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    thought_signature: Option<Value>,
    function_call: Option<FunctionCall>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    #[serde(default)]
    name: String,
    args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUsage {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
}

impl Reader for Answer {
    fn event(&mut self, data: &str, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        take(event(data, draft)?, draft, sink)
    }

    fn whole(&mut self, body: Value, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        let chunks = match body {
            Value::Array(chunks) => chunks,
            chunk => vec![chunk],
        };
        for chunk in chunks {
            let chunk = serde_json::from_value(chunk).map_err(|_| bad("not an answer in JSON"))?;
            take(chunk, draft, sink)?;
        }
        if draft.is_finished() {
            Ok(())
        } else {
            Err(bad("no candidate that is finished").into())
        }
    }
}

fn take(chunk: Chunk, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
    if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
        return Err(refusal::inside(&error, !draft.is_empty()));
    }
    draft.named(chunk.response_id, chunk.model_version);
    if let Some(usage) = chunk.usage_metadata {
        draft.usage = usage.counted().or(draft.usage);
    }
    let candidates = chunk.candidates.unwrap_or_default();
    for candidate in candidates.into_iter().filter(|candidate| candidate.index == 0) {
        for part in candidate.content.map(|content| content.parts).unwrap_or_default() {
            put(part, draft, sink)?;
        }
        if let Some(reason) = candidate.finish_reason.filter(|reason| !reason.is_empty()) {
            draft.finish(finish_reason(&reason));
        }
    }
    if chunk
        .prompt_feedback
        .is_some_and(|feedback| feedback.block_reason.is_some())
    {
        draft.finish(FinishReason::ContentFilter);
    }
    Ok(())
}

fn put(part: WirePart, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), ModelErrorKind> {
    if let Some(call) = part.function_call {
        draft.open_call(Call {
            id: call.id.unwrap_or_default(),
            name: call.name,
            arguments: call.args.map_or_else(String::new, |args| args.to_string()),
            opaque: part
                .thought_signature
                .map_or(Value::Null, |signature| signed(None, signature)),
        })?;
        return Ok(());
    }
    let text = part.text.unwrap_or_default();
    if part.thought {
        let slot = draft.think(&text, sink)?;
        match part.thought_signature {
            Some(signature) => draft.keep(slot, signed(Some("thought"), signature)),
            None => draft.mark(slot, opaque::labelled(NAME, flag("thought"))),
        }
        return Ok(());
    }
    let Some(signature) = part.thought_signature else {
        return draft.say(&text, sink);
    };
    // A signature binds the very part it came on: what was said before it stays apart.
    let on = (!text.is_empty()).then_some("on");
    if on.is_some() {
        let slot = draft.open_text()?;
        draft.say_at(slot, &text, sink);
    }
    let slot = draft.open_thought()?;
    draft.keep(slot, signed(on, signature));
    Ok(())
}

fn flag(name: &str) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), true.into())])
}

fn signed(mark: Option<&str>, signature: Value) -> Value {
    let mut kept = mark.map(flag).unwrap_or_default();
    kept.insert("thoughtSignature".to_owned(), signature);
    opaque::labelled(NAME, kept)
}

impl WireUsage {
    fn counted(&self) -> Option<Usage> {
        let said = self.candidates_token_count.unwrap_or(0);
        Some(Usage {
            input_tokens: self.prompt_token_count?,
            output_tokens: said.saturating_add(self.thoughts_token_count.unwrap_or(0)),
            cached_tokens: self.cached_content_token_count.unwrap_or(0),
            ..Usage::default()
        })
    }
}

fn finish_reason(word: &str) -> FinishReason {
    match word {
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE"
        | "IMAGE_SAFETY" => FinishReason::ContentFilter,
        _ => FinishReason::Other(word.to_lowercase().chars().take(40).collect()),
    }
}
