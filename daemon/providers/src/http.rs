//! HTTP below every dialect: one client per provider, phases with time limits, a body with a size limit.
//!
//! Invariant: a redirect is followed only inside the origin it came from and only when it keeps the request as it is
//! (307, 308); every other one is an error, so no key travels to a host that was not configured.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::trust::trusting;
use crate::{ConnectFault, LimitKind, ModelErrorKind, Phase, Timeouts};

/// Largest body read in one call, in bytes after decompression.
pub(crate) const MAX_BODY: usize = 64 * 1024 * 1024;
/// Largest part of an error body read.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Longest time spent on an error body.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);
/// Idle connections are kept shorter than the shortest habit of the field's servers (5 s), so that a request is not
/// written into a connection the server is just closing: that would leave its outcome unknown.
const IDLE: Duration = Duration::from_secs(4);
const MAX_REDIRECTS: usize = 3;
const AGENT: &str = concat!("dirigent/", env!("CARGO_PKG_VERSION"));

/// An http(s) URL with a host and without a user or password; `None` otherwise.
pub(crate) fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim().trim_end_matches('/')).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

/// A client for one provider.
pub(crate) fn client(base: &Url, connect: Duration) -> Result<Client, reqwest::Error> {
    let builder = trusting(Client::builder())
        .user_agent(AGENT)
        .connect_timeout(connect)
        .referer(false)
        .pool_idle_timeout(IDLE)
        .redirect(Policy::custom(redirect));
    // A proxy in the environment is for the outside; it cannot reach this machine's own loopback.
    if is_loopback(base) {
        builder.no_proxy()
    } else {
        builder
    }
    .build()
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same_origin = attempt
        .previous()
        .last()
        .is_some_and(|from| from.origin() == attempt.url().origin());
    let same_request = matches!(attempt.status().as_u16(), 307 | 308);
    if same_origin && same_request && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// The time limits of one running call.
pub(crate) struct Clock {
    limits: Timeouts,
    first_byte: Instant,
    total: Instant,
}

impl Clock {
    pub(crate) fn start(limits: Timeouts) -> Self {
        let now = Instant::now();
        Self {
            limits,
            first_byte: now + limits.first_byte,
            total: now + limits.total,
        }
    }

    /// The next deadline and what it means to miss it.
    fn next(&self, phase: Phase) -> (Instant, ModelErrorKind) {
        let (at, after) = match phase {
            Phase::Silence => (Instant::now() + self.limits.silence, self.limits.silence),
            _ => (self.first_byte, self.limits.first_byte),
        };
        if self.total < at {
            (
                self.total,
                ModelErrorKind::Timeout {
                    phase: Phase::Total,
                    after: self.limits.total,
                },
            )
        } else {
            (at, ModelErrorKind::Timeout { phase, after })
        }
    }
}

/// Sends a request and waits for the headers of its answer.
pub(crate) async fn send(
    request: RequestBuilder,
    clock: &Clock,
    connect: Duration,
) -> Result<Response, ModelErrorKind> {
    let (deadline, late) = clock.next(Phase::FirstByte);
    match timeout_at(deadline, request.send()).await {
        Err(_) => Err(late),
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(sending_failed(&error, connect)),
    }
}

fn sending_failed(error: &reqwest::Error, connect: Duration) -> ModelErrorKind {
    if !error.is_connect() {
        return ModelErrorKind::Cut;
    }
    if error.is_timeout() {
        return ModelErrorKind::Timeout {
            phase: Phase::Connect,
            after: connect,
        };
    }
    ModelErrorKind::Connect {
        fault: connect_fault(error),
    }
}

fn connect_fault(error: &reqwest::Error) -> ConnectFault {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return ConnectFault::Refused;
        }
        // The libraries below have no typed errors for these two; their words are stable.
        let words = cause.to_string();
        if words.contains("dns error") {
            return ConnectFault::Name;
        }
        if words.contains("certificate") || words.contains("tls") || words.contains("handshake") {
            return ConnectFault::Tls;
        }
        source = cause.source();
    }
    ConnectFault::Other
}

/// A body being read: in time, and within [`MAX_BODY`].
pub(crate) struct Body<'a> {
    response: Response,
    clock: &'a Clock,
    read: usize,
    /// When waiting for more stops being worth it, once that is known.
    enough: Option<Instant>,
}

impl<'a> Body<'a> {
    pub(crate) fn new(response: Response, clock: &'a Clock) -> Self {
        Self {
            response,
            clock,
            read: 0,
            enough: None,
        }
    }

    /// From now on waits at most `time` in all: what is still to come is welcome but not needed.
    pub(crate) fn hurry(&mut self, time: Duration) {
        self.enough.get_or_insert(Instant::now() + time);
    }

    /// The next bytes, never empty; `None` at the proper end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, ModelErrorKind> {
        loop {
            let phase = if self.read == 0 {
                Phase::FirstByte
            } else {
                Phase::Silence
            };
            let (deadline, late) = self.clock.next(phase);
            let deadline = self.enough.map_or(deadline, |enough| enough.min(deadline));
            let chunk = match timeout_at(deadline, self.response.chunk()).await {
                Err(_) => return Err(late),
                Ok(Ok(None)) => return Ok(None),
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Err(error)) if error.is_decode() && !is_cut(&error) => {
                    return Err(ModelErrorKind::BadResponse {
                        reason: "the body cannot be decompressed",
                    });
                }
                Ok(Err(_)) => return Err(ModelErrorKind::Cut),
            };
            self.read += chunk.len();
            if self.read > MAX_BODY {
                return Err(ModelErrorKind::TooLarge {
                    what: LimitKind::Body,
                    limit: MAX_BODY,
                });
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    /// Everything after `first`.
    pub(crate) async fn rest(&mut self, first: Bytes) -> Result<Vec<u8>, ModelErrorKind> {
        let mut whole = first.to_vec();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }
}

/// Whether a transport error lies below what looks like a decoding one.
fn is_cut(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause
            .downcast_ref::<reqwest::Error>()
            .is_some_and(reqwest::Error::is_body)
        {
            return true;
        }
        let words = cause.to_string();
        if words.contains("connection") || words.contains("reading a body") || words.contains("end of file") {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The beginning of an error body: as much as comes in 5 s, at most 64 KiB.
pub(crate) async fn error_body(mut response: Response) -> Vec<u8> {
    let deadline = Instant::now() + ERROR_BODY_TIME;
    let mut body = Vec::new();
    while let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await {
        let room = MAX_ERROR_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ERROR_BODY {
            break;
        }
    }
    body
}

/// A client for probing loopback.
pub(crate) fn probe_client() -> Option<Client> {
    Client::builder()
        .user_agent(AGENT)
        .no_proxy()
        .redirect(Policy::none())
        .tls_certs_only([])
        .build()
        .ok()
}

/// A JSON document of at most 1 MiB, for probes: anything unexpected is `None`.
pub(crate) async fn small_json(client: &Client, url: &str) -> Option<Value> {
    let mut response = client.get(url).send().await.ok()?.error_for_status().ok()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > 1024 * 1024 {
            return None;
        }
    }
    serde_json::from_slice(&body).ok()
}
