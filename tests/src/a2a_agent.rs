//! An agent of the A2A protocol, 0.3 and 1.0, that does what the first word of a message says and counts what it is sent.
//!
//! `done`, `data`, `say` answer; `work` goes on until it is let or called off; `ask` wants words; `sign` wants a sign-in;
//! `fail` and `reject` end badly.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::model::{serve, serving};

/// What it holds of one task.
#[derive(Debug, Clone)]
struct Held {
    state: &'static str,
    words: String,
    artifacts: Vec<Value>,
}

#[derive(Default)]
struct Book {
    card: Value,
    tasks: BTreeMap<String, Held>,
    messages: Vec<Value>,
    looks: usize,
    cancels: Vec<String>,
}

type Shared = Arc<Mutex<Book>>;

/// The agent; it ends with the test.
pub struct A2aAgent {
    address: SocketAddr,
    book: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl A2aAgent {
    /// Starts one that speaks that revision (`0.3` or `1.0`) by its card.
    ///
    /// # Panics
    /// When loopback cannot be bound.
    #[must_use]
    pub fn start(revision: &str) -> Self {
        let runtime = serving();
        let book = Shared::default();
        let router = Router::new()
            .route("/card", get(card))
            .route("/rpc", post(answer))
            .with_state(book.clone());
        let address = serve(&runtime, router);
        let url = format!("http://{address}/rpc");
        book.lock().unwrap().card = match revision {
            "0.3" => {
                json!({ "name": "scripted", "protocolVersion": "0.3.0", "url": url, "preferredTransport": "JSONRPC" })
            }
            _ => json!({ "name": "scripted", "supportedInterfaces": [
                { "url": url, "protocolBinding": "JSONRPC", "protocolVersion": revision },
            ] }),
        };
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

    /// Address of its card.
    #[must_use]
    pub fn card(&self) -> String {
        format!("http://{}/card", self.address)
    }

    /// From now on its card says this.
    ///
    /// # Panics
    /// When a request panicked before.
    pub fn set_card(&self, card: Value) {
        self.book.lock().unwrap().card = card;
    }

    /// Every message it was sent.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        self.book.lock().unwrap().messages.clone()
    }

    /// How often somebody looked at a task.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn looks(&self) -> usize {
        self.book.lock().unwrap().looks
    }

    /// Tasks that were called off.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn cancels(&self) -> Vec<String> {
        self.book.lock().unwrap().cancels.clone()
    }

    /// Every task that works or waits is done now.
    ///
    /// # Panics
    /// When a request panicked before.
    pub fn finish(&self) {
        for held in self.book.lock().unwrap().tasks.values_mut() {
            if matches!(held.state, "working" | "auth-required") {
                *held = done("finished");
            }
        }
    }
}

fn done(text: &str) -> Held {
    Held {
        state: "completed",
        words: String::new(),
        artifacts: vec![json!({ "artifactId": "a", "parts": [{ "kind": "text", "text": text }] })],
    }
}

fn held(state: &'static str, words: &str) -> Held {
    Held {
        state,
        words: words.to_owned(),
        artifacts: Vec::new(),
    }
}

async fn card(State(book): State<Shared>) -> Json<Value> {
    Json(book.lock().unwrap().card.clone())
}

async fn answer(State(book): State<Shared>, Json(asked): Json<Value>) -> Json<Value> {
    let book = &mut *book.lock().unwrap();
    let (id, params) = (&asked["id"], &asked["params"]);
    let newer = book.card["supportedInterfaces"].is_array();
    let names = match newer {
        true => ["SendMessage", "GetTask", "CancelTask"],
        false => ["message/send", "tasks/get", "tasks/cancel"],
    };
    let method = asked["method"].as_str().unwrap_or_default();
    let named = names.iter().position(|name| *name == method);
    let task = params["id"].as_str().unwrap_or_default().to_owned();
    let told = match named {
        Some(0) => send(book, &params["message"], newer),
        Some(1) => {
            book.looks += 1;
            shown(book, &task, newer)
        }
        Some(2) => {
            book.cancels.push(task.clone());
            book.tasks.insert(task.clone(), held("canceled", ""));
            shown(book, &task, newer)
        }
        _ => {
            let error = json!({ "code": -32601, "message": format!("there is no method {method}") });
            return Json(json!({ "jsonrpc": "2.0", "id": id, "error": error }));
        }
    };
    Json(json!({ "jsonrpc": "2.0", "id": id, "result": told }))
}

fn send(book: &mut Book, message: &Value, newer: bool) -> Value {
    book.messages.push(message.clone());
    let text = message["parts"][0]["text"].as_str().unwrap_or_default();
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    if let Some(task) = message["taskId"].as_str() {
        book.tasks.insert(task.to_owned(), done(&format!("told {text}")));
        return wrapped(shown(book, task, newer), newer);
    }
    let task = format!("task-{}", book.messages.len());
    let held = match word {
        "work" => held("working", "on it"),
        "ask" => held("input-required", "which colour?"),
        "sign" => held("auth-required", "sign in at the ledger"),
        "fail" => held("failed", "the disk is gone"),
        "reject" => held("rejected", "not my work"),
        "data" => Held {
            artifacts: vec![json!({ "artifactId": "a", "parts": [{ "kind": "data", "data": { "n": 7 } }] })],
            ..held("completed", "")
        },
        "say" => {
            let said = json!({ "messageId": "m", "role": "agent", "kind": "message",
                "parts": [{ "kind": "text", "text": rest }] });
            return if newer { json!({ "message": said }) } else { said };
        }
        _ => done(&format!("did {rest}")),
    };
    book.tasks.insert(task.clone(), held);
    wrapped(shown(book, &task, newer), newer)
}

fn wrapped(task: Value, newer: bool) -> Value {
    if newer { json!({ "task": task }) } else { task }
}

fn shown(book: &Book, task: &str, newer: bool) -> Value {
    let Some(held) = book.tasks.get(task) else {
        return json!({});
    };
    let state = match newer {
        true => format!("TASK_STATE_{}", held.state.to_uppercase().replace('-', "_")),
        false => held.state.to_owned(),
    };
    let mut status = json!({ "state": state });
    if !held.words.is_empty() {
        status["message"] = json!({ "messageId": "s", "role": "agent",
            "parts": [{ "kind": "text", "text": held.words }] });
    }
    json!({ "id": task, "contextId": "context-1", "kind": "task", "status": status, "artifacts": held.artifacts })
}
