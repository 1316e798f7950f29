//! A server of the Model Context Protocol over streamable HTTP whose tools can be changed while it runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::model::{serve, serving};

#[derive(Clone)]
struct Book {
    tools: Arc<Mutex<Value>>,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

/// The server; it ends with the test. Every tool answers with its name and its arguments.
pub struct McpServer {
    address: SocketAddr,
    book: Book,
    _runtime: tokio::runtime::Runtime,
}

impl McpServer {
    /// Starts one with these tools, as `tools/list` gives them.
    ///
    /// # Panics
    /// When loopback cannot be bound.
    #[must_use]
    pub fn start(tools: Value) -> Self {
        let runtime = serving();
        let book = Book {
            tools: Arc::new(Mutex::new(tools)),
            calls: Arc::default(),
        };
        let router = Router::new().route("/mcp", post(answer)).with_state(book.clone());
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

    /// From now on it has these.
    ///
    /// # Panics
    /// When a request panicked before.
    pub fn set_tools(&self, tools: Value) {
        *self.book.tools.lock().unwrap() = tools;
    }

    /// Calls of tools so far.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.book.calls.lock().unwrap().clone()
    }
}

async fn answer(State(book): State<Book>, Json(asked): Json<Value>) -> Response {
    let (id, params) = (&asked["id"], &asked["params"]);
    let result = match asked["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": params["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "scripted", "version": "1" },
        }),
        "tools/list" => json!({ "tools": *book.tools.lock().unwrap() }),
        "tools/call" => {
            let (name, arguments) = (&params["name"], &params["arguments"]);
            let name = name.as_str().unwrap_or_default().to_owned();
            book.calls.lock().unwrap().push((name.clone(), arguments.clone()));
            json!({ "content": [{ "type": "text", "text": format!("{name} {arguments}") }] })
        }
        "ping" => json!({}),
        method if method.starts_with("notifications/") => return StatusCode::ACCEPTED.into_response(),
        method => {
            let error = json!({ "code": -32601, "message": format!("there is no method {method}") });
            return Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })).into_response();
        }
    };
    Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
}
