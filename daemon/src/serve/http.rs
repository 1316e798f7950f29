//! The HTTP door of offers: `/mcp`, and an agent of A2A under `/a2a/NAME` for each offer.
//!
//! Invariants: nothing is answered without a token, and every refusal of one reads alike; a browser's page is no guest,
//! and only the names this door is known by are answered, so no page can reach it by renaming itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use dirigent_config::daemon::ServeSection;
use dirigent_protocol::entity::Over;
use dirigent_protocol::fault::{Code, Fault};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::mcp::Tools;
use super::{Guest, a2a, catalog};
use crate::door::Bearer;
use crate::rpc::{Answers, Caller, House};

/// Largest request, bytes.
const MAX_BODY: usize = 1 << 20;

/// A bound listener; nothing is answered before [`Listening::serve`].
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    url: String,
}

/// Binds where the configuration says; none where nothing is offered over HTTP.
///
/// # Errors
/// The address cannot be had.
pub async fn listen(section: &ServeSection) -> io::Result<Option<Listening>> {
    if section.listen.is_empty() {
        return Ok(None);
    }
    let listener = TcpListener::bind(&section.listen).await?;
    let address = listener.local_addr()?;
    let url = match section.url.trim_end_matches('/') {
        "" => format!("http://{address}"),
        known => known.to_owned(),
    };
    Ok(Some(Listening {
        listener,
        address,
        url,
    }))
}

/// What every request meets.
#[derive(Clone)]
struct Room {
    house: Arc<House>,
    /// How this door is reached from outside.
    url: Arc<str>,
    /// Names it is known by.
    hosts: Arc<[String]>,
    stop: CancellationToken,
}

impl Listening {
    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers until told to stop.
    pub async fn serve(self, house: Arc<House>, stop: CancellationToken) {
        let mut hosts = vec![
            self.address.to_string(),
            format!("localhost:{}", self.address.port()),
        ];
        let outside = self.url.split_once("://").map_or("", |(_, rest)| rest);
        hosts.extend(outside.split('/').next().map(str::to_owned));
        let room = Room {
            house,
            url: self.url.into(),
            hosts: hosts.into(),
            stop: stop.clone(),
        };
        tracing::info!(url = %room.url, "offers are served over HTTP");
        let serving = axum::serve(self.listener, router(room)).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::error!(%error, "offers are served over HTTP no longer");
        }
    }
}

fn router(room: Room) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_cancellation_token(room.stop.child_token())
        .with_max_request_body_bytes(MAX_BODY)
        // Checked in front of it, for every door alike.
        .disable_allowed_hosts();
    let sessions = Arc::new(LocalSessionManager::default());
    let tools = StreamableHttpService::new(|| Ok(Tools::for_requests()), sessions, config);
    Router::new()
        .route_service("/mcp", tools)
        .route("/a2a/{name}", post(call))
        .route("/a2a/{name}/.well-known/agent-card.json", get(card))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(room.clone(), enter))
        .with_state(room)
}

/// Lets a request in whose token is good, and says in whose name it goes on.
async fn enter(State(room): State<Room>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if headers.contains_key(header::ORIGIN)
        || !named.is_some_and(|host| room.hosts.iter().any(|own| own == host))
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(guest) = guest(&room, headers) else {
        let how = [(header::WWW_AUTHENTICATE, "Bearer realm=\"dirigent\"")];
        let fault = Fault::from(crate::door::Denial::Token);
        return (StatusCode::UNAUTHORIZED, how, Json(json!({ "error": fault }))).into_response();
    };
    request.extensions_mut().insert(guest);
    next.run(request).await
}

fn guest(room: &Room, headers: &HeaderMap) -> Option<Guest> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = given.split_once(' ')?;
    let bearer = Bearer::of(secret.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    let (subject, token) = room.house.service.door().bearer(&bearer).ok()?;
    let calls = Answers::new(Arc::clone(&room.house), Caller::Bearer(bearer));
    Some(Guest::new(Arc::new(calls), subject.user, &token.offers))
}

async fn card(
    State(room): State<Room>,
    Extension(guest): Extension<Guest>,
    Path(name): Path<String>,
) -> Response {
    match catalog::entry(&guest, Over::A2a, &name).await {
        Ok(entry) => Json(a2a::card(&entry, &format!("{}/a2a/{name}", room.url))).into_response(),
        Err(fault) => missing(&fault),
    }
}

async fn call(
    State(room): State<Room>,
    Extension(guest): Extension<Guest>,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    match catalog::entry(&guest, Over::A2a, &name).await {
        Ok(entry) => a2a::answer(&guest, &entry, &body, room.stop).await,
        Err(fault) => missing(&fault),
    }
}

fn missing(fault: &Fault) -> Response {
    let status = match fault.code {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Overloaded | Code::StorageFull => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(json!({ "error": fault }))).into_response()
}
