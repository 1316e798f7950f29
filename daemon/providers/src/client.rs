//! The one trait every model client implements, and what it streams into.

use crate::{ChatReply, ChatRequest, ModelError};

/// A boxed future, so that clients can be held as `Arc<dyn ModelClient>`.
pub type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;

/// Cancels a call from outside: `cancel.cancel()` ends it within a second with `ModelErrorKind::Cancelled`.
pub use tokio_util::sync::CancellationToken as CancelSignal;

/// What a client is, for screens, records and the label every rehearsal answer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Name in the registry and in `provider/model`.
    pub name: String,
    /// Name of the wire dialect, as in [`crate::DIALECTS`], or `rehearsal`.
    pub dialect: &'static str,
    /// True for the built-in stand-in: its answers are extracted, never generated, and must be shown as such.
    pub rehearsal: bool,
    /// Host that receives the prompts (`host:port`), or `None` when nothing leaves the process.
    pub host: Option<String>,
}

impl Descriptor {
    /// True when nothing leaves this machine: built in, or a loopback server.
    #[must_use]
    pub fn local(&self) -> bool {
        self.host.as_deref().is_none_or(is_loopback)
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, _)| name)
        .trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Receives an answer while it is being produced. Called from the task that awaits the call: it must not block.
pub trait TokenSink: Send + Sync {
    /// The next piece of the answer; pieces concatenated are `ChatReply::content`.
    fn text(&self, piece: &str);
    /// The next piece of thinking, when a model shows it; never part of the content.
    fn reasoning(&self, _piece: &str) {}
}

/// Drops everything: for callers that only want the reply.
impl TokenSink for () {
    fn text(&self, _piece: &str) {}
}

impl<F: Fn(&str) + Send + Sync> TokenSink for F {
    fn text(&self, piece: &str) {
        self(piece);
    }
}

/// One provider: a base URL with a key and a dialect, or the built-in rehearsal.
pub trait ModelClient: Send + Sync {
    /// What this client is.
    fn descriptor(&self) -> &Descriptor;

    /// Another number for another key, and none where it has none to send. Says nothing about the key, and is not kept.
    fn key_mark(&self) -> Option<u64> {
        None
    }

    /// One call, one attempt. Streams pieces into `sink`, and returns the whole answer or why there is none.
    ///
    /// # Errors
    /// See [`ModelError::retryable`] and [`ModelError::outcome_known`]; text that arrived before the failure is in
    /// `ModelError::partial`, and is never a result.
    fn chat<'a>(
        &'a self,
        request: ChatRequest,
        sink: &'a dyn TokenSink,
        cancel: CancelSignal,
    ) -> BoxFuture<'a, Result<ChatReply, ModelError>>;
}

impl std::fmt::Debug for dyn ModelClient + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ModelClient").field(self.descriptor()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Descriptor;

    fn at(host: Option<&str>) -> Descriptor {
        Descriptor {
            name: "p".into(),
            dialect: "openai_chat",
            rehearsal: false,
            host: host.map(str::to_owned),
        }
    }

    #[test]
    fn local_means_nothing_leaves_the_machine() {
        for host in [
            None,
            Some("127.0.0.1:11434"),
            Some("localhost:8080"),
            Some("[::1]:80"),
        ] {
            assert!(at(host).local(), "{host:?}");
        }
        for host in ["api.openai.com:443", "10.0.0.1:80", "localhost.evil.example:80"] {
            assert!(!at(Some(host)).local(), "{host}");
        }
    }
}
