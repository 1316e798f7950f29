//! One call of a model over HTTP, for every dialect: key, request, time limits, stream, end and failure.
//!
//! A dialect ([`Wire`]) says where a request goes, how it is written and how an answer is read; all else is the same
//! for all and is here. Does NOT retry, but for a request that was refused at the door over an option the server does not
//! know: it is sent once more without that option.
//!
//! Quirks of the field that are handled: servers that ignore `stream`, mislabel the body, end without their last word,
//! or keep the connection open behind it.

mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::Value;

pub(crate) use self::reading::event;
use self::reading::{Shape, is_event_stream, parse, read_events, request_id, sniff};

use crate::draft::{Draft, bad};
use crate::guard::Guard;
use crate::http::{self, Body, Clock};
use crate::keys::KeySource;
use crate::refusal::{self, Failure, Refusal};
use crate::{
    BoxFuture, CancelSignal, ChatReply, ChatRequest, Descriptor, ModelClient, ModelError, ModelErrorKind,
    OpenError, ProviderSettings, Secret, TokenSink,
};

/// Models whose unknown options are remembered.
const MAX_REMEMBERED: usize = 256;
/// Options a server has refused to know; they are left out.
pub(crate) type Without = BTreeSet<&'static str>;

/// What one dialect says and hears.
pub(crate) trait Wire: Send + Sync + 'static {
    /// Name in the configuration.
    const NAME: &'static str;
    /// Options of its requests that a server may not know, each with the words by which it would be named in a refusal.
    const OPTIONS: &'static [(&'static str, &'static [&'static str])];
    /// Reads one answer.
    type Reader: Reader + Default;

    /// Where a request goes.
    fn endpoint(base: &Url, request: &ChatRequest) -> Url;
    /// The request's body.
    fn body(host: Option<&str>, request: &ChatRequest, without: &Without) -> Value;
    /// Puts the key, and what else every request has in its headers, where the dialect wants it.
    fn sign(call: RequestBuilder, key: Option<&Secret>) -> RequestBuilder;
}

/// Reads one answer into a draft.
pub(crate) trait Reader: Send {
    /// One event of a stream.
    fn event(&mut self, data: &str, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure>;
    /// A whole answer from a server that does not stream.
    fn whole(&mut self, body: Value, draft: &mut Draft, sink: &dyn TokenSink) -> Result<(), Failure>;
    /// The stream is over: what could not be said before.
    fn close(&mut self, _draft: &mut Draft) {}
}

/// `base` with these segments below it.
pub(crate) fn below<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Opens a client; nothing is sent.
pub(crate) fn open<W: Wire>(settings: &ProviderSettings) -> Result<Arc<dyn ModelClient>, OpenError> {
    let provider = || settings.name.clone();
    let base =
        http::base_url(&settings.base_url).ok_or_else(|| OpenError::BadBaseUrl { provider: provider() })?;
    let http = http::client(&base, settings.connect_timeout).map_err(|error| OpenError::Http {
        provider: provider(),
        detail: error.without_url().to_string(),
    })?;
    let port = base.port_or_known_default().unwrap_or_default();
    let host = base.host_str().map(|host| format!("{host}:{port}"));
    Ok(Arc::new(Exchange::<W> {
        descriptor: Descriptor {
            name: provider(),
            dialect: W::NAME,
            rehearsal: false,
            host,
        },
        base,
        http,
        key: KeySource::of(settings.key_env.as_deref(), settings.key_file.as_deref()),
        connect_timeout: settings.connect_timeout,
        unknown: Mutex::default(),
        wire: std::marker::PhantomData,
    }))
}

struct Exchange<W> {
    descriptor: Descriptor,
    base: Url,
    http: Client,
    key: KeySource,
    connect_timeout: Duration,
    /// By model, the options that were refused.
    unknown: Mutex<BTreeMap<String, Without>>,
    wire: std::marker::PhantomData<fn() -> W>,
}

impl<W: Wire> ModelClient for Exchange<W> {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn key_mark(&self) -> Option<u64> {
        let key = self.key.read().ok().flatten();
        key.map(|key| key.mark())
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

impl<W: Wire> Exchange<W> {
    async fn call(
        &self,
        request: ChatRequest,
        sink: &dyn TokenSink,
        cancel: CancelSignal,
    ) -> Result<ChatReply, ModelError> {
        let mut draft = Draft::new(&request);
        let key = match self.key.read() {
            Ok(key) => key,
            Err(error) => {
                let failure = ModelErrorKind::KeyUnavailable(Box::new(error)).into();
                return Err(self.error(&request, &draft, failure, None));
            }
        };
        // Whoever was given a secret could say it again: it is neither shown nor kept.
        let guard = Guard::new(key.as_ref(), &request.guarded);
        let sink = guard.over(sink);
        let sent = !cancel.is_cancelled();
        // Dropping the exchange closes its connection: that is the cancellation the provider sees.
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ModelErrorKind::Cancelled { sent }.into()),
            result = self.exchange(&request, key.as_ref(), &sink, &mut draft) => result,
        };
        sink.end();
        if let Err(failure) = result {
            return Err(self.error(&request, &draft, failure, key.as_ref()));
        }
        match draft.check() {
            Ok(()) => Ok(guard.clean(draft.into_reply(&request))),
            Err(kind) => Err(self.error(&request, &draft, kind.into(), key.as_ref())),
        }
    }

