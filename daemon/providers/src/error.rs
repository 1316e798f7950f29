//! Why a call gave no answer, and what may be done about it.

use std::time::Duration;

use crate::Usage;

/// The part of a call that took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Name look-up, TCP and TLS.
    Connect,
    /// From the request to the first byte of the answer.
    FirstByte,
    /// Between two pieces of the answer.
    Silence,
    /// The whole call.
    Total,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::FirstByte => "waiting for the first byte",
            Self::Silence => "waiting for the next piece",
            Self::Total => "the whole call",
        })
    }
}

/// Why no connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    /// The name has no address.
    Name,
    /// Nobody listens there.
    Refused,
    /// The certificate or the TLS handshake was not accepted.
    Tls,
    /// Anything else (network unreachable, closed before the request was sent).
    Other,
}

impl std::fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Name => "the name has no address",
            Self::Refused => "connection refused",
            Self::Tls => "the TLS handshake failed",
            Self::Other => "no connection",
        })
    }
}

/// Which limit an answer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// One line of the event stream.
    Line,
    /// One event.
    Event,
    /// The whole body, after decompression.
    Body,
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Event => "event",
            Self::Body => "body",
        })
    }
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelErrorKind {
    /// No connection; the request was not sent.
    #[error("cannot connect: {fault}")]
    Connect {
        /// Why.
        fault: ConnectFault,
    },
    /// A phase took too long.
    #[error("no answer in time ({phase}, {} ms)", after.as_millis())]
    Timeout {
        /// Which.
        phase: Phase,
        /// The limit that was reached.
        after: Duration,
    },
    /// 429: ask again after `retry_after` (0 s to 3,600 s).
    #[error("rate limited, retry after {} s", retry_after.as_secs())]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// 429 that waiting does not cure: the account has no credit.
    #[error("the account has no quota left")]
    QuotaExhausted,
    /// 5xx.
    #[error("the provider failed with status {status}")]
    Server {
        /// HTTP status.
        status: u16,
        /// What the provider asked to wait, if it said so.
        retry_after: Option<Duration>,
    },
    /// 401 or 403: the key is missing, wrong or not allowed.
    #[error("the provider refused the key (status {status})")]
    AuthRefused {
        /// HTTP status.
        status: u16,
    },
    /// The configured key cannot be had (variable unset, file missing or too open).
    #[error("no key: {0}")]
    KeyUnavailable(Box<crate::KeyError>),
    /// The prompt does not fit the model.
    #[error("the prompt is longer than the model's context")]
    ContextTooLong,
    /// The provider does not know the model.
    #[error("unknown model")]
    UnknownModel,
    /// Any other 4xx: asking again as is cannot help.
    #[error("the provider refused the request (status {status})")]
    BadRequest {
        /// HTTP status.
        status: u16,
    },
    /// A redirect to another host or one that would drop the body; not followed, the key was not sent there.
    #[error("refused a redirect to {to}")]
    Redirected {
        /// Host named by the provider.
        to: Box<str>,
    },
    /// An answer that is not one of this dialect.
    #[error("unreadable answer: {reason}")]
    BadResponse {
        /// What about it.
        reason: &'static str,
    },
    /// The connection ended before the answer did.
    #[error("the connection was cut before the answer was complete")]
    Cut,
    /// The answer broke a limit.
    #[error("the answer has a {what} of more than {limit} bytes")]
    TooLarge {
        /// Which limit.
        what: LimitKind,
        /// Its size in bytes.
        limit: usize,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled {
        /// True when the request had gone out.
        sent: bool,
    },
}

/// Why a call gave no answer: kind, place, detail and help.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{provider}/{model}: {kind}{}", detail_suffix(detail.as_deref()))]
pub struct ModelError {
    /// What went wrong.
    pub kind: ModelErrorKind,
    /// Provider asked.
    pub provider: String,
    /// Model asked.
    pub model: String,
    /// The provider's own words, cut to 300 characters, without control characters and without the key.
    pub detail: Option<Box<str>>,
    /// Text that had arrived before the failure. Never a result.
    pub partial: String,
    /// Estimated tokens of a call that may have been billed; `None` when it was certainly not.
    pub usage: Option<Box<Usage>>,
}

fn detail_suffix(detail: Option<&str>) -> String {
    detail.map_or_else(String::new, |text| format!(": {text}"))
}

impl ModelError {
    /// Whether the same request may succeed later. The caller bounds the attempts, see [`Self::max_retries`].
    #[must_use]
    pub fn retryable(&self) -> bool {
        use ModelErrorKind as K;
        match &self.kind {
            K::Connect { fault } => *fault != ConnectFault::Tls,
            K::Timeout { .. } | K::RateLimited { .. } | K::Server { .. } | K::Cut | K::BadResponse { .. } => {
                true
            }
            K::QuotaExhausted
            | K::AuthRefused { .. }
            | K::KeyUnavailable(_)
            | K::ContextTooLong
            | K::UnknownModel
            | K::BadRequest { .. }
            | K::Redirected { .. }
            | K::TooLarge { .. }
            | K::Cancelled { .. } => false,
        }
    }

    /// The most retries worth making for this kind, when fewer than usual: 2 for an unreadable answer.
    #[must_use]
    pub fn max_retries(&self) -> Option<u32> {
        matches!(self.kind, ModelErrorKind::BadResponse { .. }).then_some(2)
    }

    /// How long to wait before asking again, when the provider said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            ModelErrorKind::RateLimited { retry_after } => Some(retry_after),
            ModelErrorKind::Server { retry_after, .. } => retry_after,
            _ => None,
        }
    }

    /// True when the provider certainly did not act, so that nothing was billed and asking again cannot double.
    #[must_use]
    pub fn outcome_known(&self) -> bool {
        use ModelErrorKind as K;
        match &self.kind {
            K::Connect { .. }
            | K::RateLimited { .. }
            | K::QuotaExhausted
            | K::AuthRefused { .. }
            | K::KeyUnavailable(_)
            | K::ContextTooLong
            | K::UnknownModel
            | K::BadRequest { .. }
            | K::Redirected { .. } => true,
            // 503 and 529 are refusals at the door; other 5xx may come after the work was done.
            K::Server { status, .. } => matches!(status, 503 | 529),
            K::Timeout { phase, .. } => *phase == Phase::Connect,
            K::Cancelled { sent } => !sent,
            K::BadResponse { .. } | K::Cut | K::TooLarge { .. } => false,
        }
    }

    /// Whether another model may be asked instead: only where this one certainly did nothing. What may have been billed,
    /// or whose outcome nobody knows, is never asked for a second time elsewhere.
    #[must_use]
    pub fn elsewhere(&self) -> bool {
        self.outcome_known() && !matches!(self.kind, ModelErrorKind::Cancelled { .. })
    }

    /// Whether the same model answers later without anybody's doing: a limit, or a refusal at the door.
    #[must_use]
    pub fn passes(&self) -> bool {
        match &self.kind {
            ModelErrorKind::RateLimited { .. } => true,
            ModelErrorKind::Server { .. } => self.outcome_known(),
            _ => false,
        }
    }

    /// Short stable code for records and screens.
    #[must_use]
    pub fn code(&self) -> &'static str {
        use ModelErrorKind as K;
        match &self.kind {
            K::Connect { .. } => "provider_unreachable",
            K::Timeout { .. } => "provider_timeout",
            K::RateLimited { .. } => "rate_limited",
            K::QuotaExhausted => "quota_exhausted",
            K::Server { .. } => "provider_failed",
            K::AuthRefused { .. } => "auth_refused",
            K::KeyUnavailable(_) => "key_unavailable",
            K::ContextTooLong => "context_too_long",
            K::UnknownModel => "unknown_model",
            K::BadRequest { .. } => "provider_refused",
            K::Redirected { .. } => "redirect_refused",
            K::BadResponse { .. } => "bad_provider_response",
            K::Cut => "answer_cut",
            K::TooLarge { .. } => "answer_too_large",
            K::Cancelled { .. } => "cancelled",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        use ModelErrorKind as K;
        let provider = &self.provider;
        match &self.kind {
            K::Connect { .. } => {
                format!("check that the server of `{provider}` runs and that base_url names it")
            }
            K::Timeout { .. } => {
                "a local model may still be loading: try again, or raise the timeout of the step".into()
            }
            K::RateLimited { .. } => "wait as the provider asks, or lower [run.concurrency] agent".into(),
            K::QuotaExhausted => {
                format!("add credit to the account of `{provider}`, or choose another model")
            }
            K::Server { .. } | K::Cut => "try again; if it stays, see the provider's status page".into(),
            K::AuthRefused { .. } => {
                format!("check the key of `{provider}` (key_env or key_file) and what it may use")
            }
            K::KeyUnavailable(error) => error.help(),
            K::ContextTooLong => {
                "shorten the input of the step, or choose a model with a larger context".into()
            }
            K::UnknownModel => format!(
                "check the name: `{provider}` does not offer `{}`, or not to this key",
                self.model
            ),
            K::BadRequest { status: 404 } => {
                format!("check that base_url of `{provider}` ends where its API begins, often /v1")
            }
            K::BadRequest { .. } => "the provider's words say what it does not accept".into(),
            K::Redirected { .. } => {
                format!("if the new address is right, set base_url of `{provider}` to it")
            }
            K::BadResponse { .. } => {
                format!("check that base_url of `{provider}` is an API, often ending in /v1")
            }
            K::TooLarge { .. } => "ask for less in one answer (max_tokens)".into(),
            K::Cancelled { .. } => "nothing to do".into(),
        }
    }
}
