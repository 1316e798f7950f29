//! What the house answers by itself, at once: `call: noop` (nothing, durably; its value comes back as its output), notices,
//! answers to agents that asked for leave, and which agent does something.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::run::{EffectKind, EffectOutcome, EffectRequest, Usage};
use futures::future::BoxFuture;

use super::performer::{Call, Means, Performer, misdirected};
use crate::runtime::error::RuntimeError;
use crate::runtime::routing::Router;

struct Noop(Arc<Router>);

#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the list")]
pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Noop(means.router.clone())))
}

impl Performer for Noop {
    fn kind(&self) -> EffectKind {
        EffectKind::Noop
    }

    fn immediate(&self) -> bool {
        true
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        let outcome = match call.request {
            // The notice itself stands in the commit that made this due.
            EffectRequest::Notify(_) => EffectOutcome::Done {
                output: Arc::default(),
                usage: Usage::default(),
                facts: BTreeMap::new(),
            },
            EffectRequest::Noop { value } => EffectOutcome::Done {
                output: value,
                usage: Usage::default(),
                facts: BTreeMap::new(),
            },
            // It goes back to the agent with its next turn.
            EffectRequest::Permission(call) => EffectOutcome::Done {
                output: Arc::new(serde_json::json!({ "option": call.option })),
                usage: Usage::default(),
                facts: BTreeMap::new(),
            },
            EffectRequest::Route(call) => self.0.outcome(&call),
            _ => misdirected(),
        };
        Box::pin(std::future::ready(outcome))
    }
}
