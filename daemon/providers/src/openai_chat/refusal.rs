//! What a server of `openai_chat` says instead of an answer: status, headers and error body to a typed kind.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use crate::{ModelErrorKind, http, retry_after};

/// Longest text of a provider passed on, in characters.
const MAX_WORDS: usize = 300;
/// Waited when a provider limits the rate and does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// Why a call ended early, with the provider's words.
pub(super) struct Failure {
    pub(super) kind: ModelErrorKind,
    pub(super) detail: Option<String>,
}

impl From<ModelErrorKind> for Failure {
    fn from(kind: ModelErrorKind) -> Self {
        Self { kind, detail: None }
    }
}

/// An answer that is not a success.
pub(super) struct Refusal {
    status: u16,
    retry_after: Option<Duration>,
    location: Option<String>,
    words: Words,
}

/// The error body, whichever shape it has.
#[derive(Default)]
struct Words {
    message: String,
    /// `code` and `type`, in lower case.
    codes: String,
}

/// Reads status, headers and the beginning of the body.
pub(super) async fn read(response: Response) -> Refusal {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = retry_after::parse(header("retry-after"), header("date"));
    let location = header("location").map(|to| match response.url().join(to) {
        Ok(url) => url.host_str().map_or_else(|| "nowhere".to_owned(), str::to_owned),
        Err(_) => "nowhere".to_owned(),
    });
    let status = response.status().as_u16();
    let body = http::error_body(response).await;
    let words = serde_json::from_slice::<Value>(&body).map_or_else(
        |_| Words {
            message: String::from_utf8_lossy(&body).into_owned(),
            codes: String::new(),
        },
        |body| Words::of(&body),
    );
    Refusal {
        status,
        retry_after,
        location,
        words,
    }
}

/// An error sent as an event of a stream that began well.
pub(super) fn inside_stream(error: &Value) -> (ModelErrorKind, Option<String>) {
    let words = Words::of(error);
    let code = error
        .get("code")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok());
    let status = code.filter(|code| (400..600).contains(code)).unwrap_or(500);
    (kind(status, None, &words), Some(words.message))
}

impl Refusal {
    /// True when the server says that it does not know `stream_options`.
    pub(super) fn blames_stream_options(&self) -> bool {
        matches!(self.status, 400 | 422) && self.words.message.contains("stream_options")
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        if (300..400).contains(&refusal.status) {
            let to = refusal
                .location
                .map_or_else(|| "nowhere".to_owned(), |to| clip(&to));
            return ModelErrorKind::Redirected { to: to.into() }.into();
        }
        // A refused key is the one case in which providers quote it back, shortened in ways no redaction knows.
        let quotes_key = matches!(refusal.status, 401 | 403);
        let kind = kind(refusal.status, refusal.retry_after, &refusal.words);
        Self {
            kind,
            detail: (!quotes_key).then_some(refusal.words.message),
        }
    }
}

impl Words {
    /// Reads `{"error": {"message", "type", "code"}}`, `{"error": "..."}`, `{"message"}`, `{"detail"}` and the like.
    fn of(body: &Value) -> Self {
        let error = body.get("error").unwrap_or(body);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let message = ["message", "detail", "error"]
            .iter()
            .find_map(|key| error.get(key))
            .unwrap_or(error);
        let codes = ["code", "type"]
            .iter()
            .filter_map(|key| error.get(key))
            .map(text)
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            message: text(message),
            codes: codes.to_lowercase(),
        }
    }

    fn is_context_too_long(&self) -> bool {
        let message = self.message.to_lowercase();
        self.codes.contains("context_length")
            || self.codes.contains("context_size")
            || [
                "context length",
                "context window",
                "context size",
                "maximum context",
                "prompt is too long",
            ]
            .iter()
            .any(|words| message.contains(words))
    }

    fn is_unknown_model(&self) -> bool {
        let message = self.message.to_lowercase();
        let missing = message.contains("model")
            && (message.contains("not found") || message.contains("does not exist"));
        missing || message.contains("invalid model name") || self.codes.contains("model_not_found")
    }
}

fn kind(status: u16, retry_after: Option<Duration>, words: &Words) -> ModelErrorKind {
    match status {
        401 | 403 => ModelErrorKind::AuthRefused { status },
        402 => ModelErrorKind::QuotaExhausted,
        429 if words.codes.contains("insufficient_quota") => ModelErrorKind::QuotaExhausted,
        429 => ModelErrorKind::RateLimited {
            retry_after: retry_after.unwrap_or(DEFAULT_WAIT),
        },
        400 | 413 | 422 | 500 if words.is_context_too_long() => ModelErrorKind::ContextTooLong,
        400 | 404 if words.is_unknown_model() => ModelErrorKind::UnknownModel,
        // These two say "later" although they are 4xx.
        408 | 425 | 500.. => ModelErrorKind::Server { status, retry_after },
        _ => ModelErrorKind::BadRequest { status },
    }
}

/// One line of at most 300 characters without control characters: safe for a terminal and a log.
pub(super) fn clip(text: &str) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let safe = words.collect::<Vec<_>>().join(" ");
    match safe.char_indices().nth(MAX_WORDS) {
        Some((at, _)) => format!("{}…", &safe[..at]),
        None => safe,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fields_error_bodies_are_told_apart() {
        let of = |status, body: Value| kind(status, None, &Words::of(&body));
        let context = json!({"error": {"message": "too long", "code": "context_length_exceeded"}});
        assert_eq!(of(400, context), ModelErrorKind::ContextTooLong);
        let llama = json!({"error": {"code": 400, "message": "the request exceeds the available context size",
            "type": "exceed_context_size_error"}});
        assert_eq!(of(400, llama), ModelErrorKind::ContextTooLong);
        let ollama = json!({"error": {"message": "model \"x\" not found, try pulling it first"}});
        assert_eq!(of(404, ollama), ModelErrorKind::UnknownModel);
        let litellm = json!({"error": {"message": "/chat/completions: Invalid model name passed in model=x", "code": "400"}});
        assert_eq!(of(400, litellm), ModelErrorKind::UnknownModel);
        let quota =
            json!({"error": {"message": "m", "type": "insufficient_quota", "code": "insufficient_quota"}});
        assert_eq!(of(429, quota), ModelErrorKind::QuotaExhausted);
        assert_eq!(
            of(429, json!({})),
            ModelErrorKind::RateLimited {
                retry_after: DEFAULT_WAIT
            }
        );
        assert_eq!(
            of(529, json!("x")),
            ModelErrorKind::Server {
                status: 529,
                retry_after: None
            }
        );
        assert_eq!(
            of(404, json!({"detail": "Not Found"})),
            ModelErrorKind::BadRequest { status: 404 }
        );
    }

    #[test]
    fn words_of_a_provider_cannot_drive_a_terminal() {
        assert_eq!(clip("a\u{1b}[2J\nb\t\u{7}c"), "a [2J b c");
        assert_eq!(clip(&"ä".repeat(400)).chars().count(), 301);
    }
}
