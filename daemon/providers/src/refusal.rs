//! What a model server says instead of an answer: status, headers and error body to a typed kind.
//!
//! One reading for every dialect: servers of one dialect send each other's error bodies.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use crate::{ModelErrorKind, http, retry_after};

/// Longest text of a provider passed on, in characters.
const MAX_WORDS: usize = 300;
/// Waited when a provider limits the rate and does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// Statuses by the provider's own word, for errors that come without one.
const STATUSES: &[(&str, u16)] = &[
    ("overloaded", 529),
    ("rate_limit", 429),
    ("resource_exhausted", 429),
    ("insufficient_quota", 429),
    ("authentication", 401),
    ("invalid_api_key", 401),
    ("unauthenticated", 401),
    ("permission", 403),
    ("billing", 402),
    ("not_found", 404),
    ("request_too_large", 413),
    ("context_length", 400),
    ("context_size", 400),
    ("invalid", 400),
    ("timeout", 504),
    ("deadline_exceeded", 504),
    ("unavailable", 503),
];

/// Why a call ended early, with the provider's words.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ModelErrorKind,
    pub(crate) detail: Option<String>,
}

impl From<ModelErrorKind> for Failure {
    fn from(kind: ModelErrorKind) -> Self {
        Self { kind, detail: None }
    }
}

/// An answer that is not a success.
pub(crate) struct Refusal {
    status: u16,
    retry_after: Option<Duration>,
    location: Option<String>,
    words: Words,
}

/// The error body, whichever shape it has.
#[derive(Default)]
struct Words {
    message: String,
    /// `code`, `type`, `status` and the reasons of its details, in lower case.
    codes: String,
    /// How long to wait, where the body says so.
    retry_delay: Option<Duration>,
}

/// Reads status, headers and the beginning of the body.
pub(crate) async fn read(response: Response) -> Refusal {
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
            ..Words::default()
        },
        |body| Words::of(&body),
    );
    Refusal {
        status,
        retry_after: retry_after.or(words.retry_delay),
        location,
        words,
    }
}

/// An error sent inside an answer that began well. `begun` is true when some of the answer had arrived: then it was not
/// refused at the door, whatever its word for it.
pub(crate) fn inside(error: &Value, begun: bool) -> Failure {
    let words = Words::of(error);
    let code = words.codes.split(' ').find_map(|code| code.parse().ok());
    let named = STATUSES.iter().find(|(word, _)| words.codes.contains(word));
    let status = code
        .filter(|code| (400..600).contains(code))
        .or(named.map(|(_, status)| *status))
        .unwrap_or(500);
    let kind = match kind(status, words.retry_delay, &words) {
        ModelErrorKind::RateLimited { retry_after } if begun => ModelErrorKind::Server {
            status: 500,
            retry_after: Some(retry_after),
        },
        ModelErrorKind::Server {
            status: 503 | 529,
            retry_after,
        } if begun => ModelErrorKind::Server {
            status: 500,
            retry_after,
        },
        kind => kind,
    };
    Failure {
        kind,
        detail: Some(words.message),
    }
}

impl Refusal {
    /// The words of a server that does not accept something about the request.
    pub(crate) fn complaint(&self) -> Option<&str> {
        matches!(self.status, 400 | 422).then_some(self.words.message.as_str())
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
        let kind = kind(refusal.status, refusal.retry_after, &refusal.words);
        // A refused key is the one case in which providers quote it back, shortened in ways no redaction knows.
        let quotes_key = matches!(kind, ModelErrorKind::AuthRefused { .. });
        Self {
            kind,
            detail: (!quotes_key).then_some(refusal.words.message),
        }
    }
}

impl Words {
    /// Reads `{"error": {"message", "type", "code", "status"}}`, `{"error": "..."}`, `{"message"}`, `{"detail"}`, one of
    /// them in a list, and the like.
    fn of(body: &Value) -> Self {
        let body = body.get(0).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let message = ["message", "detail", "error"]
            .iter()
            .find_map(|key| error.get(key))
            .unwrap_or(error);
        let details = error.get("details").and_then(Value::as_array);
        let details = || details.into_iter().flatten();
        let reasons = details().filter_map(|detail| detail.get("reason"));
        let codes = ["code", "type", "status"]
            .iter()
            .filter_map(|key| error.get(key))
            .chain(reasons)
            .map(text)
            .collect::<Vec<_>>()
            .join(" ");
        let delay = details().find_map(|detail| detail.get("retryDelay")?.as_str()?.strip_suffix('s'));
        Self {
            message: text(message),
            codes: codes.to_lowercase(),
            retry_delay: delay.and_then(|delay| retry_after::parse(Some(delay), None)),
        }
    }

    fn says(&self, any: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        any.iter().any(|words| message.contains(words))
    }

    fn is_context_too_long(&self) -> bool {
        self.codes.contains("context_length")
            || self.codes.contains("context_size")
            || self.says(&[
                "context length",
                "context window",
                "context size",
                "maximum context",
                "prompt is too long",
                "input token count",
                "exceed context limit",
            ])
    }

    fn is_unknown_model(&self) -> bool {
        let missing = self.says(&["model"]) && self.says(&["not found", "does not exist"]);
        // Anthropic answers with the bare name behind `model:`.
        let bare = self.codes.contains("not_found") && self.says(&["model:"]);
        missing || bare || self.says(&["invalid model name"]) || self.codes.contains("model_not_found")
    }