    async fn exchange(
        &self,
        request: &ChatRequest,
        key: Option<&Secret>,
        sink: &dyn TokenSink,
        draft: &mut Draft,
    ) -> Result<(), Failure> {
        let clock = Clock::start(request.timeouts);
        let response = self.ask(request, key, &clock).await?;
        draft.request_id = request_id(&response);
        let is_events = is_event_stream(&response);
        let mut body = Body::new(response, &clock);
        let Some(first) = body.chunk().await? else {
            return Err(bad("the body is empty").into());
        };
        let mut reader = W::Reader::default();
        match sniff(&first, is_events) {
            Shape::Events => read_events(&mut reader, &mut body, &first, sink, draft).await?,
            Shape::Json => {
                let whole = body.rest(first).await?;
                reader.whole(parse(&whole, draft)?, draft, sink)?;
                draft.end();
            }
            Shape::Markup => return Err(bad("HTML instead of JSON").into()),
        }
        reader.close(draft);
        Ok(())
    }

    /// Sends the request; once more without each option that is refused. Refused means that nothing was done, so asking
    /// again cannot double it.
    async fn ask(
        &self,
        request: &ChatRequest,
        key: Option<&Secret>,
        clock: &Clock,
    ) -> Result<Response, Failure> {
        let mut without = self.unknown().get(&request.model).cloned().unwrap_or_default();
        loop {
            let response = self.post(request, key, clock, &without).await?;
            if response.status().is_success() {
                return Ok(response);
            }
            let refused = refusal::read(response).await;
            let Some(option) = self.blamed(&refused, request, &without) else {
                return Err(refused.into());
            };
            without.insert(option);
            let mut unknown = self.unknown();
            if unknown.len() < MAX_REMEMBERED {
                unknown.entry(request.model.clone()).or_default().insert(option);
            }
        }
    }

    /// The option a refusal names, where leaving it out changes the request.
    fn blamed(&self, refused: &Refusal, request: &ChatRequest, without: &Without) -> Option<&'static str> {
        let words = refused.complaint()?.to_lowercase();
        let body = |without: &Without| W::body(self.base.host_str(), request, without);
        let named = W::OPTIONS
            .iter()
            .filter(|(_, names)| names.iter().any(|name| words.contains(name)));
        named.map(|(option, _)| *option).find(|option| {
            let mut less = without.clone();
            less.insert(option) && body(&less) != body(without)
        })
    }

    fn unknown(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Without>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn post(
        &self,
        request: &ChatRequest,
        key: Option<&Secret>,
        clock: &Clock,
        without: &Without,
    ) -> Result<Response, Failure> {
        let mut call = self
            .http
            .post(W::endpoint(&self.base, request))
            .header("accept", "text/event-stream, application/json")
            .json(&W::body(self.base.host_str(), request, without));
        call = W::sign(call, key);
        if let Some(id) = &request.idempotency_key {
            call = call.header("idempotency-key", id);
        }
        Ok(http::send(call, clock, self.connect_timeout).await?)
    }

    fn error(
        &self,
        request: &ChatRequest,
        draft: &Draft,
        failure: Failure,
        key: Option<&Secret>,
    ) -> ModelError {
        let detail = failure
            .detail
            .map(|text| key.map_or_else(|| text.clone(), |key| key.redact(&text)));
        let mut error = ModelError {
            kind: failure.kind,
            provider: self.descriptor.name.clone(),
            model: request.model.clone(),
            detail: detail
                .map(|text| refusal::clip(&text))
                .filter(|text| !text.is_empty())
                .map(String::into_boxed_str),
            partial: draft.text(),
            usage: None,
        };
        if !error.outcome_known() {
            error.usage = Some(Box::new(draft.used_so_far(request)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_below_the_base_whatever_they_hold() {
        let base = Url::parse("https://host/v1/").unwrap();
        let at = |segments: &[&str]| below(&base, segments.iter().copied()).to_string();
        assert_eq!(at(&["chat", "completions"]), "https://host/v1/chat/completions");
        assert_eq!(at(&["models", "a:go"]), "https://host/v1/models/a:go");
        assert_eq!(
            at(&["models", "../b?c#d/e"]),
            "https://host/v1/models/..%2Fb%3Fc%23d%2Fe"
        );
    }
}
