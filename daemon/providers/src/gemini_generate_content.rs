//! Dialect `gemini_generate_content`: `POST {base_url}/models/MODEL:streamGenerateContent`, streamed. Spoken by Google's
//! Gemini API, LiteLLM and others.
//!
//! Signatures of thinking stand on any part, and go back on the very part they came on; what came in pieces goes back in
//! pieces. A stream has no last word of its own: it is whole once a candidate says why it finished.

mod answer;
mod ask;

use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use self::answer::Answer;
use crate::exchange::{Wire, Without, below};
use crate::{ChatRequest, Secret};

/// Name in the configuration.
pub(crate) const NAME: &str = "gemini_generate_content";

/// The dialect.
pub(crate) struct GeminiGenerateContent;

impl Wire for GeminiGenerateContent {
    const NAME: &'static str = NAME;
    const OPTIONS: &'static [(&'static str, &'static [&'static str])] = &[
        (
            ask::SCHEMA,
            &[
                "json_schema",
                "jsonschema",
                "response schema",
                "response_schema",
                "response mime type",
            ],
        ),
        (ask::THINKING, &["thinking_config", "thinkingconfig", "thinking"]),
    ];
    type Reader = Answer;

    fn endpoint(base: &Url, request: &ChatRequest) -> Url {
        let call = format!("{}:streamGenerateContent", request.model);
        let named = call.split('/');
        let plain = (!call.contains('/')).then_some("models");
        let mut url = below(base, plain.into_iter().chain(named));
        url.set_query(Some("alt=sse"));
        url
    }

    fn body(_host: Option<&str>, request: &ChatRequest, without: &Without) -> Value {
        ask::body(request, without)
    }

    fn sign(call: RequestBuilder, key: Option<&Secret>) -> RequestBuilder {
        match key.and_then(|key| HeaderValue::from_str(key.reveal()).ok()) {
            Some(mut key) => {
                key.set_sensitive(true);
                call.header("x-goog-api-key", key)
            }
            None => call,
        }
    }
}
