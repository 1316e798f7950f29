//! `call: http`, `call: openapi`, `call: a2a`: requests of one kind, their key sent as `Idempotency-Key`.

use std::time::Duration;

use dirigent_protocol::run::{EffectKind, EffectOutcome, EffectRequest};
use futures::future::BoxFuture;

use super::performer::{Call, Means, Performer, misdirected};
use super::web::Web;
use super::{a2a, openapi};
use crate::runtime::error::RuntimeError;

/// The daemon's limit where the call names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

struct Http {
    web: Web,
}

pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Http {
        web: Web::open(means)?,
    }))
}

impl Performer for Http {
    fn kind(&self) -> EffectKind {
        EffectKind::Http
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            let limit = match &call.request {
                EffectRequest::Http(wanted) => {
                    wanted.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis)
                }
                _ => DEFAULT_TIMEOUT,
            };
            tokio::select! {
                biased;
                () = call.cancel.cancelled() => EffectOutcome::Cancelled,
                outcome = tokio::time::timeout(limit, self.exchange(&call)) => outcome
                    .unwrap_or_else(|_| EffectOutcome::Unknown {
                        reason: format!("no complete answer within {} ms", limit.as_millis()),
                    }),
            }
        })
    }
}

impl Http {
    async fn exchange(&self, call: &Call) -> EffectOutcome {
        match &call.request {
            EffectRequest::Http(wanted) => self.web.perform(wanted, &call.key).await,
            EffectRequest::Openapi(wanted) => match openapi::request(&self.web, wanted).await {
                Ok(wanted) => self.web.perform(&wanted, &call.key).await,
                Err(ended) => *ended,
            },
            EffectRequest::A2a(wanted) => Box::pin(a2a::ask(&self.web, wanted, &call.key)).await,
            _ => misdirected(),
        }
    }
}
