//! Dialect `openai_chat`: `POST {base_url}/chat/completions`, streamed. Spoken by OpenAI, Ollama, llama.cpp, vLLM,
//! LiteLLM, OpenRouter, DeepSeek and many more.
//!
//! Thinking has no standard place in it. What came as `reasoning_content`, `reasoning` or `reasoning_details` goes back
//! under the same name while the turn lasts, as those who send it ask; signatures beside a call go back with it.

mod answer;
mod ask;

use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use self::answer::Answer;
use crate::exchange::{Wire, Without, below};
use crate::{ChatRequest, Secret};

/// Name in the configuration.
pub(crate) const NAME: &str = "openai_chat";

/// The dialect.
pub(crate) struct OpenAiChat;

impl Wire for OpenAiChat {
    const NAME: &'static str = NAME;
    const OPTIONS: &'static [(&'static str, &'static [&'static str])] = &[
        (ask::STREAM_OPTIONS, &["stream_options"]),
        (ask::RESPONSE_FORMAT, &["response_format", "json_schema"]),
        (ask::EFFORT, &["reasoning_effort"]),
    ];
    type Reader = Answer;

    fn endpoint(base: &Url, _request: &ChatRequest) -> Url {
        below(base, ["chat", "completions"])
    }

    fn body(host: Option<&str>, request: &ChatRequest, without: &Without) -> Value {
        ask::body(request, host == Some("api.openai.com"), without)
    }

    fn sign(call: RequestBuilder, key: Option<&Secret>) -> RequestBuilder {
        match key {
            // reqwest marks this header as sensitive: it is left out of Debug output and off other hosts.
            Some(key) => call.bearer_auth(key.reveal()),
            None => call,
        }
    }
}
