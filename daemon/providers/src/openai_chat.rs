//! Dialect `openai_chat`: `POST {base_url}/chat/completions`, streamed. Spoken by OpenAI, Ollama, llama.cpp, vLLM,
//! LiteLLM and many more.
//!
//! Not here: tools (none is offered, so an answer that calls one is refused), the responses API, retries.
//! Quirks of the field that are handled: servers that ignore `stream`, send no usage, refuse `stream_options`, end
//! without `[DONE]`, or keep the connection open after the last word.

mod answer;
mod ask;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Response, Url};

use self::answer::{Answer, estimate};
use self::refusal::Failure;
use crate::http::{self, Body, Clock};
use crate::keys::KeySource;
use crate::sse::SseParser;
use crate::{
    BoxFuture, CancelSignal, ChatReply, ChatRequest, Descriptor, ModelClient, ModelError, ModelErrorKind,
    OpenError, ProviderSettings, Secret, TokenSink,
};

/// Name in the configuration.
pub(crate) const NAME: &str = "openai_chat";

/// How long usage and the end of the stream may take once the model is done.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Opens a client; nothing is sent.
pub(crate) fn open(settings: &ProviderSettings) -> Result<Arc<dyn ModelClient>, OpenError> {
    let provider = || settings.name.clone();
    let base =
        http::base_url(&settings.base_url).ok_or_else(|| OpenError::BadBaseUrl { provider: provider() })?;
    let http = http::client(&base, settings.connect_timeout).map_err(|error| OpenError::Http {
        provider: provider(),
        detail: error.without_url().to_string(),
    })?;
    let port = base.port_or_known_default().unwrap_or_default();
    let host = base.host_str().map(|host| format!("{host}:{port}"));
    let endpoint = Url::parse(&format!(
        "{}/chat/completions",
        base.as_str().trim_end_matches('/')
    ))
    .map_err(|_| OpenError::BadBaseUrl { provider: provider() })?;
    Ok(Arc::new(OpenAiChat {
        descriptor: Descriptor {
            name: provider(),
            dialect: NAME,
            rehearsal: false,
            host,
        },
        endpoint,
        http,
        key: KeySource::of(settings.key_env.as_deref(), settings.key_file.as_deref()),
        connect_timeout: settings.connect_timeout,
    }))
}

struct OpenAiChat {
    descriptor: Descriptor,
    endpoint: Url,
    http: Client,
    key: KeySource,
    connect_timeout: Duration,
}

impl ModelClient for OpenAiChat {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn chat<'a>(
        &'a self,
        request: ChatRequest,
        sink: &'a dyn TokenSink,
        cancel: CancelSignal,
    ) -> BoxFuture<'a, Result<ChatReply, ModelError>> {
        Box::pin(self.call(request, sink, cancel))
    }
}

