//! A model that thinks before it speaks: Anthropic's messages, streamed, each thought with its signature.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use crate::model::{serve, serving};

type Script = Arc<dyn Fn(&Value) -> Vec<Value> + Send + Sync>;

#[derive(Clone)]
struct Book {
    script: Script,
    told: Arc<Mutex<Vec<Value>>>,
}

/// The model; it ends with the test.
pub struct Thinker {
    address: SocketAddr,
    book: Book,
    _runtime: tokio::runtime::Runtime,
}

impl Thinker {
    /// Starts one that answers with the blocks that the script says of the request's body.
    ///
    /// # Panics
    /// When loopback cannot be bound.
    #[must_use]
    pub fn start(script: impl Fn(&Value) -> Vec<Value> + Send + Sync + 'static) -> Self {
        let runtime = serving();
        let book = Book {
            script: Arc::new(script),
            told: Arc::default(),
        };
        let router = Router::new()
            .route("/v1/messages", post(messages))
            .with_state(book.clone());
        let address = serve(&runtime, router);
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

    /// The bodies of everything it was asked so far.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn told(&self) -> Vec<Value> {
        self.book.told.lock().unwrap().clone()
    }
}

async fn messages(State(book): State<Book>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    book.told.lock().unwrap().push(body.clone());
    let blocks = (book.script)(&body);
    let calls = blocks.iter().any(|block| block["type"] == "tool_use");
    let stop = if calls { "tool_use" } else { "end_turn" };
    let start = json!({ "id": "msg_1", "type": "message", "role": "assistant", "content": [],
        "model": body["model"], "usage": { "input_tokens": 11, "output_tokens": 1 } });
    let mut events = vec![json!({ "type": "message_start", "message": start })];
    for (index, block) in blocks.iter().enumerate() {
        let (empty, deltas) = pieces(block);
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": empty }));
        let delta = |delta| json!({ "type": "content_block_delta", "index": index, "delta": delta });
        events.extend(deltas.into_iter().map(delta));
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    events.push(json!({ "type": "message_delta", "delta": { "stop_reason": stop },
        "usage": { "output_tokens": 7 } }));
    events.push(json!({ "type": "message_stop" }));
    let line = |event: Value| {
        let name = event["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {event}\n\n")
    };
    let stream: String = events.into_iter().map(line).collect();
    ([(header::CONTENT_TYPE, "text/event-stream")], stream).into_response()
}

/// How a block begins, and what comes of it piece by piece.
fn pieces(block: &Value) -> (Value, Vec<Value>) {
    let halves = |field: &str| {
        let text: Vec<char> = block[field].as_str().unwrap_or_default().chars().collect();
        let (one, two) = text.split_at(text.len() / 2);
        [one, two].map(|half| half.iter().collect::<String>())
    };
    match block["type"].as_str().unwrap_or_default() {
        "thinking" => {
            let thought =
                halves("thinking").map(|half| json!({ "type": "thinking_delta", "thinking": half }));
            let signed = json!({ "type": "signature_delta", "signature": block["signature"] });
            (
                json!({ "type": "thinking", "thinking": "", "signature": "" }),
                thought.into_iter().chain([signed]).collect(),
            )
        }
        "text" => {
            let said = halves("text").map(|half| json!({ "type": "text_delta", "text": half }));
            (json!({ "type": "text", "text": "" }), said.into())
        }
        "tool_use" => {
            let input = block["input"].to_string();
            let whole = json!({ "type": "input_json_delta", "partial_json": input });
            (
                json!({ "type": "tool_use", "id": block["id"], "name": block["name"], "input": {} }),
                vec![whole],
            )
        }
        // What is redacted comes whole.
        _ => (block.clone(), Vec::new()),
    }
}
