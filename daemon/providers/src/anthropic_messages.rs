//! Dialect `anthropic_messages`: `POST {base_url}/messages`, streamed. Spoken by Anthropic, LiteLLM, llama.cpp and others.
//!
//! Thinking goes back with its signature, redacted thinking with its data. Breakpoints for the prompt cache stand behind
//! what every call of an agent shares (tools, instructions), and behind the last message where the conversation goes on.

mod answer;
mod ask;

use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use self::answer::Answer;
use crate::exchange::{Wire, Without, below};
use crate::{ChatRequest, Secret};

/// Name in the configuration.
pub(crate) const NAME: &str = "anthropic_messages";
/// The only version of this API there is.
const VERSION: &str = "2023-06-01";

/// The dialect.
pub(crate) struct AnthropicMessages;

impl Wire for AnthropicMessages {
    const NAME: &'static str = NAME;
    const OPTIONS: &'static [(&'static str, &'static [&'static str])] = &[
        (ask::FORMAT, &["output_config", "output_format", "json_schema"]),
        (ask::ADAPTIVE, &["adaptive", "effort", "output_config"]),
        (ask::CACHE, &["cache_control"]),
    ];
    type Reader = Answer;

    fn endpoint(base: &Url, _request: &ChatRequest) -> Url {
        below(base, ["messages"])
    }

    fn body(_host: Option<&str>, request: &ChatRequest, without: &Without) -> Value {
        ask::body(request, without)
    }

    fn sign(call: RequestBuilder, key: Option<&Secret>) -> RequestBuilder {
        let call = call.header("anthropic-version", VERSION);
        match key.and_then(|key| HeaderValue::from_str(key.reveal()).ok()) {
            Some(mut key) => {
                key.set_sensitive(true);
                call.header("x-api-key", key)
            }
            None => call,
        }
    }
}
