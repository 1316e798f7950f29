//! The one way out over HTTP: requests built, checked, authenticated, sent, and read within their limits.
//!
//! Invariant: no address is reached that is not public or listed, whatever asks for it: a call, a document that
//! describes a call, or an authority that gives tokens.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::run::{EffectOutcome, HttpCall, Resource, Usage, WorkflowError};
use dirigent_providers::trust::trusting;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Response, Url, redirect};
use serde_json::{Value, json};

use super::egress::{Egress, Refused};
use super::http_answer::{self, BodyError};
use super::performer::{Means, failed, refused};
use super::web_auth::Tokens;
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::swap::Swap;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;
const KEY_HEADER: &str = "idempotency-key";
/// The code of a failure whose request may not go where it leads.
const EGRESS_REFUSED: &str = "egress_refused";
/// Its kind, status and title. What the outside answers with has others, whatever stands in its data.
const NOT_ALLOWED: (&str, u16, &str) = ("authorization", 403, "Address not allowed");

/// Why there is no answer, told as the effect's end.
pub(super) type Ended = Box<EffectOutcome>;

/// Clients and what they may do.
pub(super) struct Web {
    pub(super) egress: Egress,
    /// Follows nothing.
    plain: reqwest::Client,
    /// Follows redirects, each checked.
    following: reqwest::Client,
    policy: Arc<Swap<Policy>>,
    pub(super) tokens: Tokens,
    pub(super) data_dir: PathBuf,
}

impl Web {
    pub(super) fn open(means: &Means) -> Result<Self, RuntimeError> {
        let egress = means.egress.clone();
        let plain = client(&egress, redirect::Policy::none())?;
        let following = client(&egress, checked_redirects(egress.clone()))?;
        Ok(Self {
            egress,
            plain,
            following,
            policy: means.policy.clone(),
            tokens: Tokens::default(),
            data_dir: means.data_dir.clone(),
        })
    }

    /// The client that follows nothing, for protocols that bring their own.
    pub(super) fn client(&self) -> &reqwest::Client {
        &self.plain
    }

    /// A request as the call wants it, without who sends it.
    pub(super) fn request(&self, wanted: &HttpCall, key: &str) -> Result<Request, Ended> {
        let bad = |what: &str, detail: String| Box::new(refused("validation", 400, what, detail));
        let url = self.address(&wanted.uri)?;
        let method = Method::from_bytes(wanted.method.to_ascii_uppercase().as_bytes())
            .map_err(|_| bad("Bad method", format!("`{}` is not an HTTP method", wanted.method)))?;
        let mut request = Request::new(method, url);
        *request.headers_mut() = headers(wanted, key)?;
        if let Some(body) = &wanted.body {
            let (bytes, content_type) = match body {
                Value::String(text) => (text.clone().into_bytes(), "text/plain; charset=utf-8"),
                other => (other.to_string().into_bytes(), "application/json"),
            };
            request
                .headers_mut()
                .entry("content-type")
                .or_insert(HeaderValue::from_static(content_type));
            *request.body_mut() = Some(bytes.into());
        }
        Ok(request)
    }

    /// An address that may be reached.
    pub(super) fn address(&self, uri: &str) -> Result<Url, Ended> {
        let url = Url::parse(uri).map_err(|error| {
            let plain = uri.split(['?', '#']).next().unwrap_or_default();
            Box::new(refused(
                "validation",
                400,
                "Bad address",
                format!("`{plain}`: {error}"),
            ))
        })?;
        self.egress
            .check(&url)
            .map_err(|refusal| Box::new(not_allowed(&refusal)))?;
        Ok(url)
    }

    /// Sends a call, as whoever it says, and reads the answer.
    pub(super) async fn perform(&self, wanted: &HttpCall, key: &str) -> EffectOutcome {
        match self.respond(wanted, key).await {
            Ok(response) => self.answer(wanted, response).await,
            Err(ended) => *ended,
        }
    }

    /// The answer to a call, unread.
    pub(super) async fn respond(&self, wanted: &HttpCall, key: &str) -> Result<Response, Ended> {
        let mut request = self.request(wanted, key)?;
        if let Some(sender) = &wanted.authentication {
            request = Box::pin(self.signed(request, sender, wanted.redirect)).await?;
        }
        self.send(request, wanted.redirect).await
    }

    /// Sends a request.
    pub(super) async fn send(&self, request: Request, follow: bool) -> Result<Response, Ended> {
        let client = if follow { &self.following } else { &self.plain };
        client
            .execute(request)
            .await
            .map_err(|error| Box::new(without_answer(&error)))
    }

    /// Something that lies elsewhere, as bytes. Redirects are followed.
    pub(super) async fn fetch(&self, resource: &Resource) -> Result<Vec<u8>, Ended> {
        if let Some(path) = resource.uri.strip_prefix("file:") {
            return self.read_file(path).await;
        }
        let wanted = HttpCall {
            method: "GET".into(),
            uri: resource.uri.clone(),
            redirect: true,
            authentication: resource.authentication.clone(),
            ..HttpCall::default()
        };
        let response = self.respond(&wanted, "").await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http_answer::read(response, self.limit()).await;
        if !status.is_success() {
            return Err(Box::new(http_answer::failure(
                status,
                &headers,
                body.ok().as_deref(),
            )));
        }
        body.map_err(|error| Box::new(unread(error)))
    }

