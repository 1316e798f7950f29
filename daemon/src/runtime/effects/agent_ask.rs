//! One answer of an agent's models: who is asked, what is waited out, what is taken back, what the answer cost.
//!
//! Waits out a moment, or asks the agent's next model instead. What takes longer is a refusal at the door (it cost nothing
//! and happened to nobody): it goes back to the engine, which waits without a place; so does whatever may have been
//! billed, whose policy decides. Invariant: an answer that does not count is not left on screens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dirigent_protocol::entity::Agent;
use dirigent_protocol::run::{EffectOutcome, RetryTerms, Usage, WorkflowError};
use dirigent_protocol::watch::StreamSource;
use dirigent_providers::{
    ChatReply, ChatRequest, Fallback, ModelError, ModelErrorKind, Next, Registry, Resolved, Secret,
};
use serde_json::Value;
use tokio::time::Instant;

use super::agent_context::Window;
use super::agent_door::{Door, another_key_in, barred_by};
use super::performer::{Call, misdirected, refused};
use super::security::Security;
use super::watch::Watch;
use crate::runtime::policy::Policy;
use crate::swap::Swap;

/// Waits for models up to this, in all, are kept in place: an answer is on its way.
const MOMENT: Duration = Duration::from_secs(5);

/// What one conversation has taken so far.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) usage: Usage,
    pub(super) facts: BTreeMap<String, Value>,
}

/// What came of it, or the outcome that is there instead.
pub(super) type Step<T> = Result<T, Box<EffectOutcome>>;

/// Asks on behalf of one call.
pub(super) struct Asker<'a> {
    pub(super) agent: &'a Agent,
    pub(super) call: &'a Call,
    pub(super) policy: &'a Swap<Policy>,
    pub(super) security: &'a Security,
    /// Knows the values of secrets, which no answer may hold.
    pub(super) watch: &'a Watch,
    /// Keys that were refused lately.
    pub(super) door: &'a Door,
}

