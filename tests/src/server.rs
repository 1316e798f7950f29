//! A counting server on loopback: what was asked, how often, with which idempotency key.
//!
//! `/effect/NAME` answers `{"name": NAME, "count": N}` after an optional delay; `/v1/chat/completions` and
//! `/v1/responses` speak the dialects of OpenAI, streaming where asked. The server lives in the test's process, so it outlives every kill.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// One request that reached the server.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `effect/NAME` or `chat`.
    pub what: String,
    /// Its `Idempotency-Key`.
    pub key: Option<String>,
    /// It was answered to the end.
    pub answered: bool,
    /// Its body.
    pub body: String,
}

#[derive(Clone, Default)]
struct Book {
    seen: Arc<Mutex<Vec<Seen>>>,
    delay: Duration,
    failures: Arc<Mutex<BTreeMap<String, Vec<u16>>>>,
}

/// The server; it ends with the test.
pub struct Server {
    address: SocketAddr,
    book: Book,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    /// Starts a server that waits `delay` before each answer.
    ///
    /// # Panics
    /// When loopback cannot be bound.
    #[must_use]
    pub fn start(delay: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let book = Book {
            delay,
            ..Book::default()
        };
        let router = Router::new()
            .route("/effect/{name}", any(effect))
            .route("/v1/chat/completions", post(chat))
            .route("/v1/responses", post(responses))
            .with_state(book.clone());
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        drop(runtime.spawn(async move { axum::serve(listener, router).await }));
        Self {
            address,
            book,
            _runtime: runtime,
        }
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn place(&self) -> String {
        self.address.to_string()
    }

    /// Answers the next requests for `what` with these status codes first.
    ///
    /// # Panics
    /// When a request panicked before.
    pub fn fail_first(&self, what: &str, statuses: &[u16]) {
        self.book
            .failures
            .lock()
            .unwrap()
            .insert(what.to_owned(), statuses.to_vec());
    }

    /// Everything that was asked so far, in order.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen_after(0)
    }

    /// What was asked after the first `count` requests, in order.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn seen_after(&self, count: usize) -> Vec<Seen> {
        let seen = self.book.seen.lock().unwrap();
        seen.get(count..).unwrap_or_default().to_vec()
    }
}

impl Book {
    fn open(&self, what: String, headers: &HeaderMap, body: &[u8]) -> usize {
        let key = headers
            .get("idempotency-key")
            .map(|key| key.to_str().unwrap().to_owned());
        let mut seen = self.seen.lock().unwrap();
        seen.push(Seen {
            what,
            key,
            answered: false,
            body: String::from_utf8_lossy(body).into_owned(),
        });
        seen.len() - 1
    }

    fn next_failure(&self, what: &str) -> Option<StatusCode> {
        let mut failures = self.failures.lock().unwrap();
        let statuses = failures.get_mut(what)?;
        (!statuses.is_empty()).then(|| StatusCode::from_u16(statuses.remove(0)).unwrap())
    }

    fn close(&self, place: usize) -> usize {
        let mut seen = self.seen.lock().unwrap();
        seen[place].answered = true;
        let what = seen[place].what.clone();
        seen.iter().filter(|other| other.what == what).count()
    }
}

async fn effect(
    State(book): State<Book>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let what = format!("effect/{name}");
    let place = book.open(what.clone(), &headers, &body);
    tokio::time::sleep(book.delay).await;
    if let Some(status) = book.next_failure(&what) {
        return (status, "not now").into_response();
    }
    let count = book.close(place);
    Json(json!({ "name": name, "count": count })).into_response()
}

