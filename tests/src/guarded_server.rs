//! A server of the Model Context Protocol that takes nobody without a token, and the authority that gives tokens for it,
//! on one port. Its path says how it lies: `/honest/mcp` does not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::model::{serve, serving};

#[derive(Clone)]
struct Book {
    place: Arc<Mutex<String>>,
    seen: Arc<Mutex<Vec<String>>>,
    /// Tokens given so far.
    given: Arc<Mutex<u32>>,
    /// Clients registered so far.
    registered: Arc<Mutex<u32>>,
}

/// The server and the authority; they end with the test.
pub struct GuardedServer {
    address: SocketAddr,
    book: Book,
    _runtime: tokio::runtime::Runtime,
}

impl GuardedServer {
    /// Starts them.
    ///
    /// # Panics
    /// When loopback cannot be bound.
    #[must_use]
    pub fn start() -> Self {
        let runtime = serving();
        let book = Book {
            place: Arc::default(),
            seen: Arc::default(),
            given: Arc::default(),
            registered: Arc::default(),
        };
        let address = serve(&runtime, Router::new().fallback(answer).with_state(book.clone()));
        *book.place.lock().unwrap() = address.to_string();
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

    /// What was asked of it: `METHOD PATH`, with the form of tokens and the token of calls.
    ///
    /// # Panics
    /// When a request panicked before.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.book.seen.lock().unwrap().clone()
    }
}

async fn answer(State(book): State<Book>, request: Request) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20)
        .await
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let at = format!("http://{}", book.place.lock().unwrap());
    let known = path.strip_prefix("/.well-known/").unwrap_or_default();
    let seen = |more: &str| book.seen.lock().unwrap().push(format!("{method} {path} {more}"));
    if let Some(lie) = known.strip_prefix("oauth-protected-resource/") {
        seen("");
        return protected(&at, lie.trim_end_matches("/mcp"));
    }
    if let Some(lie) = known.strip_prefix("oauth-authorization-server/") {
        seen("");
        return authority(&at, lie);
    }
    let Some((lie, rest)) = path.trim_start_matches('/').split_once('/') else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let asked: Value = serde_json::from_str(&text).unwrap_or_default();
    // One of them shows its tools to everybody.
    let open = lie == "shows" && asked["method"] != "tools/call";
    match rest {
        "mcp" if token.is_empty() && !open => challenge(&at, lie),
        "mcp" => {
            if asked["method"] == "tools/call" {
                seen(&token);
            }
            spoken(&asked, &token)
        }
        "register" => {
            seen("");
            let mut registered = book.registered.lock().unwrap();
            *registered += 1;
            let id = if lie == "refuses" {
                json!(null)
            } else {
                json!(format!("registered-{registered}"))
            };
            (StatusCode::CREATED, Json(json!({ "client_id": id }))).into_response()
        }
        "token" => {
            seen(&text);
            if lie == "forgets" && text.contains("client_id=registered-1") && text.contains("refresh_token=")
            {
                let error = json!({ "error": "invalid_client" });
                return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
            }
            tokens(&book, &text)
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn challenge(at: &str, lie: &str) -> Response {
    let where_it_is = match lie {
        "silent" => return StatusCode::UNAUTHORIZED.into_response(),
        "elsewhere" => "http://127.0.0.1:9/.well-known/oauth-protected-resource".to_owned(),
        _ => format!("{at}/.well-known/oauth-protected-resource/{lie}/mcp"),
    };
    let said = format!("Bearer resource_metadata=\"{where_it_is}\", scope=\"tools\"");
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, said)]).into_response()
}

fn protected(at: &str, lie: &str) -> Response {
    let issuer = match lie {
        "silent" => return StatusCode::NOT_FOUND.into_response(),
        "loop" => {
            let back = format!("{at}/.well-known/oauth-protected-resource/loop/mcp");
            return (StatusCode::FOUND, [(header::LOCATION, back)]).into_response();
        }
        "huge" => return Json(json!({ "resource": "x".repeat(300 << 10) })).into_response(),
        "garbage" => return "<html>".into_response(),
        "nobody" => return Json(json!({ "resource": format!("{at}/{lie}/mcp") })).into_response(),
        "internal" => "https://169.254.169.254/latest".to_owned(),
        "plain" => "http://authority.example".to_owned(),
        _ => format!("{at}/{lie}"),
    };
    let resource = match lie {
        "another" => "https://bank.example/mcp".to_owned(),
        _ => format!("{at}/{lie}/mcp"),
    };
    Json(json!({ "resource": resource, "authorization_servers": [issuer] })).into_response()
}

fn authority(at: &str, lie: &str) -> Response {
    let mut said = json!({
        "issuer": format!("{at}/{lie}"),
        "authorization_endpoint": format!("{at}/{lie}/authorize"),
        "token_endpoint": format!("{at}/{lie}/token"),
        "registration_endpoint": format!("{at}/{lie}/register"),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
    });
    match lie {
        "issuer" => said["issuer"] = "https://bank.example".into(),
        "tokens_inside" => said["token_endpoint"] = "https://10.0.0.1/token".into(),
        "script" => said["authorization_endpoint"] = "javascript:alert(1)".into(),
        "no_proof" => said["code_challenge_methods_supported"] = json!(["plain"]),
        "unknown" => said["registration_endpoint"] = json!(null),
        _ => {}
    }
    Json(said).into_response()
}

/// A code is good once, and every refresh token for one round; tokens are over at once, so each call refreshes.
fn tokens(book: &Book, form: &str) -> Response {
    let mut given = book.given.lock().unwrap();
    let wanted = match *given {
        0 => "code=the-code".to_owned(),
        round => format!("refresh_token=refresh-{round}"),
    };
    if !form.contains(&wanted) || !form.contains("resource=") {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    }
    *given += 1;
    Json(json!({
        "access_token": format!("token-{given}"), "token_type": "Bearer", "expires_in": 10,
        "refresh_token": format!("refresh-{given}"),
    }))
    .into_response()
}

/// It says the token that it was given back, as no server should.
fn spoken(asked: &Value, token: &str) -> Response {
    let id = &asked["id"];
    let result = match asked["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "guarded", "version": "1" },
        }),
        "tools/call" => json!({ "content": [{ "type": "text", "text": format!("let in with {token}") }] }),
        "tools/list" => {
            json!({ "tools": [{ "name": "t", "description": "does it", "inputSchema": { "type": "object" } }] })
        }
        _ if id.is_null() => return StatusCode::ACCEPTED.into_response(),
        _ => {
            let error = json!({ "code": -32601, "message": "there is no such method" });
            return Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })).into_response();
        }
    };
    Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
}