impl Asker<'_> {
    /// The agent's models, best first.
    ///
    /// # Errors
    /// One of them is not known.
    pub(super) fn models(&self) -> Step<Vec<Resolved>> {
        let providers = &self.policy.get().providers;
        let names = std::iter::once(&self.agent.model).chain(&self.agent.fallback_models);
        let models = names.map(|name| {
            providers.resolve(name).map_err(|error| {
                let detail = format!("{error}: {}", error.help());
                Box::new(refused("configuration", 400, "No such model", detail))
            })
        });
        models.collect()
    }

    /// Says what no answer may hold. A request that holds it itself is not sent: it is not the model's to know.
    async fn guard(&self, request: &mut ChatRequest) -> Step<()> {
        let kept = self.watch.kept().await?;
        if kept.is_empty() {
            return Ok(());
        }
        let said = serde_json::to_value(&request.messages).unwrap_or_default();
        self.watch
            .goes_out(self.call.run, &kept, &said, "the model")
            .await?;
        request.guarded = kept.iter().map(|one| Secret::new(&one.value)).collect();
        Ok(())
    }

    /// One answer. The request loses what its window has no room for.
    ///
    /// # Errors
    /// There is none: cancelled, known to have failed, or unknown.
    pub(super) async fn ask(
        &self,
        request: &mut ChatRequest,
        window: &mut Window,
        taken: &mut Taken,
    ) -> Step<ChatReply> {
        let started = Instant::now();
        let providers = self.policy.get().providers.clone();
        let models = self.models()?;
        let mut fallback = Fallback::new(models.len());
        let mut place = 0;
        self.guard(request).await?;
        while let Some(model) = models.get(place) {
            let spoke = AtomicBool::new(false);
            let put = put_to(model, (place, window.cuts()), request);
            let error = match self.put(model, &providers, put, &spoke).await {
                Ok(reply) => {
                    self.count(model, &reply, taken).await;
                    self.is_exact(model, &reply, taken)?;
                    if place > 0 {
                        taken.facts.insert("fallback".into(), (place as u64).into());
                    }
                    return Ok(reply);
                }
                Err(error) => error,
            };
            if error.kind == ModelErrorKind::ContextTooLong && window.refused(&mut request.messages) {
                let note = format!(
                    "\n{}/{}: {}; asking with less\n",
                    error.provider, error.model, error.kind
                );
                self.call.live.withdraw(&note);
                continue;
            }
            let next = fallback.after(&error, started.elapsed());
            place = self
                .next((model, &error), next, (&models, started), (taken, &spoke))
                .await?;
        }
        Err(Box::new(misdirected()))
    }

    /// Puts the question to one model; a key that it refused is not shown to it again.
    async fn put(
        &self,
        model: &Resolved,
        providers: &Arc<Registry>,
        request: ChatRequest,
        spoke: &AtomicBool,
    ) -> Result<ChatReply, ModelError> {
        let sink = |piece: &str| {
            spoke.store(true, Ordering::Relaxed);
            self.call.live.write(StreamSource::Model, piece);
        };
        // As it is before the call: another key may come while this one is being refused.
        let key = (model.client.key_mark(), providers);
        let again = self.call.attempt > 1;
        if let Some(error) = again.then(|| self.door.refused(model, key)).flatten() {
            return Err(error);
        }
        let answer = model.client.chat(request, &sink, self.call.cancel.clone()).await;
        if let Err(error) = &answer
            && matches!(error.kind, ModelErrorKind::AuthRefused { .. })
        {
            self.note_refused_key(model, key, error).await;
        }
        answer
    }

    /// The place of the model that is asked next, after a moment.
    ///
    /// # Errors
    /// None is asked now: the step waits, or has failed.
    async fn next(
        &self,
        (model, error): (&Resolved, &ModelError),
        next: Next,
        (models, started): (&[Resolved], Instant),
        (taken, spoke): (&Taken, &AtomicBool),
    ) -> Step<usize> {
        match next {
            Next::Ask { model: next, after } => {
                self.goes_on(&next_note(error, models, next, after), spoke);
                // Another model that is free is asked at once, however long the first took to refuse.
                let free = after.is_zero() && models.get(next).is_some_and(|one| !std::ptr::eq(one, model));
                if !free && started.elapsed() + after > MOMENT {
                    let what = barred_by(error, models.get(next));
                    return Err(Box::new(self.refused((model, error), (what, after), taken)));
                }
                tokio::select! {
                    () = self.call.cancel.cancelled() => Err(Box::new(EffectOutcome::Cancelled)),
                    () = tokio::time::sleep(after) => Ok(next),
                }
            }
            Next::Give if matches!(error.kind, ModelErrorKind::AuthRefused { .. }) => {
                let wait = (barred_by(error, Some(model)), another_key_in(self.call.attempt));
                Err(Box::new(self.refused((model, error), wait, taken)))
            }
            Next::Give => {
                let outcome = self.lost(model, error, taken);
                if matches!(outcome, EffectOutcome::Unknown { .. }) {
                    // Whatever becomes of it, this half of an answer is no part of it.
                    self.goes_on(&format!("\n{error}\n"), spoke);
                }
                Err(Box::new(outcome))
            }
        }
    }

    /// Says that another answer comes; what was said of this one is taken back.
    fn goes_on(&self, note: &str, spoke: &AtomicBool) {
        if spoke.load(Ordering::Relaxed) {
            self.call.live.withdraw(note);
        } else {
            self.call.live.write(StreamSource::Note, note);
        }
    }

    /// A key was refused: remembered, recorded and told.
    async fn note_refused_key(
        &self,
        model: &Resolved,
        key: (Option<u64>, &Arc<Registry>),
        error: &ModelError,
    ) {
        self.door.remember(model, key, error);
        let whose = format!("{}/{}", error.provider, error.model);
        let words = format!("{}; {}", error.kind, error.help());
        let kind = "model.key_refused";
        self.security.note(self.call.run, kind, &whose, &words).await;
        let note = format!("\n{whose}: {words}; it goes on by itself once there is another key\n");
        self.call.live.write(StreamSource::Note, &note);
    }

    /// It was refused at the door: the step waits without a place, and asks again then.
    fn refused(
        &self,
        (model, error): (&Resolved, &ModelError),
        (what, after): (String, Duration),
        taken: &Taken,
    ) -> EffectOutcome {
        match self.lost(model, error, taken) {
            EffectOutcome::Failed { error, usage, .. } => EffectOutcome::Failed {
                error,
                retryable: true,
                retry_after_ms: Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
                usage,
                retry: Some(Box::new(RetryTerms {
                    waits_for: Some(what),
                    ..RetryTerms::default()
                })),
            },
            other => other,
        }
    }

    /// Whether the answer is of the model that was asked for, where the agent takes no other.
    fn is_exact(&self, model: &Resolved, reply: &ChatReply, taken: &Taken) -> Step<()> {
        if !self.agent.exact_model || reply.model == model.model {
            return Ok(());
        }
        let title = "Another model answered than the one that was asked for";
        let detail = format!(
            "`{}` was asked for, `{}` says it answered; the agent has `exact_model`",
            model.model, reply.model
        );
        let mut error = WorkflowError::standard("communication", 502, title).detail(detail);
        error.data =
            serde_json::json!({ "code": "another_model", "asked": model.model, "answered": reply.model });
        Err(Box::new(EffectOutcome::Failed {
            error,
            retryable: false,
            retry_after_ms: None,
            usage: taken.usage,
            retry: None,
        }))
    }

    async fn count(&self, model: &Resolved, reply: &ChatReply, taken: &mut Taken) {
        let client = model.client.descriptor();
        let cost = self.policy.get().prices.cost(client, &reply.model, &reply.usage);
        taken.usage += Usage {
            calls: 1,
            input_tokens: reply.usage.input_tokens,
            output_tokens: reply.usage.output_tokens,
            cost_micro_usd: cost.unwrap_or(0),
            unpriced_calls: u64::from(cost.is_none()),
        };
        if reply.masked_key {
            let whose = format!("{}/{}", client.name, reply.model);
            let detail = "an answer held a secret, which was taken out";
            self.security
                .note(self.call.run, "model.secret_masked", &whose, detail)
                .await;
        }
        let facts = &mut taken.facts;
        facts.insert("provider".into(), client.name.clone().into());
        facts.insert("model".into(), reply.model.clone().into());
        facts.insert("finish_reason".into(), reply.finish_reason.word().into());
        if let Some(id) = &reply.response_id {
            facts.insert("response_id".into(), id.clone().into());
        }
        for (name, holds) in [
            ("rehearsal", reply.rehearsal),
            ("replaced_bytes", reply.replaced_bytes),
            ("masked_key", reply.masked_key),
            ("usage_estimated", reply.usage.estimated),
        ] {
            if holds {
                facts.insert(name.into(), true.into());
            }
        }
    }

    /// There is no answer: cancelled, known to have failed, or unknown.
    fn lost(&self, model: &Resolved, error: &ModelError, taken: &Taken) -> EffectOutcome {
        if matches!(error.kind, ModelErrorKind::Cancelled { .. }) {
            return EffectOutcome::Cancelled;
        }
        let certain = error.outcome_known() || !error.retryable() || error.max_retries().is_some();
        if !certain {
            return EffectOutcome::Unknown {
                reason: error.to_string(),
            };
        }
        let mut usage = taken.usage;
        if let Some(billed) = &error.usage {
            let cost = self
                .policy
                .get()
                .prices
                .cost(model.client.descriptor(), &error.model, billed);
            usage += Usage {
                calls: 1,
                input_tokens: billed.input_tokens,
                output_tokens: billed.output_tokens,
                cost_micro_usd: cost.unwrap_or(0),
                unpriced_calls: u64::from(cost.is_none()),
            };
        }
        let name = if matches!(error.kind, ModelErrorKind::AuthRefused { .. }) {
            "authentication"
        } else {
            "communication"
        };
        let mut problem = WorkflowError::standard(
            name,
            502,
            format!("{}/{}: {}", error.provider, error.model, error.kind),
        )
        .detail(
            error
                .detail
                .as_ref()
                .map_or_else(|| error.help(), |detail| format!("{detail} ({})", error.help())),
        );
        problem.data = serde_json::json!({ "code": error.code() });
        EffectOutcome::Failed {
            error: problem,
            retryable: error.retryable() && error.max_retries().is_none_or(|most| self.call.attempt <= most),
            retry_after_ms: None,
            usage,
            retry: None,
        }
    }
}

/// The request as it goes to one of the models. A key names one request to one model: its place in the list and how
/// often the request was shortened.
fn put_to(model: &Resolved, (place, cuts): (usize, u32), request: &ChatRequest) -> ChatRequest {
    let mut request = request.clone();
    request.model.clone_from(&model.model);
    if let Some(key) = request.idempotency_key.as_mut() {
        if place > 0 {
            key.push_str(&format!("-{place}"));
        }
        if cuts > 0 {
            key.push_str(&format!("-shorter{cuts}"));
        }
    }
    request
}

fn next_note(error: &ModelError, models: &[Resolved], next: usize, after: Duration) -> String {
    let elsewhere = models
        .get(next)
        .filter(|next| next.model != error.model || next.client.descriptor().name != error.provider);
    let elsewhere = elsewhere.map_or_else(String::new, |next| {
        format!(
            "; asking {}/{} instead",
            next.client.descriptor().name,
            next.model
        )
    });
    let wait = if after.is_zero() {
        String::new()
    } else {
        format!("; waiting {} s", after.as_secs())
    };
    format!(
        "\n{}/{}: {}{elsewhere}{wait}\n",
        error.provider, error.model, error.kind
    )
}
