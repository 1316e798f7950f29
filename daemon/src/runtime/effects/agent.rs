//! `call: agent`: the pinned version's prompt, rendered over the input; the model's answer, checked.
//!
//! Waits out rate limits and refusals at the door (they cost nothing and happened to nobody); whatever may have been
//! billed is told to the engine, whose policy decides. Never shows an answer of the rehearsal as a model's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::entity::{Agent, AgentVersion};
use dirigent_protocol::run::{AgentCall, EffectKind, EffectOutcome, EffectRequest, Usage, WorkflowError};
use dirigent_protocol::watch::StreamSource;
use dirigent_providers::{
    ChatReply, ChatRequest, FinishReason, Message, ModelError, ModelErrorKind, Resolved, Role,
};
use futures::future::BoxFuture;
use serde_json::Value;

use super::agent_answer::{self, AnswerError};
use super::agent_quote;
use super::performer::{AgentSource, Call, Means, Performer, failed, misdirected, refused};
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::swap::Swap;
use crate::worker::{RenderRequest, WorkerPool};

/// Waits that cost nothing (429, refusals at the door) go on this long in all.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);
/// The first wait where the provider names none; doubled up to [`LAST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(60);

struct Agents {
    agents: Arc<dyn AgentSource>,
    policy: Arc<Swap<Policy>>,
    worker: Arc<WorkerPool>,
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the list")]
pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Agents {
        agents: means.agents.clone(),
        policy: means.policy.clone(),
        worker: means.worker.clone(),
    }))
}

impl Performer for Agents {
    fn kind(&self) -> EffectKind {
        EffectKind::Agent
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            let EffectRequest::Agent(wanted) = &call.request else {
                return misdirected();
            };
            match self.talk(wanted, &call).await {
                Ok(outcome) => outcome,
                Err(outcome) => *outcome,
            }
        })
    }
}

/// What one conversation has taken so far.
#[derive(Default)]
struct Taken {
    usage: Usage,
    facts: BTreeMap<String, Value>,
}

type Step<T> = Result<T, Box<EffectOutcome>>;

impl Agents {
    async fn talk(&self, wanted: &AgentCall, call: &Call) -> Step<EffectOutcome> {
        let version = self.version(wanted)?;
        let agent = &version.definition;
        if let Some(schema) = agent.input_schema.as_ref().filter(|_| wanted.message.is_none()) {
            agent_answer::check(schema, &wanted.input)
                .map_err(|error| invalid("The agent's input does not fit its schema", error.to_string()))?;
        }
        let model = self
            .policy
            .get()
            .providers
            .resolve(&agent.model)
            .map_err(|error| {
                let detail = format!("{error}: {}", error.help());
                Box::new(refused("configuration", 400, "No such model", detail))
            })?;
        let mut request = self.request(agent, wanted, call, &model).await?;
        if call.reserved.is_some() {
            agent_quote::keep_within(agent, wanted, &mut request)?;
        }
        let mut taken = Taken::default();
        let reply = self.ask(&model, request.clone(), call, &mut taken).await?;
        let shape = agent.output_schema.as_ref().filter(|_| wanted.message.is_none());
        let answer = match agent_answer::read(shape, &reply.content) {
            Ok(answer) => answer,
            Err(error) => {
                let repair = repair(&error);
                if call.reserved.is_some() && !agent_quote::may_repair(&repair) {
                    return Err(unfit(&error, &reply, taken.usage));
                }
                call.live.write(
                    StreamSource::Note,
                    &format!("\nthe answer does not fit ({error}); asking once more\n"),
                );
                request
                    .messages
                    .push(Message::new(Role::Assistant, reply.content));
                request.messages.push(Message::new(Role::User, repair));
                request.idempotency_key = Some(format!("{}-repair", call.key));
                let second = self.ask(&model, request, call, &mut taken).await?;
                taken.facts.insert("repaired".into(), true.into());
                agent_answer::read(shape, &second.content)
                    .map_err(|error| unfit(&error, &second, taken.usage))?
            }
        };
        taken
            .facts
            .insert("agent_version".into(), version.digest.clone().into());
        Ok(EffectOutcome::Done {
            output: Arc::new(answer),
            usage: taken.usage,
            facts: taken.facts,
        })
    }

    fn version(&self, wanted: &AgentCall) -> Step<AgentVersion> {
        self.agents.agent(&wanted.agent, wanted.version).map_err(|error| {
            Box::new(refused(
                "configuration",
                404,
                "No such agent",
                format!("`{}`: {error}", wanted.agent),
            ))
        })
    }

    async fn request(
        &self,
        agent: &Agent,
        wanted: &AgentCall,
        call: &Call,
        model: &Resolved,
    ) -> Step<ChatRequest> {
        let messages = self.messages(agent, wanted, call).await?;
        let mut request = ChatRequest::new(model.model.clone(), messages);
        request.temperature = agent.temperature;
        request.max_tokens = agent.max_tokens;
        if wanted.message.is_none() {
            request.response_schema.clone_from(&agent.output_schema);
        }
        request.idempotency_key = Some(call.key.to_string());
        if let Some(seconds) = agent.timeout_s {
            request.timeouts.total = Duration::from_secs(u64::from(seconds));
        }
        Ok(request)
    }

