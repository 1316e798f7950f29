//! A model that does what a script says: OpenAI chat completions on loopback, streaming where asked, tools included.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// What the model says.
#[derive(Debug, Clone)]
pub enum Say {
    /// An answer.
    Text(String),
    /// An answer in pieces, with this pause between two.
    Slowly(Vec<String>, Duration),
    /// Calls of tools, side by side: names and arguments.
    Calls(Vec<(String, Value)>),
}

impl Say {
    /// An answer.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// One call.
    #[must_use]
    pub fn call(name: &str, arguments: Value) -> Self {
        Self::Calls(vec![(name.to_owned(), arguments)])
    }
}

/// One request that came.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its `Idempotency-Key`.
    pub key: String,
    /// Its body.
    pub body: Value,
}

type Script = Arc<dyn Fn(&Value) -> Say + Send + Sync>;

#[derive(Clone)]
struct Book {
    script: Script,
    told: Arc<Mutex<Vec<Told>>>,
    delay: Duration,
}

/// The model; it ends with the test.
pub struct Model {
    address: SocketAddr,
    book: Book,
    _runtime: tokio::runtime::Runtime,
}

impl Model {
    /// Starts one that answers each request after `delay` as the script says of the request's body.
    ///
    /// # Panics
    /// When loopback cannot be bound.
    #[must_use]
    pub fn start(delay: Duration, script: impl Fn(&Value) -> Say + Send + Sync + 'static) -> Self {
        let runtime = serving();
        let book = Book {
            script: Arc::new(script),
            told: Arc::default(),
            delay,
        };
        let router = Router::new()
            .route("/v1/chat/completions", post(chat))
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

    /// Everything it was told so far.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.told_after(0)
    }

    /// What it was told behind the first `count`.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn told_after(&self, count: usize) -> Vec<Told> {
        let told = self.book.told.lock().unwrap();
        told.get(count..).unwrap_or_default().to_vec()
    }
}

/// A runtime for a server of a test.
pub(crate) fn serving() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// Serves on a free port of loopback.
pub(crate) fn serve(runtime: &tokio::runtime::Runtime, router: Router) -> SocketAddr {
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    drop(runtime.spawn(async move { axum::serve(listener, router).await }));
    address
}

async fn chat(State(book): State<Book>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let key = key.unwrap_or_default().to_owned();
    let told = body.clone();
    book.told.lock().unwrap().push(Told { key, body: told });
    tokio::time::sleep(book.delay).await;
    let said = (book.script)(&body);
    let usage = json!({ "prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14 });
    let (message, finish) = match &said {
        Say::Text(text) => (json!({ "role": "assistant", "content": text }), "stop"),
        Say::Slowly(pieces, _) => (json!({ "role": "assistant", "content": pieces.concat() }), "stop"),
        Say::Calls(calls) => (
            json!({ "role": "assistant", "content": null, "tool_calls": wire(calls) }),
            "tool_calls",
        ),
    };
    let head = json!({ "id": "c1", "model": body["model"] });
    let with = |choice: Value, usage: &Value| {
        let mut whole = head.clone();
        whole["choices"] = json!([choice]);
        whole["usage"] = usage.clone();
        whole
    };
    if body["stream"] != true {
        let choice = json!({ "index": 0, "message": message, "finish_reason": finish });
        return Json(with(choice, &usage)).into_response();
    }
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        format!("data: {}\n\n", with(choice, &Value::Null))
    };
    let end = chunk(json!({}), json!(finish))
        + &format!(
            "data: {}\n\n",
            json!({ "id": "c1", "model": body["model"], "choices": [], "usage": usage })
        )
        + "data: [DONE]\n\n";
    let (pieces, pause) = match said {
        Say::Slowly(pieces, pause) => {
            let piece = |text: String| chunk(json!({ "content": text }), Value::Null);
            (pieces.into_iter().map(piece).chain([end]).collect(), pause)
        }
        _ => (vec![chunk(message, Value::Null) + &end], Duration::ZERO),
    };
    let stream = futures::stream::unfold(pieces.into_iter(), move |mut rest| async move {
        let piece = rest.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, std::io::Error>(piece), rest))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(stream),
    )
        .into_response()
}

fn wire(calls: &[(String, Value)]) -> Value {
    let one = |(n, (name, arguments)): (usize, &(String, Value))| {
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        json!({ "index": n, "id": format!("call_{n}"), "type": "function", "function": function })
    };
    calls.iter().enumerate().map(one).collect()
}
