//! `call: agent`: the pinned version's prompt, rendered over the input; the model's answer, checked.
//!
//! Waits out rate limits and refusals at the door (they cost nothing and happened to nobody), or asks the agent's next
//! model instead; whatever may have been billed is told to the engine, whose policy decides. Never shows an answer of the rehearsal as a model's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::chat::Part;
use dirigent_protocol::entity::{Agent, AgentVersion};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{
    AgentCall, EffectId, EffectKind, EffectOutcome, EffectRequest, Usage, WorkflowError,
};
use dirigent_protocol::watch::StreamSource;
use dirigent_providers::{
    ChatReply, ChatRequest, Fallback, FinishReason, Message, ModelError, ModelErrorKind, Next, Resolved, Role,
};
use futures::future::BoxFuture;
use serde_json::Value;

use super::agent_answer::{self, AnswerError};
use super::agent_quote;
use super::agent_tools::{self, Manifests, Servers};
use super::foreign::{Foreign, Task};
use super::mcp::Mcp;
use super::performer::{AgentSource, Call, Means, Performer, failed, misdirected, refused};
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::swap::Swap;
use crate::tools::Toolbox;
use crate::worker::{RenderRequest, WorkerPool};

struct Agents {
    agents: Arc<dyn AgentSource>,
    policy: Arc<Swap<Policy>>,
    worker: Arc<WorkerPool>,
    mcp: Mcp,
    manifests: Manifests,
    foreign: Foreign,
}

pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Agents {
        agents: means.agents.clone(),
        policy: means.policy.clone(),
        worker: means.worker.clone(),
        mcp: Mcp::open(means)?,
        manifests: Manifests::default(),
        foreign: Foreign::open(means)?,
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
            match Box::pin(self.talk(wanted, &call)).await {
                Ok(outcome) => outcome,
                Err(outcome) => *outcome,
            }
        })
    }

    fn over(&self, run: RunId) {
        self.foreign.over(run);
    }

    fn abandon(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.foreign.abandon() })
    }

    fn clear<'a>(&'a self, run: RunId, effect: EffectId, key: &'a str) -> BoxFuture<'a, ()> {
        // It may have asked servers for their tools.
        self.mcp.clear(run, effect, key)
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
    async fn talk(&self, asked: &AgentCall, call: &Call) -> Step<EffectOutcome> {
        let version = self.version(asked)?;
        let agent = &version.definition;
        // A later turn names the first, whose input it goes on with.
        let wanted = call.conversation.as_deref().map_or(asked, |talk| &*talk.call);
        if let Some(schema) = agent.input_schema.as_ref().filter(|_| wanted.message.is_none()) {
            agent_answer::check(schema, &wanted.input)
                .map_err(|error| invalid("The agent's input does not fit its schema", error.to_string()))?;
        }
        let Some(foreign) = &agent.foreign else {
            return Box::pin(self.turn(&version, (asked, wanted), call)).await;
        };
        let task = Task {
            agent,
            foreign,
            version: &version.digest,
            prompt: words(&self.messages(agent, wanted, call).await?),
        };
        Ok(Box::pin(self.foreign.work(&task, call)).await)
    }

    async fn turn(
        &self,
        version: &AgentVersion,
        (asked, wanted): (&AgentCall, &AgentCall),
        call: &Call,
    ) -> Step<EffectOutcome> {
        let agent = &version.definition;
        let talk = call.conversation.as_deref();
        let models = self.models(agent)?;
        let mut request = self.request(agent, wanted, call).await?;
        let servers = Servers {
            mcp: &self.mcp,
            kept: &self.manifests,
            call,
        };
        let toolbox = agent_tools::open(agent, &servers, talk).await?;
        request.messages.extend(agent_tools::said(talk));
        request.tools = toolbox.as_ref().map(Toolbox::offer).unwrap_or_default();
        if call.reserved.is_some() {
            agent_quote::keep_within(agent, asked, &mut request)?;
        }
        agent_tools::show_answers(call);
        let mut taken = Taken::default();
        let reply = self.ask(&models, request.clone(), call, &mut taken).await?;
        if let Some(toolbox) = toolbox.filter(|_| reply.tool_calls().next().is_some()) {
            let (who, took) = ((agent, version.digest.as_str()), (taken.usage, taken.facts));
            return Ok(agent_tools::turn(&toolbox, who, reply.message(), call, took));
        }
        let shape = agent.output_schema.as_ref().filter(|_| wanted.message.is_none());
        let answer = match agent_answer::read(shape, &reply.text()) {
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
                request.messages.push(reply.message());
                request.messages.push(Message::text(Role::User, repair));
                request.idempotency_key = Some(format!("{}-repair", call.key));
                let second = self.ask(&models, request, call, &mut taken).await?;
                taken.facts.insert("repaired".into(), true.into());
                agent_answer::read(shape, &second.text())
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

    /// The agent's models, best first.
    fn models(&self, agent: &Agent) -> Step<Vec<Resolved>> {
        let providers = &self.policy.get().providers;
        let names = std::iter::once(&agent.model).chain(&agent.fallback_models);
        let models = names.map(|name| {
            providers.resolve(name).map_err(|error| {
                let detail = format!("{error}: {}", error.help());
                Box::new(refused("configuration", 400, "No such model", detail))
            })
        });
        models.collect()
    }

    async fn request(&self, agent: &Agent, wanted: &AgentCall, call: &Call) -> Step<ChatRequest> {
        let messages = self.messages(agent, wanted, call).await?;
        let mut request = ChatRequest::new("", messages);
        request.temperature = agent.temperature;
        request.max_tokens = agent.max_tokens;
        request.effort = agent.effort;
        request.rehearsal.clone_from(&agent.rehearsal);
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
                messages.push(Message::text(role, message.clone()));
                continue;
            }
            let template = RenderRequest {
                name: name.into(),
                source: source.clone(),
                input: wanted.input.clone(),
            };
            match self.worker.render(template).await {
                Ok(text) => messages.push(Message::text(role, text)),
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

    /// One answer. Refusals that certainly cost nothing are waited out, or the next model is asked.
    async fn ask(
        &self,
        models: &[Resolved],
        request: ChatRequest,
        call: &Call,
        taken: &mut Taken,
    ) -> Step<ChatReply> {
        let started = tokio::time::Instant::now();
        let mut fallback = Fallback::new(models.len());
        let mut place = 0;
        while let Some(model) = models.get(place) {
            let sink = |piece: &str| call.live.write(StreamSource::Model, piece);
            let asked = put_to(model, place, &request);
            let error = match model.client.chat(asked, &sink, call.cancel.clone()).await {
                Ok(reply) => {
                    self.count(model, &reply, taken);
                    if place > 0 {
                        taken.facts.insert("fallback".into(), (place as u64).into());
                    }
                    return Ok(reply);
                }
                Err(error) => error,
            };
            let Next::Ask { model: next, after } = fallback.after(&error, started.elapsed()) else {
                return Err(Box::new(self.lost(model, &error, call.attempt, taken)));
            };
            call.live
                .write(StreamSource::Note, &next_note(&error, models, next, after));
            place = next;
            tokio::select! {
                () = call.cancel.cancelled() => return Err(Box::new(EffectOutcome::Cancelled)),
                () = tokio::time::sleep(after) => {}
            }
        }
        Err(Box::new(misdirected()))
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
        if reply.masked_key {
            tracing::warn!(provider = %client.name, model = %reply.model, "an answer held the key it was asked with");
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

/// The texts of messages, as one.
fn words(messages: &[Message]) -> String {
    let parts = messages.iter().flat_map(|message| &message.parts);
    let texts = parts.filter_map(|part| match part {
        Part::Text { content } => Some(content.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// The request as it goes to one of the models. A key names one request to one model.
fn put_to(model: &Resolved, place: usize, request: &ChatRequest) -> ChatRequest {
    let mut request = request.clone();
    request.model.clone_from(&model.model);
    if let Some(key) = request.idempotency_key.as_mut().filter(|_| place > 0) {
        key.push_str(&format!("-{place}"));
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
