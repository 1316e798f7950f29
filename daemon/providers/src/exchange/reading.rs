//! Reads the body of an answer: a stream of events, or one JSON document.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use super::Reader;
use crate::draft::{Draft, bad};
use crate::http::Body;
use crate::refusal::{self, Failure};
use crate::sse::SseParser;
use crate::{ModelErrorKind, TokenSink};

/// How long usage and the end of the stream may take once the model is done.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Headers in which providers and gateways name a request.
const REQUEST_ID: &[&str] = &[
    "x-request-id",
    "request-id",
    "x-litellm-call-id",
    "x-goog-request-id",
];

pub(super) fn request_id(response: &Response) -> Option<String> {
    let named = REQUEST_ID.iter().find_map(|name| response.headers().get(*name));
    let id = named.and_then(|value| value.to_str().ok());
    id.map(|id| id.chars().take(200).collect())
}

/// The JSON of a whole answer.
pub(super) fn parse(body: &[u8], draft: &mut Draft) -> Result<Value, Failure> {
    let text = String::from_utf8_lossy(body);
    draft.replaced_bytes = matches!(text, std::borrow::Cow::Owned(_));
    let failure = |reason| Failure {
        kind: bad(reason),
        detail: Some(text.chars().take(400).collect()),
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| {
        failure(if error.is_eof() {
            "the JSON ends too early"
        } else {
            "not an answer in JSON"
        })
    })?;
    if value.get("error").is_some_and(|error| !error.is_null()) {
        return Err(refusal::inside(&value, false));
    }
    Ok(value)
}

pub(super) enum Shape {
    Events,
    Json,
    Markup,
}

pub(super) fn is_event_stream(response: &Response) -> bool {
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("text/event-stream"))
}

/// What the body is: by its first bytes, since servers of the field mislabel both ways; else by its label.
pub(super) fn sniff(first: &[u8], labelled_events: bool) -> Shape {
    let start = first.trim_ascii_start();
    match start.first() {
        Some(b'{' | b'[' | b'n') if !labelled_events || start[0] != b'n' => Shape::Json,
        Some(b'<') => Shape::Markup,
        _ if labelled_events => Shape::Events,
        _ if [&b"data"[..], b"event", b":", b"id", b"retry"]
            .iter()
            .any(|p| start.starts_with(p)) =>
        {
            Shape::Events
        }
        _ => Shape::Json,
    }
}

pub(super) async fn read_events(
    reader: &mut impl Reader,
    body: &mut Body<'_>,
    first: &[u8],
    sink: &dyn TokenSink,
    draft: &mut Draft,
) -> Result<(), Failure> {
    let mut parser = SseParser::default();
    parser.feed(first, |data| take(reader, data, draft, sink))?;
    while !draft.is_done() {
        if draft.is_finished() {
            body.hurry(LAST_WORDS);
        }
        match body.chunk().await {
            Ok(Some(chunk)) => parser.feed(&chunk, |data| take(reader, data, draft, sink))?,
            Ok(None) => {
                if let Some(data) = parser.finish()? {
                    take(reader, &data, draft, sink)?;
                }
                break;
            }
            // The answer is whole; what is missing is the usage or the word that ends the stream.
            Err(ModelErrorKind::Cut | ModelErrorKind::Timeout { .. }) if draft.is_finished() => break,
            Err(kind) => return Err(kind.into()),
        }
    }
    draft.replaced_bytes |= parser.replaced_bytes;
    if draft.is_finished() {
        Ok(())
    } else {
        Err(ModelErrorKind::Cut.into())
    }
}

/// One event. Gateways end every dialect with `[DONE]`.
fn take(
    reader: &mut impl Reader,
    data: &str,
    draft: &mut Draft,
    sink: &dyn TokenSink,
) -> Result<(), Failure> {
    let data = data.trim();
    if draft.is_done() || data.is_empty() {
        return Ok(());
    }
    if data != "[DONE]" {
        return reader.event(data, draft, sink);
    }
    if draft.is_empty() && !draft.is_finished() {
        return Err(bad("the stream ended without an answer").into());
    }
    draft.end();
    Ok(())
}

/// An event as the dialect writes it; or the failure that servers of every dialect send as a bare `error`.
pub(crate) fn event<'a, T: serde::Deserialize<'a>>(data: &'a str, draft: &Draft) -> Result<T, Failure> {
    serde_json::from_str(data).map_err(|_| {
        let body = serde_json::from_str::<Value>(data).unwrap_or_default();
        match body.get("error").filter(|error| !error.is_null()) {
            Some(error) => refusal::inside(error, !draft.is_empty()),
            None => bad("an event is not a piece of an answer").into(),
        }
    })
}