async fn chat(State(book): State<Book>, headers: HeaderMap, body: Bytes) -> Response {
    let place = book.open("chat".to_owned(), &headers, &body);
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    tokio::time::sleep(book.delay).await;
    if let Some(status) = book.next_failure("chat") {
        return (status, [(header::RETRY_AFTER, "0")], "slow down").into_response();
    }
    let usage = json!({ "prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14 });
    let model = asked["model"].as_str().unwrap_or("counting").to_owned();
    let answer = if asked["stream"] == true {
        let chunk = |delta: Value, finish: Value| {
            let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
            format!(
                "data: {}\n\n",
                json!({ "id": "c1", "model": model, "choices": [choice] })
            )
        };
        let mut text: String = ["one ", "two ", "three"]
            .iter()
            .map(|word| chunk(json!({ "content": word }), Value::Null))
            .collect();
        text += &chunk(json!({}), json!("stop"));
        text += &format!(
            "data: {}\n\n",
            json!({ "id": "c1", "model": model, "choices": [], "usage": usage })
        );
        text += "data: [DONE]\n\n";
        ([(header::CONTENT_TYPE, "text/event-stream")], text).into_response()
    } else {
        let message = json!({ "role": "assistant", "content": "one two three" });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        Json(json!({ "id": "c1", "model": model, "choices": [choice], "usage": usage })).into_response()
    };
    book.close(place);
    answer
}

async fn responses(State(book): State<Book>, headers: HeaderMap, body: Bytes) -> Response {
    let place = book.open("responses".to_owned(), &headers, &body);
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    tokio::time::sleep(book.delay).await;
    if let Some(status) = book.next_failure("responses") {
        return (status, [(header::RETRY_AFTER, "0")], "slow down").into_response();
    }
    let model = asked["model"].as_str().unwrap_or("counting");
    let end = response(model, &["one two three"]);
    let answer = if asked["stream"] == true {
        let line = |(number, (name, mut event)): (usize, (&str, Value))| {
            event["type"] = name.into();
            event["sequence_number"] = number.into();
            format!("event: {name}\ndata: {event}\n\n")
        };
        let events = response_events(model, end);
        let text: String = events.into_iter().enumerate().map(line).collect();
        ([(header::CONTENT_TYPE, "text/event-stream")], text).into_response()
    } else {
        Json(end).into_response()
    };
    book.close(place);
    answer
}

fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

/// A message of the responses dialect that says these texts; none yet is one that has begun.
fn message(texts: &[&str]) -> Value {
    let status = if texts.is_empty() {
        "in_progress"
    } else {
        "completed"
    };
    let content: Vec<Value> = texts.iter().map(|text| output_text(text)).collect();
    json!({ "id": "m1", "type": "message", "role": "assistant", "status": status, "content": content })
}

/// A whole response with these texts.
fn response(model: &str, texts: &[&str]) -> Value {
    let (status, output, usage) = if texts.is_empty() {
        ("in_progress", json!([]), Value::Null)
    } else {
        let usage = json!({
            "input_tokens": 11, "output_tokens": 3, "total_tokens": 14,
            "input_tokens_details": { "cached_tokens": 0 }, "output_tokens_details": { "reasoning_tokens": 0 },
        });
        ("completed", json!([message(texts)]), usage)
    };
    json!({
        "id": "r1", "object": "response", "created_at": 1, "status": status, "model": model, "output": output,
        "usage": usage, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "error": null,
        "incomplete_details": null, "instructions": null, "metadata": {}, "temperature": 1.0, "top_p": 1.0,
    })
}

/// The events of a response that ends like that.
fn response_events(model: &str, end: Value) -> Vec<(&'static str, Value)> {
    let with = |field: &str, value: Value| {
        let mut event = json!({ "item_id": "m1", "output_index": 0, "content_index": 0 });
        event[field] = value;
        event
    };
    let item = |texts: &[&str]| json!({ "output_index": 0, "item": message(texts) });
    let said = "one two three";
    let mut events = vec![
        ("response.created", json!({ "response": response(model, &[]) })),
        ("response.output_item.added", item(&[])),
        ("response.content_part.added", with("part", output_text(""))),
    ];
    for word in ["one ", "two ", "three"] {
        events.push(("response.output_text.delta", with("delta", word.into())));
    }
    events.push(("response.output_text.done", with("text", said.into())));
    events.push(("response.content_part.done", with("part", output_text(said))));
    events.push(("response.output_item.done", item(&[said])));
    events.push(("response.completed", json!({ "response": end })));
    events
}
