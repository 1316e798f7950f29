//! What is watched over around every effect, whoever performs it: a request that may not go where it leads is noted, and
//! a call of an agent that holds a stored secret which nobody put there by reference is not made.
//!
//! Performs nothing itself. Invariant: a note is made once for each matter and run, and names a secret without its value.

use std::path::PathBuf;
use std::sync::Arc;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EffectOutcome, EffectRequest};
use serde_json::Value;

use super::performer::{Call, refused};
use super::secrets_kept::{Kept, held, kept};
use super::security::Security;
use super::web::is_refused_here;
use crate::capped::Capped;

/// Most places of runs that are remembered as noted.
const MAX_NOTED: usize = 4_096;
/// Longest name of a place.
const MAX_PLACE: usize = 128;

/// Watches over effects.
pub(crate) struct Watch {
    security: Arc<Security>,
    data_dir: PathBuf,
    noted: Capped<(RunId, String), (), MAX_NOTED>,
}

impl Watch {
    pub(crate) fn new(security: Arc<Security>, data_dir: PathBuf) -> Self {
        Self {
            security,
            data_dir,
            noted: Capped::default(),
        }
    }

    /// Before an effect: the values that must not stand in its outcome, where an agent asked for it. What its
    /// models say is watched over where they are asked.
    ///
    /// # Errors
    /// The outcome of a call of a tool that would hand one of them on.
    pub(crate) async fn before(&self, call: &Call) -> Result<Arc<[Kept]>, Box<EffectOutcome>> {
        if !call.tool {
            return Ok(Arc::default());
        }
        let kept = self.kept().await?;
        if !kept.is_empty() && !matches!(call.request, EffectRequest::Permission(_)) {
            let request = serde_json::to_value(&call.request).unwrap_or_default();
            self.goes_out(call.run, &kept, &request, "a tool").await?;
        }
        Ok(kept)
    }

    /// The values that nobody may hand on: read where a slow disk holds nobody else up.
    ///
    /// # Errors
    /// They cannot be looked at.
    pub(crate) async fn kept(&self) -> Result<Arc<[Kept]>, Box<EffectOutcome>> {
        let home = self.data_dir.clone();
        let read = tokio::task::spawn_blocking(move || kept(&home)).await;
        read.map_err(|error| {
            let title = "The secrets cannot be looked at";
            Box::new(refused("runtime", 500, title, error.to_string()))
        })
    }

    /// Before something is said to `whom`.
    ///
    /// # Errors
    /// It holds one of the values: noted, and not to be said.
    pub(crate) async fn goes_out(
        &self,
        run: RunId,
        kept: &[Kept],
        said: &Value,
        whom: &str,
    ) -> Result<(), Box<EffectOutcome>> {
        match held(kept, said) {
            Some(name) => Err(self.held_back(run, name, whom).await),
            None => Ok(()),
        }
    }

    /// Notes that a request to `whom` held a secret, and says so.
    async fn held_back(&self, run: RunId, name: &str, whom: &str) -> Box<EffectOutcome> {
        let detail = format!("a request to {whom} held the value of the secret `{name}` and was not made");
        self.once(run, "secrets.outgoing", name, &detail).await;
        let help = "a value goes out only where a definition refers to it";
        Box::new(refused(
            "authorization",
            403,
            "A secret would go out",
            format!("{detail}: {help}"),
        ))
    }

    /// After an effect: notes that its request was not let out.
    pub(crate) async fn after(&self, run: RunId, outcome: &EffectOutcome) {
        let EffectOutcome::Failed { error, .. } = outcome else {
            return;
        };
        if !is_refused_here(error) {
            return;
        }
        let place = error.data["place"].as_str().unwrap_or_default();
        let place: String = place
            .chars()
            .take(MAX_PLACE)
            .flat_map(char::escape_debug)
            .collect();
        let detail = error.detail.as_deref().unwrap_or_default();
        self.once(run, "egress.refused", &place, detail).await;
    }

    async fn once(&self, run: RunId, action: &str, object: &str, detail: &str) {
        let which = (run, format!("{action} {object}"));
        if self.noted.get(&which).is_none() {
            self.noted.keep(which, ());
            self.security.note(run, action, object, detail).await;
        }
    }
}
