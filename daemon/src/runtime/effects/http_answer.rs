//! What becomes of an HTTP answer: the body within its limit, the task's output, or the error.

use std::time::Duration;

use dirigent_protocol::run::{EffectOutcome, HttpCall, Usage, WorkflowError};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::{Map, Value, json};

/// Most of an error's body that is shown.
const DETAIL_CHARS: usize = 500;
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// Used when the header is there and cannot be read.
const GARBAGE_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Why there is no whole body.
#[derive(Debug)]
pub(super) enum BodyError {
    TooLarge { limit: usize },
    Cut(String),
}

/// Reads the body, decoded, up to `limit` bytes.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(BodyError::TooLarge { limit }),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => {
                return Err(BodyError::Cut(format!(
                    "the answer was cut: {}",
                    error.without_url()
                )));
            }
        }
    }
}

/// The task's output in the form the call asks for: `content`, `response` or `raw`.
pub(super) fn output(wanted: &HttpCall, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Value {
    match wanted.output.as_str() {
        "raw" => Value::String(base64(body)),
        "response" => json!({
            "request": { "method": wanted.method, "uri": wanted.uri, "headers": {} },
            "statusCode": status.as_u16(),
            "headers": shown(headers),
            "content": content(headers, body),
        }),
        _ => content(headers, body),
    }
}

/// An answer that is an error: always a known failure.
pub(super) fn failure(status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) -> EffectOutcome {
    let code = status.as_u16();
    let title = status
        .canonical_reason()
        .unwrap_or("The server answered with an error");
    let name = match code {
        401 => "authentication",
        403 => "authorization",
        408 | 504 => "timeout",
        _ => "communication",
    };
    let mut error = WorkflowError::standard(name, code, title);
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        let content = content(headers, body);
        let text = content
            .as_str()
            .map_or_else(|| content.to_string(), ToOwned::to_owned);
        error = error.detail(text.chars().take(DETAIL_CHARS).collect::<String>());
    }
    EffectOutcome::Failed {
        error,
        retryable: status.is_server_error() || matches!(code, 408 | 425 | 429),
        retry_after_ms: retry_after(headers).map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        usage: Usage::default(),
        retry: None,
    }
}

fn content(headers: &HeaderMap, body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let as_json = essence.is_empty() || essence.ends_with("/json") || essence.ends_with("+json");
    if as_json && let Ok(value) = serde_json::from_slice(body) {
        return value;
    }
    Value::String(String::from_utf8_lossy(body).into_owned())
}

fn shown(headers: &HeaderMap) -> Value {
    let mut all = Map::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match all.get_mut(name.as_str()) {
            Some(Value::String(known)) => {
                known.push_str(", ");
                known.push_str(&text);
            }
            _ => {
                all.insert(name.as_str().to_owned(), Value::String(text));
            }
        }
    }
    Value::Object(all)
}

/// Seconds or an HTTP date measured against the answer's own `Date`; anything else counts as 30 s.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().unwrap_or_default().trim();
    let date = || {
        let then = httpdate::parse_http_date(text).ok()?;
        let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
        Some(then.duration_since(now).unwrap_or(Duration::ZERO))
    };
    let wait = text
        .parse()
        .ok()
        .map(Duration::from_secs)
        .or_else(date)
        .unwrap_or(GARBAGE_RETRY_AFTER);
    Some(wait.min(MAX_RETRY_AFTER))
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = (word >> (18 - 6 * place)) & 63;
            let letter = if place <= group.len() {
                DIGITS[digit as usize]
            } else {
                b'='
            };
            text.push(char::from(letter));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn base64_has_its_padding() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn json_is_decoded_and_text_is_not() {
        let json = headers(&[("content-type", "application/problem+json; charset=utf-8")]);
        assert_eq!(content(&json, br#"{"a":1}"#), json!({"a": 1}));
        let text = headers(&[("content-type", "text/plain")]);
        assert_eq!(content(&text, b"12"), json!("12"));
        assert_eq!(content(&json, b"<html>"), json!("<html>"));
        assert_eq!(content(&json, b""), Value::Null);
    }

    #[test]
    fn an_error_answer_is_a_known_failure_that_says_when_to_come_back() {
        let busy = headers(&[("retry-after", "7")]);
        let outcome = failure(StatusCode::TOO_MANY_REQUESTS, &busy, Some(b"slow down"));
        let EffectOutcome::Failed {
            error,
            retryable,
            retry_after_ms,
            ..
        } = outcome
        else {
            panic!()
        };
        assert!(retryable);
        assert_eq!((error.status, retry_after_ms), (429, Some(7_000)));
        assert_eq!(error.detail.as_deref(), Some("slow down"));
        let outcome = failure(StatusCode::NOT_FOUND, &headers(&[]), None);
        assert!(matches!(outcome, EffectOutcome::Failed { retryable: false, .. }));
    }
}
