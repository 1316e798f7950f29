//! `call: http`, `call: openapi`, `call: a2a`: requests of one kind, their key sent as `Idempotency-Key`.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EffectKind, EffectOutcome, EffectRequest};
use futures::future::BoxFuture;

use super::performer::{Call, Means, Performer, misdirected};
use super::web::Web;
use super::{a2a, openapi, secrets};
use crate::clock::Clock;
use crate::runtime::error::RuntimeError;

/// The daemon's limit where the call names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

struct Http {
    web: Arc<Web>,
    gone: a2a::Gone,
    clock: Clock,
}

pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Http {
        web: Arc::new(Web::open(means)?),
        gone: a2a::Gone::default(),
        clock: means.clock.clone(),
    }))
}

impl Performer for Http {
    fn kind(&self) -> EffectKind {
        EffectKind::Http
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            if let EffectRequest::A2a(wanted) = &call.request {
                // It bounds every exchange itself, and has what goes on elsewhere called off.
                return Box::pin(a2a::ask((&self.web, &self.clock), wanted, &call)).await;
            }
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

    fn remembers(&self, request: &EffectRequest) -> bool {
        matches!(request, EffectRequest::A2a(_))
    }

    fn ended(&self, call: &Call, outcome: &EffectOutcome) {
        self.gone.note(call, outcome);
    }

    fn over(&self, run: RunId) -> Vec<BoxFuture<'static, ()>> {
        let open = self.gone.over(run).into_iter();
        open.map(|call| {
            let (web, clock) = (self.web.clone(), self.clock.clone());
            Box::pin(async move { stop((&web, &clock), &call).await }) as BoxFuture<'static, ()>
        })
        .collect()
    }

    fn unwanted<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, ()> {
        Box::pin(stop((&self.web, &self.clock), call))
    }
}

/// What goes on elsewhere is called off.
async fn stop((web, clock): (&Web, &Clock), call: &Call) {
    let request = secrets::reveal(&web.data_dir, call.request.clone());
    if let Ok(EffectRequest::A2a(wanted)) = request.map(|revealed| revealed.request) {
        Box::pin(a2a::stop((web, clock), &wanted, call)).await;
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
            _ => misdirected(),
        }
    }
}
