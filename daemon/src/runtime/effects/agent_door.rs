//! What bars the way to a model, in words, and which keys were refused lately.
//!
//! Keeps nothing that must survive: after a restart a refused key is asked with once more. Invariant: a key that was
//! refused is not asked with again by a step that waits for another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dirigent_providers::{ModelError, ModelErrorKind, Registry, Resolved};
use tokio::time::Instant;

/// A refusal is believed this long: what the provider thinks of a key may change.
const BELIEVED: Duration = Duration::from_secs(600);
/// Longest time between two looks whether there is another key.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// A key as it was when it was refused.
struct Bar {
    key: Option<u64>,
    providers: Arc<Registry>,
    error: ModelError,
    at: Instant,
}

/// Keys that were refused, by provider and model.
#[derive(Default)]
pub(super) struct Door(Mutex<HashMap<(String, String), Bar>>);

fn place(model: &Resolved) -> (String, String) {
    (model.client.descriptor().name.clone(), model.model.clone())
}

impl Door {
    /// What the model's provider said of this very key.
    pub(super) fn refused(
        &self,
        model: &Resolved,
        (key, providers): (Option<u64>, &Arc<Registry>),
    ) -> Option<ModelError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = known.get(&place(model))?;
        let same = bar.key == key && Arc::ptr_eq(&bar.providers, providers);
        (same && bar.at.elapsed() < BELIEVED).then(|| bar.error.clone())
    }

    pub(super) fn remember(
        &self,
        model: &Resolved,
        (key, providers): (Option<u64>, &Arc<Registry>),
        error: &ModelError,
    ) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, bar| bar.at.elapsed() < BELIEVED);
        let bar = Bar {
            key,
            providers: Arc::clone(providers),
            error: error.clone(),
            at: Instant::now(),
        };
        known.insert(place(model), bar);
    }
}

/// Until the next look whether there is another key.
pub(super) fn another_key_in(attempt: u32) -> Duration {
    Duration::from_secs(1 << attempt.min(6)).min(LONGEST_LOOK)
}

/// What is waited for, in words: `the limit of openai`.
pub(super) fn barred_by(error: &ModelError, next: Option<&Resolved>) -> String {
    let whose = next.map_or(error.provider.as_str(), |next| &next.client.descriptor().name);
    match error.kind {
        ModelErrorKind::AuthRefused { .. } => format!("another key of {whose}"),
        ModelErrorKind::RateLimited { .. } => format!("limit of {whose}"),
        _ => format!("room at {whose}"),
    }
}