    fn is_quota(&self) -> bool {
        self.codes.contains("insufficient_quota") || self.says(&["credit balance is too low"])
    }
}

fn kind(status: u16, retry_after: Option<Duration>, words: &Words) -> ModelErrorKind {
    match status {
        // The key is a good one that may not use this model: another key is not what helps.
        403 if words.codes.contains("model_not_found") || words.says(&["model"]) => {
            ModelErrorKind::UnknownModel
        }
        401 | 403 => ModelErrorKind::AuthRefused { status },
        400 if words.codes.contains("api_key_invalid") => ModelErrorKind::AuthRefused { status },
        402 => ModelErrorKind::QuotaExhausted,
        400 | 429 if words.is_quota() => ModelErrorKind::QuotaExhausted,
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
pub(crate) fn clip(text: &str) -> String {
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

    fn of(status: u16, body: &Value) -> ModelErrorKind {
        let words = Words::of(body);
        kind(status, words.retry_delay, &words)
    }

    #[test]
    fn the_fields_error_bodies_are_told_apart() {
        let context = json!({"error": {"message": "too long", "code": "context_length_exceeded"}});
        assert_eq!(of(400, &context), ModelErrorKind::ContextTooLong);
        let llama = json!({"error": {"code": 400, "message": "the request exceeds the available context size",
            "type": "exceed_context_size_error"}});
        assert_eq!(of(400, &llama), ModelErrorKind::ContextTooLong);
        let ollama = json!({"error": {"message": "model \"x\" not found, try pulling it first"}});
        assert_eq!(of(404, &ollama), ModelErrorKind::UnknownModel);
        let litellm = json!({"error": {"message": "/chat/completions: Invalid model name passed in model=x", "code": "400"}});
        assert_eq!(of(400, &litellm), ModelErrorKind::UnknownModel);
        let quota =
            json!({"error": {"message": "m", "type": "insufficient_quota", "code": "insufficient_quota"}});
        assert_eq!(of(429, &quota), ModelErrorKind::QuotaExhausted);
        let wait = ModelErrorKind::RateLimited {
            retry_after: DEFAULT_WAIT,
        };
        assert_eq!(of(429, &json!({})), wait);
        let overloaded = ModelErrorKind::Server {
            status: 529,
            retry_after: None,
        };
        assert_eq!(of(529, &json!("x")), overloaded);
        let detail = json!({"detail": "Not Found"});
        assert_eq!(of(404, &detail), ModelErrorKind::BadRequest { status: 404 });
    }

    #[test]
    fn a_key_that_may_not_use_a_model_is_not_a_wrong_key() {
        let barred = json!({"error": {"message": "You do not have access to this model.", "code": 403}});
        assert_eq!(of(403, &barred), ModelErrorKind::UnknownModel);
        let wrong = json!({"error": {"message": "The key was revoked."}});
        assert_eq!(of(403, &wrong), ModelErrorKind::AuthRefused { status: 403 });
        assert_eq!(of(401, &barred), ModelErrorKind::AuthRefused { status: 401 });
    }

    #[test]
    fn anthropic_and_google_have_words_of_their_own() {
        let error = |kind: &str, message: &str| {
            json!({"type": "error",
            "error": {"type": kind, "message": message}, "request_id": "req_1"})
        };
        let unknown = error("not_found_error", "model: claude-nope");
        assert_eq!(of(404, &unknown), ModelErrorKind::UnknownModel);
        let long = error(
            "invalid_request_error",
            "prompt is too long: 209000 tokens > 200000 maximum",
        );
        assert_eq!(of(400, &long), ModelErrorKind::ContextTooLong);
        let poor = error(
            "invalid_request_error",
            "Your credit balance is too low to access",
        );
        assert_eq!(of(400, &poor), ModelErrorKind::QuotaExhausted);

        let limited = json!([{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}]}}]);
        let retry_after = Duration::from_secs(34);
        assert_eq!(of(429, &limited), ModelErrorKind::RateLimited { retry_after });
        let key = json!({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
            "details": [{"reason": "API_KEY_INVALID"}]}});
        assert_eq!(of(400, &key), ModelErrorKind::AuthRefused { status: 400 });
        let unknown = json!({"error": {"code": 404, "status": "NOT_FOUND",
            "message": "models/nope is not found for API version v1beta"}});
        assert_eq!(of(404, &unknown), ModelErrorKind::UnknownModel);
    }

    #[test]
    fn an_error_inside_an_answer_is_a_refusal_only_before_its_first_word() {
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        let status = |status| ModelErrorKind::Server {
            status,
            retry_after: None,
        };
        assert_eq!(inside(&error, false).kind, status(529));
        assert_eq!(inside(&error, true).kind, status(500));
        let limited = json!({"code": "rate_limit_exceeded", "message": "slow down"});
        assert!(matches!(
            inside(&limited, false).kind,
            ModelErrorKind::RateLimited { .. }
        ));
        assert!(matches!(
            inside(&limited, true).kind,
            ModelErrorKind::Server { status: 500, .. }
        ));
    }

    #[test]
    fn words_of_a_provider_cannot_drive_a_terminal() {
        assert_eq!(clip("a\u{1b}[2J\nb\t\u{7}c"), "a [2J b c");
        assert_eq!(clip(&"ä".repeat(400)).chars().count(), 301);
    }
}