    /// A file of this machine: only where commands may be run, which could read it as well.
    async fn read_file(&self, path: &str) -> Result<Vec<u8>, Ended> {
        let path = format!("/{}", path.trim_start_matches('/'));
        if !self.policy.get().shell {
            let detail = "[run] shell = \"deny\": this daemon reads no files for workflows";
            return Err(Box::new(refused(
                "authorization",
                403,
                "Files are not allowed",
                detail,
            )));
        }
        let limit = self.limit();
        let bytes = tokio::fs::read(&path).await.map_err(|error| {
            Box::new(refused(
                "communication",
                404,
                "Cannot read it",
                format!("{path}: {error}"),
            ))
        })?;
        if bytes.len() > limit {
            let detail = format!("{path} has more than {limit} bytes");
            return Err(Box::new(refused("runtime", 413, "File too large", detail)));
        }
        Ok(bytes)
    }

    /// Largest answer, bytes.
    pub(super) fn limit(&self) -> usize {
        self.policy.get().max_output_bytes
    }

    async fn answer(&self, wanted: &HttpCall, response: Response) -> EffectOutcome {
        let status = response.status();
        let good = status.is_success() || (wanted.redirect && status.is_redirection());
        let headers = response.headers().clone();
        let body = http_answer::read(response, self.limit()).await;
        if !good {
            return http_answer::failure(status, &headers, body.ok().as_deref());
        }
        let bytes = match body {
            Ok(bytes) => bytes,
            Err(error) => return unread(error),
        };
        let output = http_answer::output(wanted, status, &headers, &bytes);
        let facts = BTreeMap::from([
            ("status".to_owned(), status.as_u16().into()),
            ("bytes".to_owned(), bytes.len().into()),
        ]);
        EffectOutcome::Done {
            output: Arc::new(output),
            usage: Usage::default(),
            facts,
        }
    }
}

fn client(egress: &Egress, policy: redirect::Policy) -> Result<reqwest::Client, RuntimeError> {
    trusting(reqwest::Client::builder())
        .no_proxy()
        .redirect(policy)
        .dns_resolver(egress.resolver())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("dirigent/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| RuntimeError::Io {
            what: "set up HTTP".into(),
            source: std::io::Error::other(error),
        })
}

fn checked_redirects(egress: Egress) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        let downgrade = attempt.url().scheme() == "http"
            && attempt
                .previous()
                .last()
                .is_some_and(|from| from.scheme() == "https");
        if attempt.previous().len() > MAX_REDIRECTS {
            return attempt.error("more than 5 redirects");
        }
        if downgrade {
            return attempt.error("a redirect from https to http");
        }
        match egress.check(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(refusal) => attempt.error(refusal),
        }
    })
}

fn headers(wanted: &HttpCall, key: &str) -> Result<HeaderMap, Ended> {
    let mut headers = HeaderMap::new();
    for (name, value) in &wanted.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .zip(HeaderValue::from_str(value).ok());
        let Some((parsed_name, parsed_value)) = parsed else {
            // The value may be a secret: name the header only.
            let detail = format!(
                "header `{}` has a name or value that cannot be sent",
                name.escape_debug()
            );
            return Err(Box::new(refused("validation", 400, "Bad header", detail)));
        };
        headers.insert(parsed_name, parsed_value);
    }
    if let Ok(value) = HeaderValue::from_str(key)
        && !key.is_empty()
    {
        headers.insert(KEY_HEADER, value);
    }
    Ok(headers)
}

fn unread(error: BodyError) -> EffectOutcome {
    match error {
        BodyError::TooLarge { limit } => {
            let detail = format!("the answer has more than {limit} bytes");
            refused("runtime", 413, "Answer too large", detail)
        }
        BodyError::Cut(reason) => EffectOutcome::Unknown { reason },
    }
}

fn not_allowed(refusal: &Refused) -> EffectOutcome {
    let (kind, status, title) = NOT_ALLOWED;
    let mut problem = WorkflowError::standard(kind, status, title).detail(refusal.to_string());
    problem.data = json!({ "code": EGRESS_REFUSED, "place": refusal.place() });
    failed(problem, false)
}

/// Whether a request was refused here because of where it leads; no answer from outside can say so.
pub(super) fn is_refused_here(error: &WorkflowError) -> bool {
    let (kind, status, title) = NOT_ALLOWED;
    let ours = WorkflowError::standard(kind, status, title);
    error.data["code"] == EGRESS_REFUSED
        && (&error.kind, error.status, &error.title) == (&ours.kind, ours.status, &ours.title)
}

/// There is no answer: either nothing was sent, which is a known failure, or nobody knows.
fn without_answer(error: &reqwest::Error) -> EffectOutcome {
    if let Some(refusal) = source_of::<Refused>(error) {
        return not_allowed(refusal);
    }
    if error.is_redirect() {
        return refused("communication", 502, "Redirect refused", told(error));
    }
    if error.is_connect() || error.is_builder() {
        let problem = WorkflowError::standard("communication", 503, "Cannot connect").detail(told(error));
        return failed(problem, error.is_connect());
    }
    EffectOutcome::Unknown {
        reason: format!("the connection ended without an answer: {}", told(error)),
    }
}

fn source_of<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(found) = inner.downcast_ref::<T>() {
            return Some(found);
        }
        source = inner.source();
    }
    None
}

/// The innermost cause, which is what a person needs; the URL with its query is left out.
fn told(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    if text.is_empty() {
        "the request failed".into()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_from_outside_cannot_say_that_it_was_refused_here() {
        let EffectOutcome::Failed { error, .. } = not_allowed(&Refused::NoHost) else {
            panic!("no failure")
        };
        assert!(is_refused_here(&error));
        // What a server of tools says goes into data and title; kind and status are ours.
        for (kind, status, title) in [
            ("runtime", 500, "Address not allowed"),
            ("authorization", 403, "Forbidden"),
        ] {
            let mut forged = WorkflowError::standard(kind, status, title);
            forged.data = json!({ "code": EGRESS_REFUSED, "place": "bank.example:443" });
            assert!(!is_refused_here(&forged), "{kind}");
        }
    }
}
