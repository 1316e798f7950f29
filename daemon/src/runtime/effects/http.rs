//! `call: http`: one request, its key sent as `Idempotency-Key`, no address reached that is not public or listed.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::run::{EffectKind, EffectOutcome, EffectRequest, HttpCall, Usage, WorkflowError};
use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, Url, redirect};
use serde_json::Value;

use super::egress::{Egress, Refused};
use super::http_answer::{self, BodyError};
use super::performer::{Call, Means, Performer, failed, misdirected, refused};
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::swap::Swap;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The daemon's limit where the call names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
const MAX_REDIRECTS: usize = 5;
const KEY_HEADER: &str = "idempotency-key";

struct Http {
    egress: Egress,
    /// Follows nothing.
    plain: reqwest::Client,
    /// Follows redirects, each checked.
    following: reqwest::Client,
    policy: Arc<Swap<Policy>>,
}

pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    let egress = means.egress.clone();
    let plain = client(&egress, redirect::Policy::none)?;
    let following = client(&egress, || checked_redirects(egress.clone()))?;
    Ok(Box::new(Http {
        egress,
        plain,
        following,
        policy: means.policy.clone(),
    }))
}

fn client(egress: &Egress, policy: impl Fn() -> redirect::Policy) -> Result<reqwest::Client, RuntimeError> {
    let builder = || {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(policy())
            .dns_resolver(egress.resolver())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("dirigent/", env!("CARGO_PKG_VERSION")))
    };
    builder()
        .build()
        .or_else(|error| {
            // A small machine may have no root certificates: then nobody is trusted, and all but https works.
            tracing::warn!(%error, "no root certificates (package ca-certificates): https reaches nobody");
            builder().tls_certs_only([]).build()
        })
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

impl Performer for Http {
    fn kind(&self) -> EffectKind {
        EffectKind::Http
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            let EffectRequest::Http(wanted) = &call.request else {
                return misdirected();
            };
            let request = match self.request(wanted, &call.key) {
                Ok(request) => request,
                Err(outcome) => return *outcome,
            };
            let limit = wanted.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
            tokio::select! {
                biased;
                () = call.cancel.cancelled() => EffectOutcome::Cancelled,
                outcome = tokio::time::timeout(limit, self.exchange(wanted, request)) => outcome
                    .unwrap_or_else(|_| EffectOutcome::Unknown {
                        reason: format!("no complete answer within {} ms", limit.as_millis()),
                    }),
            }
        })
    }
}

impl Http {
    fn request(&self, wanted: &HttpCall, key: &Arc<str>) -> Result<reqwest::Request, Box<EffectOutcome>> {
        let bad = |what: &str, detail: String| Box::new(refused("validation", 400, what, detail));
        let url = Url::parse(&wanted.uri)
            .map_err(|error| bad("Bad address", format!("`{}`: {error}", wanted.uri)))?;
        self.egress
            .check(&url)
            .map_err(|refusal| Box::new(not_allowed(&refusal)))?;
        let method = Method::from_bytes(wanted.method.to_ascii_uppercase().as_bytes())
            .map_err(|_| bad("Bad method", format!("`{}` is not an HTTP method", wanted.method)))?;
        let mut request = reqwest::Request::new(method, url);
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

    async fn exchange(&self, wanted: &HttpCall, request: reqwest::Request) -> EffectOutcome {
        let client = if wanted.redirect {
            &self.following
        } else {
            &self.plain
        };
        let response = match client.execute(request).await {
            Ok(response) => response,
            Err(error) => return without_answer(&error),
        };
        self.answer(wanted, response).await
    }

    async fn answer(&self, wanted: &HttpCall, response: Response) -> EffectOutcome {
        let status = response.status();
        let good = status.is_success() || (wanted.redirect && status.is_redirection());
        let headers = response.headers().clone();
        let body = http_answer::read(response, self.policy.get().max_output_bytes).await;
        if !good {
            return http_answer::failure(status, &headers, body.ok().as_deref());
        }
        let bytes = match body {
            Ok(bytes) => bytes,
            Err(BodyError::TooLarge { limit }) => {
                let detail = format!("the answer has more than {limit} bytes");
                return refused("runtime", 413, "Answer too large", detail);
            }
            Err(BodyError::Cut(reason)) => return EffectOutcome::Unknown { reason },
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

fn headers(wanted: &HttpCall, key: &Arc<str>) -> Result<HeaderMap, Box<EffectOutcome>> {
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
    if let Ok(value) = HeaderValue::from_str(key) {
        headers.insert(KEY_HEADER, value);
    }
    Ok(headers)
}

fn not_allowed(refusal: &Refused) -> EffectOutcome {
    refused("authorization", 403, "Address not allowed", refusal.to_string())
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
