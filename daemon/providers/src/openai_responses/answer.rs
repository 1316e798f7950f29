//! The answer of `openai_responses`: events of a stream, or one whole response.

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
    /// The items that have begun.
    items: Vec<Open>,
    declined: bool,
}

/// An item that has begun.
struct Open {
    place: Place,
    slot: usize,
    /// The part of its summary that is being written.
    summary: u64,
}

/// Which item is meant: by its index in the output, or where a server leaves that out, by its id.
#[derive(Deserialize)]
struct Place {
    output_index: Option<u64>,
    item_id: Option<String>,
}

impl Place {
    fn is(&self, other: &Self) -> bool {
        match (self.output_index, other.output_index) {
            (None, None) => self.item_id == other.item_id,
            (mine, its) => mine == its,
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Event {
    #[serde(rename = "response.created", alias = "response.in_progress")]
    Begun { response: Response },
    #[serde(rename = "response.output_item.added")]
    ItemAdded { output_index: Option<u64>, item: Value },
    #[serde(rename = "response.output_item.done")]
    ItemDone { output_index: Option<u64>, item: Value },
    #[serde(rename = "response.output_text.delta")]
    Text {
        #[serde(flatten)]
        place: Place,
        delta: String,
    },
    #[serde(rename = "response.refusal.delta")]
    Refusal {
        #[serde(flatten)]
        place: Place,
        delta: String,
    },
    #[serde(rename = "response.reasoning_summary_text.delta")]
    Summary {
        #[serde(flatten)]
        place: Place,
        #[serde(default)]
        summary_index: u64,
        delta: String,
    },
    #[serde(rename = "response.reasoning_text.delta")]
    Reasoning {
        #[serde(flatten)]
        place: Place,
        delta: String,
    },
    #[serde(rename = "response.function_call_arguments.delta")]
    Arguments {
        #[serde(flatten)]
        place: Place,
        delta: String,
    },
    #[serde(
        rename = "response.completed",
        alias = "response.incomplete",
        alias = "response.failed"
    )]
    Ended { response: Response },
    #[serde(rename = "error")]
    Error(Value),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Response {
    id: Option<String>,
    model: Option<String>,
    status: Option<String>,
    output: Option<Vec<Value>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
    incomplete_details: Option<Incomplete>,
}

#[derive(Deserialize)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_details: Option<InputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    cached_tokens: Option<u64>,
}

/// The kinds of items that hold something for us.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item {
    Message {
        #[serde(default)]
        content: Vec<Content>,
    },
    Reasoning {
        #[serde(default)]
        summary: Vec<Words>,
        content: Option<Vec<Words>>,
    },
    FunctionCall {
        id: Option<String>,
        call_id: Option<String>,
        name: String,
        #[serde(default)]
        arguments: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Content {
    text: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    text: String,
}

impl Reader for Answer {
    fn event(&mut self, data: &str, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        match event(data, draft)? {
            Event::Begun { response } => draft.named(response.id, response.model),
            Event::ItemAdded { output_index, item } => {
                self.begin(place(output_index, &item), &item, draft)?;
            }
            Event::ItemDone { output_index, item } => {
                self.complete(place(output_index, &item), item, draft, sink)?;
            }
            Event::Text { place, delta } => draft.say_at(self.open(&place)?.slot, &delta, sink),
            Event::Refusal { place, delta } => {
                self.declined = true;
                draft.say_at(self.open(&place)?.slot, &delta, sink);
            }
            Event::Summary {
                place,
                summary_index,
                delta,
            } => {
                let open = self.open(&place)?;
                if std::mem::replace(&mut open.summary, summary_index) != summary_index {
                    draft.think_at(open.slot, "\n\n", sink);
                }
                draft.think_at(open.slot, &delta, sink);
            }
            Event::Reasoning { place, delta } => draft.think_at(self.open(&place)?.slot, &delta, sink),
            Event::Arguments { place, delta } => {
                if let Some(call) = draft.call(self.open(&place)?.slot) {
                    call.arguments.push_str(&delta);
                }
            }
            Event::Ended { response } => self.end(response, draft, sink)?,
            Event::Error(error) => return Err(refusal::inside(&error, !draft.is_empty())),
            Event::Other => {}
        }
        Ok(())
    }

    fn whole(&mut self, body: Value, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        let response: Response = serde_json::from_value(body).map_err(|_| bad("not an answer in JSON"))?;
        if response.output.is_none() {
            return Err(bad("no output").into());
        }
        self.end(response, draft, sink)
    }
}

impl Answer {
    fn open(&mut self, place: &Place) -> Result<&mut Open, ModelErrorKind> {
        self.items
            .iter_mut()
            .rev()
            .find(|open| open.place.is(place))
            .ok_or(bad("a piece of an item that never began"))
    }

    fn begin(&mut self, place: Place, item: &Value, draft: &mut Draft) -> Result<(), ModelErrorKind> {
        let slot = match read(item)? {
            Item::Message { .. } => draft.open_text()?,
            Item::Reasoning { .. } => draft.open_thought()?,
            Item::FunctionCall {
                id, call_id, name, ..
            } => draft.open_call(Call {
                id: call_id.or_else(|| id.clone()).unwrap_or_default(),
                name,
                arguments: String::new(),
                opaque: id.map_or(Value::Null, |id| kept("id", id.into())),
            })?,
            Item::Other => return Ok(()),
        };
        let summary = 0;
        self.items.push(Open { place, slot, summary });
        Ok(())
    }

    /// An item as a whole: what no piece of it has said before.
    fn complete(
        &mut self,
        place: Place,
        item: Value,
        draft: &mut Draft,
        sink: &dyn TokenSink,
    ) -> Result<(), ModelErrorKind> {
        let begun = self.open(&place).map(|open| open.slot);
        let slot = match begun {
            Ok(slot) => slot,
            Err(_) => {
                let known = self.items.len();
                self.begin(place, &item, draft)?;
                let Some(open) = self.items.get(known) else {
                    return Ok(());
                };
                open.slot
            }
        };
        match read(&item)? {
            Item::Message { content } => {
                self.declined |= content.iter().any(|part| part.refusal.is_some());
                if draft.is_blank(slot) {
                    for part in content {
                        let words = part.text.or(part.refusal).unwrap_or_default();
                        draft.say_at(slot, &words, sink);
                    }
                }
            }
            Item::Reasoning { summary, content } => {
                if draft.is_blank(slot) {
                    let words = summary.into_iter().chain(content.into_iter().flatten());
                    let words: Vec<String> = words.map(|words| words.text).collect();
                    draft.think_at(slot, &words.join("\n\n"), sink);
                }
                draft.keep(slot, kept("item", item));
            }
            Item::FunctionCall { arguments, .. } => {
                if let Some(call) = draft.call(slot).filter(|call| call.arguments.is_empty()) {
                    call.arguments = arguments;
                }
            }
            Item::Other => {}
        }
        Ok(())
    }

    fn end(&mut self, response: Response, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure> {
        draft.named(response.id, response.model);
        if let Some(usage) = response.usage {
            draft.usage = usage.counted().or(draft.usage);
        }
        if let Some(error) = response.error.filter(|error| !error.is_null()) {
            return Err(refusal::inside(&error, !draft.is_empty()));
        }
        // A server that does not stream its items sends them with its last word.
        if draft.is_empty() {
            for (index, item) in (0..).zip(response.output.unwrap_or_default()) {
                self.complete(place(Some(index), &item), item, draft, sink)?;
            }
        }
        let incomplete = response.incomplete_details.and_then(|details| details.reason);
        draft.finish(match (response.status.as_deref(), incomplete) {
            (Some("failed" | "cancelled"), _) => return Err(bad("the answer failed without a reason").into()),
            (_, Some(reason)) if reason == "content_filter" => FinishReason::ContentFilter,
            (_, Some(reason)) if reason.contains("tokens") => FinishReason::Length,
            (_, Some(reason)) => FinishReason::Other(reason.chars().take(40).collect()),
            (Some("incomplete"), None) => FinishReason::Length,
            _ if self.declined => FinishReason::ContentFilter,
            _ => FinishReason::Stop,
        });
        draft.end();
        Ok(())
    }
}

fn place(output_index: Option<u64>, item: &Value) -> Place {
    let item_id = item.get("id").and_then(Value::as_str).map(str::to_owned);
    Place {
        output_index,
        item_id,
    }
}

fn read(item: &Value) -> Result<Item, ModelErrorKind> {
    Item::deserialize(item).map_err(|_| bad("an item that cannot be read"))
}

fn kept(name: &str, value: Value) -> Value {
    opaque::labelled(NAME, Map::from_iter([(name.to_owned(), value)]))
}

impl WireUsage {
    fn counted(&self) -> Option<Usage> {
        let details = self.input_tokens_details.as_ref();
        Some(Usage {
            input_tokens: self.input_tokens?,
            output_tokens: self.output_tokens.unwrap_or(0),
            cached_tokens: details.and_then(|details| details.cached_tokens).unwrap_or(0),
            ..Usage::default()
        })
    }
}
