//! The routes of the two public hosts that the kit calls, on loopback: a pet store and a place that checks passwords.

use std::net::SocketAddr;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// Public hosts that the kit names.
const PUBLIC: [&str; 2] = ["https://petstore.swagger.io", "https://httpbin.org"];

/// Both hosts at one address; they end with the test.
pub(crate) struct Hosts {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Hosts {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/v2/swagger.json", get(description))
            .route("/v2/pet/findByStatus", get(by_status))
            .route("/v2/pet/{id}", get(pet))
            .route("/basic-auth/{user}/{password}", get(basic))
            .with_state(address);
        drop(runtime.spawn(async move { axum::serve(listener, router).await }));
        Self {
            address,
            _runtime: runtime,
        }
    }

    pub(crate) fn place(&self) -> String {
        self.address.to_string()
    }

    /// A document that calls these hosts where it called the public ones.
    pub(crate) fn redirect(&self, text: &str) -> String {
        let here = format!("http://{}", self.address);
        PUBLIC
            .iter()
            .fold(text.to_owned(), |text, host| text.replace(host, &here))
    }
}

fn a_pet(id: u64, status: &str) -> Value {
    json!({
        "id": id, "name": format!("pet-{id}"), "status": status, "photoUrls": [], "tags": [],
        "category": { "id": 1, "name": "dogs" },
    })
}

async fn pet(Path(id): Path<String>) -> Response {
    match id.parse() {
        Ok(id) => Json(a_pet(id, "available")).into_response(),
        Err(_) => (
            StatusCode::NOT_FOUND,
            Json(json!({ "code": 404, "message": "no such pet" })),
        )
            .into_response(),
    }
}

async fn by_status(Query(query): Query<std::collections::HashMap<String, String>>) -> Response {
    match query.get("status").map(String::as_str) {
        Some(status @ ("available" | "pending" | "sold")) => {
            Json(json!([a_pet(1, status), a_pet(2, status)])).into_response()
        }
        other => (StatusCode::BAD_REQUEST, format!("status {other:?}")).into_response(),
    }
}

async fn basic(Path((user, password)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let wanted = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
    if given == Some(wanted.as_str()) {
        return Json(json!({ "authenticated": true, "user": user })).into_response();
    }
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, "Basic realm=\"kit\"")],
        "",
    )
        .into_response()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_u32, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4_usize {
            let digit = DIGITS[((group >> (18 - 6 * place)) & 63) as usize];
            text.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

/// What the pet store says of itself, in Swagger 2.0 as the public one does.
async fn description(State(address): State<SocketAddr>) -> Json<Value> {
    Json(json!({
        "swagger": "2.0",
        "info": { "title": "Pets", "version": "1.0.0" },
        "host": address.to_string(),
        "basePath": "/v2",
        "schemes": ["http"],
        "paths": {
            "/pet/findByStatus": { "get": {
                "operationId": "findPetsByStatus",
                "produces": ["application/json"],
                "parameters": [{
                    "name": "status", "in": "query", "required": true, "type": "array",
                    "items": { "type": "string" }, "collectionFormat": "multi",
                }],
                "responses": { "200": { "description": "pets" } },
            } },
            "/pet/{petId}": { "get": {
                "operationId": "getPetById",
                "produces": ["application/json"],
                "parameters": [{ "name": "petId", "in": "path", "required": true, "type": "integer" }],
                "responses": { "200": { "description": "a pet" } },
            } },
        },
    }))
}
