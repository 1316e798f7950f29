//! What servers and authorities say of themselves, fetched: small documents, from addresses that may be reached and that
//! nobody on the way can change.

use dirigent_protocol::run::{EffectOutcome, HttpCall};
use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::super::super::http_answer;
use super::super::super::performer::refused;
use super::super::super::web::{Ended, Web};

/// Largest document, bytes.
const MOST: usize = 256 << 10;

/// A lie, a slip, or something that is missing: the step fails by this name.
pub(super) fn unsound(title: &str, detail: impl Into<String>) -> Ended {
    Box::new(refused("authentication", 401, title, detail))
}

/// Words of a stranger, for a line of ours.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(200).flat_map(char::escape_debug).collect();
    format!("`{short}`")
}

/// Whether an address is one that nobody on the way can read: https, or this machine where the server is on it, too.
pub(super) fn is_private(url: &Url, server: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_here(url) && is_here(server))
}

fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// An address out of a document: absolute, private, and one that may be reached.
pub(super) fn address(web: &Web, text: &str, what: &str, server: &Url) -> Result<Url, Ended> {
    let title = "An address of the authority cannot be used";
    let url =
        Url::parse(text).map_err(|error| unsound(title, format!("{what} {}: {error}", quoted(text))))?;
    if !is_private(&url, server) {
        return Err(unsound(title, format!("{what} {} is not https", quoted(text))));
    }
    if url.fragment().is_some() {
        return Err(unsound(title, format!("{what} {} has a fragment", quoted(text))));
    }
    web.address(text)
}

/// A document; nothing where there is none at that address.
pub(super) async fn fetched(web: &Web, url: &Url, server: &Url) -> Result<Option<Value>, Ended> {
    let wanted = HttpCall {
        method: "GET".into(),
        uri: url.to_string(),
        headers: [("accept".to_owned(), "application/json".to_owned())].into(),
        redirect: true,
        ..HttpCall::default()
    };
    let response = Box::pin(web.respond(&wanted, "")).await.map_err(known)?;
    if !is_private(response.url(), server) {
        let detail = format!(
            "{} leads to {}",
            quoted(url.as_str()),
            quoted(response.url().as_str())
        );
        return Err(unsound("A description is not where it should be", detail));
    }
    let (status, headers) = (response.status(), response.headers().clone());
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        return Ok(None);
    }
    let body = http_answer::read(response, MOST).await.map_err(|_| {
        let detail = format!(
            "{} has more than {MOST} bytes, or ends early",
            quoted(url.as_str())
        );
        unsound("A description is too large", detail)
    })?;
    if !status.is_success() {
        return Err(Box::new(http_answer::failure(status, &headers, Some(&body))));
    }
    let found: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !found.is_object() {
        let detail = format!("what is at {} is no JSON object", quoted(url.as_str()));
        return Err(unsound("A description cannot be read", detail));
    }
    Ok(Some(found))
}

/// Asking for a description changes nothing: that nobody knows how it ended is a failure that may be tried again.
pub(super) fn known(ended: Ended) -> Ended {
    let EffectOutcome::Unknown { reason } = *ended else {
        return ended;
    };
    let problem = dirigent_protocol::run::WorkflowError::standard("communication", 503, "No answer");
    Box::new(super::super::super::performer::failed(
        problem.detail(reason),
        true,
    ))
}

/// Texts of a list.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?.iter().filter_map(Value::as_str);
    Some(items.take(64).map(str::to_owned).collect())
}