    /// The agent's own words over its input; or its instructions, and a message in the place of its prompt.
    async fn messages(&self, agent: &Agent, wanted: &AgentCall, call: &Call) -> Step<Vec<Message>> {
        let mut messages = Vec::new();
        for (name, role, source) in [
            ("system", Role::System, &agent.system),
            ("prompt", Role::User, &agent.prompt),
        ] {
            if source.is_empty() && role == Role::System {
                continue;
            }
            if let (Role::User, Some(message)) = (role, &wanted.message) {
                messages.push(Message::new(role, message.clone()));
                continue;
            }
            let template = RenderRequest {
                name: name.into(),
                source: source.clone(),
                input: wanted.input.clone(),
            };
            match self.worker.render(template).await {
                Ok(text) => messages.push(Message::new(role, text)),
                // Instructions that are written over another input than this one must not keep it from answering.
                Err(error) if wanted.message.is_some() => call.live.write(
                    StreamSource::Note,
                    &format!("\nits instructions do not fit ({error}); it answers without them\n"),
                ),
                Err(error) => {
                    let title = "The prompt cannot be rendered";
                    return Err(Box::new(refused("expression", 400, title, error.to_string())));
                }
            }
        }
        Ok(messages)
    }

    /// One answer. Refusals that certainly cost nothing are waited out.
    async fn ask(
        &self,
        model: &Resolved,
        request: ChatRequest,
        call: &Call,
        taken: &mut Taken,
    ) -> Step<ChatReply> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut own_wait = FIRST_WAIT;
        loop {
            let sink = |piece: &str| call.live.write(StreamSource::Model, piece);
            let error = match model
                .client
                .chat(request.clone(), &sink, call.cancel.clone())
                .await
            {
                Ok(reply) => {
                    self.count(model, &reply, taken);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            let Some(wait) = wait_for(&error, own_wait) else {
                return Err(Box::new(self.lost(model, &error, call.attempt, taken)));
            };
            if tokio::time::Instant::now() + wait > deadline {
                return Err(Box::new(self.lost(model, &error, call.attempt, taken)));
            }
            own_wait = (own_wait * 2).min(LAST_WAIT);
            call.live.write(
                StreamSource::Note,
                &format!("\n{}; waiting {} s\n", error.kind, wait.as_secs()),
            );
            tokio::select! {
                () = call.cancel.cancelled() => return Err(Box::new(EffectOutcome::Cancelled)),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn count(&self, model: &Resolved, reply: &ChatReply, taken: &mut Taken) {
        let client = model.client.descriptor();
        let cost = self.policy.get().prices.cost(client, &reply.model, &reply.usage);
        taken.usage += Usage {
            calls: 1,
            input_tokens: reply.usage.input_tokens,
            output_tokens: reply.usage.output_tokens,
            cost_micro_usd: cost.unwrap_or(0),
            unpriced_calls: u64::from(cost.is_none()),
        };
        let facts = &mut taken.facts;
        facts.insert("provider".into(), client.name.clone().into());
        facts.insert("model".into(), reply.model.clone().into());
        facts.insert("finish_reason".into(), finish(&reply.finish_reason).into());
        if let Some(id) = &reply.response_id {
            facts.insert("response_id".into(), id.clone().into());
        }
        for (name, holds) in [
            ("rehearsal", reply.rehearsal),
            ("replaced_bytes", reply.replaced_bytes),
            ("usage_estimated", reply.usage.estimated),
        ] {
            if holds {
                facts.insert(name.into(), true.into());
            }
        }
    }

    /// There is no answer: cancelled, known to have failed, or unknown.
    fn lost(&self, model: &Resolved, error: &ModelError, attempt: u32, taken: &Taken) -> EffectOutcome {
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
            retryable: error.retryable() && error.max_retries().is_none_or(|most| attempt <= most),
            retry_after_ms: None,
            usage,
        }
    }
}

/// How long to wait before the same request goes out again; none where that is not ours to decide.
fn wait_for(error: &ModelError, own: Duration) -> Option<Duration> {
    let at_the_door = match &error.kind {
        ModelErrorKind::RateLimited { .. } => true,
        ModelErrorKind::Server { .. } => error.outcome_known(),
        _ => false,
    };
    at_the_door.then(|| error.retry_after().unwrap_or(own))
}

fn finish(reason: &FinishReason) -> String {
    match reason {
        FinishReason::Stop => "stop".into(),
        FinishReason::Length => "length".into(),
        FinishReason::ContentFilter => "content_filter".into(),
        FinishReason::Other(word) => word.clone(),
    }
}

fn repair(error: &AnswerError) -> String {
    format!("That is not usable: {error}. Answer again with nothing but one JSON value that fits the schema.")
}

fn invalid(title: &str, detail: String) -> Box<EffectOutcome> {
    Box::new(refused("validation", 400, title, detail))
}

fn unfit(error: &AnswerError, reply: &ChatReply, usage: Usage) -> Box<EffectOutcome> {
    let cut = if reply.finish_reason == FinishReason::Length {
        "; it was cut at max_tokens"
    } else {
        ""
    };
    let problem = WorkflowError::standard(
        "validation",
        422,
        "The model's answer does not fit the output schema",
    )
    .detail(format!("{error}{cut}"));
    let EffectOutcome::Failed {
        error,
        retryable,
        retry_after_ms,
        ..
    } = failed(problem, true)
    else {
        return Box::new(misdirected());
    };
    Box::new(EffectOutcome::Failed {
        error,
        retryable,
        retry_after_ms,
        usage,
    })
}
