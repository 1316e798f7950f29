//! `call: noop`: nothing, durably. Its value comes back as its output.

use std::collections::BTreeMap;

use dirigent_protocol::run::{EffectKind, EffectOutcome, EffectRequest, Usage};
use futures::future::BoxFuture;

use super::performer::{Call, Means, Performer, misdirected};
use crate::runtime::error::RuntimeError;

struct Noop;

#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the list")]
pub(super) fn open(_means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Noop))
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
                output: std::sync::Arc::default(),
                usage: Usage::default(),
                facts: BTreeMap::new(),
            },
            EffectRequest::Noop { value } => EffectOutcome::Done {
                output: value,
                usage: Usage::default(),
                facts: BTreeMap::new(),
            },
            _ => misdirected(),
        };
        Box::pin(std::future::ready(outcome))
    }
}
