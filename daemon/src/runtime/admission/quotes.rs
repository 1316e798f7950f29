//! What effects may take at worst, asked by budgets before an effect is intended.
//!
//! Invariant: what cannot be priced is said to be unpriced, never free.

use dirigent_engine::{Quote, Quotes};
use dirigent_protocol::run::EffectRequest;

use crate::runtime::effects::quote;
use crate::runtime::plans::Plans;
use crate::runtime::policy::Policy;

/// Prices effects by the agents' versions and the prices of the moment.
pub(crate) struct PriceDesk<'a> {
    pub(crate) plans: &'a Plans,
    pub(crate) policy: &'a Policy,
}

impl Quotes for PriceDesk<'_> {
    fn quote(&self, request: &EffectRequest) -> Quote {
        let EffectRequest::Agent(call) = request else {
            return Quote {
                run: request.is_run(),
                ..Quote::default()
            };
        };
        // Whoever performs it fails it by name; that takes nothing.
        match self.plans.quoted(&call.agent, call.version) {
            Ok(version) => quote(&version.definition, call, self.policy),
            Err(_) => Quote::default(),
        }
    }
}
