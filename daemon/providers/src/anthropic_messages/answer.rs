//! The answer of `anthropic_messages`: events of a stream, or one whole message.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::NAME;
use crate::draft::{Call, Draft, bad};
use crate::exchange::{Reader, event};
use crate::refusal::{self, Failure};
use crate::{FinishReason, ModelErrorKind, TokenSink, Usage, opaque};

/// What must be remembered between two events.
#[derive(Default)]
pub(crate) struct Answer {
    /// By index, the blocks that have begun.
    blocks: BTreeMap<u64, Open>,
    usage: WireUsage,
}

/// A block that has begun.
enum Open {
    Text(usize),
    Thinking {
        slot: usize,
        signature: String,
    },
    Call(usize),
    /// Of a kind that holds nothing for us.
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Box<WireMessage>,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: MessageDelta,
        usage: Option<WireUsage>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct WireMessage {
    id: Option<String>,
    model: Option<String>,
    content: Option<Vec<Block>>,
    stop_reason: Option<String>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
        #[serde(default)]
        signature: String,
    },
    RedactedThinking {
        data: Value,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageDelta {
    stop_reason: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl Reader for Answer {
    fn event(&mut self, data: &str, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        match event(data, draft)? {
            Event::MessageStart { message } => {
                draft.named(message.id, message.model);
                self.count(message.usage, draft);
            }
            Event::ContentBlockStart { index, content_block } => {
                let open = begin(content_block, draft, sink)?;
                self.blocks.insert(index, open);
            }
            Event::ContentBlockDelta { index, delta } => {
                let Some(open) = self.blocks.get_mut(&index) else {
                    return Err(bad("a piece of a block that never began").into());
                };
                open.add(delta, draft, sink);
            }
            Event::ContentBlockStop { index } => {
                if let Some(open) = self.blocks.get_mut(&index) {
                    open.stop(draft);
                }
            }
            Event::MessageDelta { delta, usage } => {
                self.count(usage, draft);
                if let Some(reason) = delta.stop_reason {
                    draft.finish(finish_reason(&reason));
                }
            }
            Event::MessageStop => draft.end(),
            Event::Error { error } => return Err(refusal::inside(&error, !draft.is_empty())),
            Event::Other => {}
        }
        Ok(())
    }

    fn whole(&mut self, body: Value, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        let message: WireMessage = serde_json::from_value(body).map_err(|_| bad("not an answer in JSON"))?;
        let Some(content) = message.content else {
            return Err(bad("no content").into());
        };
        draft.named(message.id, message.model);
        self.count(message.usage, draft);
        for block in content {
            begin(block, draft, sink)?.stop(draft);
        }
        draft.finish(finish_reason(
            message.stop_reason.as_deref().unwrap_or("end_turn"),
        ));
        Ok(())
    }
}

impl Answer {
    /// Counts come twice: what went in at the start, all of it at the end.
    fn count(&mut self, usage: Option<WireUsage>, draft: &mut Draft) {
        let Some(usage) = usage else { return };
        let known = &mut self.usage;
        known.input_tokens = usage.input_tokens.or(known.input_tokens);
        known.output_tokens = usage.output_tokens.or(known.output_tokens);
        known.cache_creation_input_tokens = usage
            .cache_creation_input_tokens
            .or(known.cache_creation_input_tokens);
        known.cache_read_input_tokens = usage.cache_read_input_tokens.or(known.cache_read_input_tokens);
        let Some(fresh) = known.input_tokens else { return };
        let cached_tokens = known.cache_read_input_tokens.unwrap_or(0);
        let cache_write_tokens = known.cache_creation_input_tokens.unwrap_or(0);
        draft.usage = Some(Usage {
            // This provider counts what it had in its cache apart.
            input_tokens: fresh
                .saturating_add(cached_tokens)
                .saturating_add(cache_write_tokens),
            output_tokens: known.output_tokens.unwrap_or(0),
            cached_tokens,
            cache_write_tokens,
            estimated: false,
        });
    }
}

fn begin(block: Block, draft: &mut Draft, sink: &dyn TokenSink) -> Result<Open, ModelErrorKind> {
    Ok(match block {
        Block::Text { text } => {
            let slot = draft.open_text()?;
            draft.say_at(slot, &text, sink);
            Open::Text(slot)
        }
        Block::Thinking { thinking, signature } => {
            let slot = draft.open_thought()?;
            draft.think_at(slot, &thinking, sink);
            Open::Thinking { slot, signature }
        }
        Block::RedactedThinking { data } => {
            let slot = draft.open_thought()?;
            draft.keep(slot, kept("data", data));
            Open::Other
        }
        Block::ToolUse { id, name, input } => {
            // In a stream this is an empty object, and the arguments come in pieces.
            let whole = input.as_object().is_some_and(|object| !object.is_empty());
            let arguments = if whole { input.to_string() } else { String::new() };
            Open::Call(draft.open_call(Call {
                id,
                name,
                arguments,
                opaque: Value::Null,
            })?)
        }
        Block::Other => Open::Other,
    })
}

impl Open {
    fn add(&mut self, delta: Delta, draft: &mut Draft, sink: &dyn TokenSink) {
        match (self, delta) {
            (Self::Text(slot), Delta::Text { text }) => draft.say_at(*slot, &text, sink),
            (Self::Thinking { slot, .. }, Delta::Thinking { thinking }) => {
                draft.think_at(*slot, &thinking, sink);
            }
            (Self::Thinking { signature, .. }, Delta::Signature { signature: piece }) => {
                signature.push_str(&piece);
            }
            (Self::Call(slot), Delta::InputJson { partial_json }) => {
                if let Some(call) = draft.call(*slot) {
                    call.arguments.push_str(&partial_json);
                }
            }
            _ => {}
        }
    }

    fn stop(&mut self, draft: &mut Draft) {
        if let Self::Thinking { slot, signature } = self
            && !signature.is_empty()
        {
            draft.keep(*slot, kept("signature", std::mem::take(signature).into()));
        }
    }
}

fn kept(name: &str, value: Value) -> Value {
    opaque::labelled(NAME, Map::from_iter([(name.to_owned(), value)]))
}

fn finish_reason(word: &str) -> FinishReason {
    match word {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "tool_use" => FinishReason::ToolCall,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Other(word.chars().take(40).collect()),
    }
}
