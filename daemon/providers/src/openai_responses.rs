//! Dialect `openai_responses`: `POST {base_url}/responses`, streamed. Spoken by OpenAI, LiteLLM, vLLM, llama.cpp and others.
//!
//! Nothing is stored at the provider (`store: false`): the whole conversation goes with every call, and thinking goes
//! back as the items it came in, encrypted. Calls go back with their ids.

mod answer;
mod ask;

use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use self::answer::Answer;
use crate::exchange::{Wire, Without, below};
use crate::{ChatRequest, Secret};

/// Name in the configuration.
pub(crate) const NAME: &str = "openai_responses";

/// The dialect.
pub(crate) struct OpenAiResponses;

impl Wire for OpenAiResponses {
    const NAME: &'static str = NAME;
    const OPTIONS: &'static [(&'static str, &'static [&'static str])] = &[
        (
            ask::ENCRYPTED,
            &["encrypted content", "encrypted_content", "include"],
        ),
        (ask::FORMAT, &["text.format", "json_schema", "response_format"]),
        (ask::EFFORT, &["reasoning"]),
    ];
    type Reader = Answer;

    fn endpoint(base: &Url, _request: &ChatRequest) -> Url {
        below(base, ["responses"])
    }

    fn body(_host: Option<&str>, request: &ChatRequest, without: &Without) -> Value {
        ask::body(request, without)
    }

    fn sign(call: RequestBuilder, key: Option<&Secret>) -> RequestBuilder {
        match key {
            Some(key) => call.bearer_auth(key.reveal()),
            None => call,
        }
    }
}