impl OpenAiChat {
    async fn call(
        &self,
        request: ChatRequest,
        sink: &dyn TokenSink,
        cancel: CancelSignal,
    ) -> Result<ChatReply, ModelError> {
        let mut answer = Answer::default();
        let key = match self.key.read() {
            Ok(key) => key,
            Err(error) => {
                return Err(self.error(
                    &request,
                    &answer,
                    ModelErrorKind::KeyUnavailable(Box::new(error)).into(),
                    None,
                ));
            }
        };
        let sent = !cancel.is_cancelled();
        // Dropping the exchange closes its connection: that is the cancellation the provider sees.
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ModelErrorKind::Cancelled { sent }.into()),
            result = self.exchange(&request, key.as_ref(), sink, &mut answer) => result,
        };
        match result {
            Ok(()) => Ok(answer.into_reply(&request)),
            Err(failure) => Err(self.error(&request, &answer, failure, key.as_ref())),
        }
    }

    async fn exchange(
        &self,
        request: &ChatRequest,
        key: Option<&Secret>,
        sink: &dyn TokenSink,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        let clock = Clock::start(request.timeouts);
        let mut response = self.post(request, key, &clock, true).await?;
        if !response.status().is_success() {
            let refused = refusal::read(response).await;
            if !refused.blames_stream_options() {
                return Err(refused.into());
            }
            // Refused before anything was done: asking once more without the option cannot double it.
            response = self.post(request, key, &clock, false).await?;
            if !response.status().is_success() {
                return Err(refusal::read(response).await.into());
            }
        }
        answer.headers(&response);
        let is_events = is_event_stream(&response);
        let mut body = Body::new(response, &clock);
        let Some(first) = body.chunk().await? else {
            return Err(ModelErrorKind::BadResponse {
                reason: "the body is empty",
            }
            .into());
        };
        match sniff(&first, is_events) {
            Shape::Events => read_events(&mut body, &first, sink, answer).await,
            Shape::Json => answer.whole(&body.rest(first).await?, sink),
            Shape::Markup => Err(ModelErrorKind::BadResponse {
                reason: "HTML instead of JSON",
            }
            .into()),
        }
    }

    async fn post(
        &self,
        request: &ChatRequest,
        key: Option<&Secret>,
        clock: &Clock,
        ask_for_usage: bool,
    ) -> Result<Response, Failure> {
        let openai = self.endpoint.host_str() == Some("api.openai.com");
        let mut call = self
            .http
            .post(self.endpoint.clone())
            .header("accept", "text/event-stream, application/json")
            .json(&ask::body(request, openai, ask_for_usage));
        if let Some(key) = key {
            // reqwest marks this header as sensitive: it is left out of Debug output and off other hosts.
            call = call.bearer_auth(key.reveal());
        }
        if let Some(id) = &request.idempotency_key {
            call = call.header("idempotency-key", id);
        }
        Ok(http::send(call, clock, self.connect_timeout).await?)
    }

    fn error(
        &self,
        request: &ChatRequest,
        answer: &Answer,
        failure: Failure,
        key: Option<&Secret>,
    ) -> ModelError {
        let words = failure.detail.or_else(|| answer.words.clone());
        let detail = words.map(|text| key.map_or_else(|| text.clone(), |key| key.redact(&text)));
        let mut error = ModelError {
            kind: failure.kind,
            provider: self.descriptor.name.clone(),
            model: request.model.clone(),
            detail: detail
                .map(|text| refusal::clip(&text))
                .filter(|text| !text.is_empty())
                .map(String::into_boxed_str),
            partial: answer.content().to_owned(),
            usage: None,
        };
        if !error.outcome_known() {
            error.usage = Some(Box::new(estimate(request, &error.partial)));
        }
        tracing::debug!(
            provider = error.provider,
            model = error.model,
            code = error.code(),
            "model call failed"
        );
        error
    }
}

enum Shape {
    Events,
    Json,
    Markup,
}

fn is_event_stream(response: &Response) -> bool {
    let content_type = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("text/event-stream"))
}

/// What the body is: by its first bytes, since servers of the field mislabel both ways; else by its label.
fn sniff(first: &[u8], labelled_events: bool) -> Shape {
    let start = first.trim_ascii_start();
    match start.first() {
        Some(b'{' | b'[' | b'n') if !labelled_events || start[0] != b'n' => Shape::Json,
        Some(b'<') => Shape::Markup,
        _ if labelled_events => Shape::Events,
        _ if [&b"data"[..], b"event", b":", b"id", b"retry"]
            .iter()
            .any(|p| start.starts_with(p)) =>
        {
            Shape::Events
        }
        _ => Shape::Json,
    }
}

async fn read_events(
    body: &mut Body<'_>,
    first: &[u8],
    sink: &dyn TokenSink,
    answer: &mut Answer,
) -> Result<(), Failure> {
    let mut parser = SseParser::default();
    parser.feed(first, |event| answer.event(event, sink))?;
    while !answer.is_done() {
        if answer.is_finished() {
            body.hurry(LAST_WORDS);
        }
        match body.chunk().await {
            Ok(Some(chunk)) => parser.feed(&chunk, |event| answer.event(event, sink))?,
            Ok(None) => {
                if let Some(event) = parser.finish()? {
                    answer.event(&event, sink)?;
                }
                break;
            }
            // The answer is whole; what is missing is the usage or the word that ends the stream.
            Err(ModelErrorKind::Cut | ModelErrorKind::Timeout { .. }) if answer.is_finished() => break,
            Err(kind) => return Err(kind.into()),
        }
    }
    answer.replaced_bytes |= parser.replaced_bytes;
    if answer.is_finished() {
        Ok(())
    } else {
        Err(ModelErrorKind::Cut.into())
    }
}
