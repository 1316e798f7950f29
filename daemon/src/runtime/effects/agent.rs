//! `call: agent`: the pinned version's prompt, rendered over the input; the model's answer, checked.
//!
//! What was said before stands between its instructions and what is said now, as what it was. Does not choose among
//! models and waits for nothing itself. Never shows an answer of the rehearsal as a model's.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::chat::Part;
use dirigent_protocol::entity::{Agent, AgentVersion, ForeignKind};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{
    AgentCall, EffectId, EffectKind, EffectOutcome, EffectRequest, Usage, WorkflowError,
};
use dirigent_protocol::watch::StreamSource;
use dirigent_providers::{ChatReply, ChatRequest, FinishReason, Message, Role};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::agent_answer::{self, AnswerError};
use super::agent_ask::{Asker, Step, Taken};
use super::agent_context::{Window, recent};
use super::agent_cut;
use super::agent_door::Door;
use super::agent_listed;
use super::agent_quote;
use super::agent_retry;
use super::agent_tools::{self, Manifests, Servers};
use super::foreign::{self, Elsewhere, Foreign, Task, most_told};
use super::mcp::Mcp;
use super::performer::{AgentSource, Call, Means, Performer, misdirected, refused};
use super::security::Security;
use super::watch::Watch;
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::swap::Swap;
use crate::tools::Toolbox;
use crate::worker::{RenderRequest, WorkerPool};

/// Most strange calls of one turn that are noted each for itself.
const MOST_NOTED: usize = 8;

struct Agents {
    agents: Arc<dyn AgentSource>,
    policy: Arc<Swap<Policy>>,
    worker: Arc<WorkerPool>,
    mcp: Mcp,
    manifests: Manifests,
    foreign: Foreign,
    security: Arc<Security>,
    watch: Arc<Watch>,
    door: Door,
}

pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Agents {
        agents: means.agents.clone(),
        policy: means.policy.clone(),
        worker: means.worker.clone(),
        mcp: Mcp::open(means)?,
        manifests: Manifests::default(),
        foreign: Foreign::open(means)?,
        security: means.security.clone(),
        watch: means.watch.clone(),
        door: Door::default(),
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
            let version = match self.version(wanted) {
                Ok(version) => version,
                Err(outcome) => return *outcome,
            };
            let outcome = match Box::pin(self.talk(&version, wanted, &call)).await {
                Ok(outcome) => outcome,
                Err(outcome) => *outcome,
            };
            agent_retry::with_policy(outcome, version.definition.retry.as_ref(), call.attempt)
        })
    }

    fn over(&self, run: RunId) -> Vec<BoxFuture<'static, ()>> {
        self.foreign.over(run);
        let open = self.foreign.elsewhere.over(run).into_iter();
        open.map(|call| {
            let (agents, elsewhere) = (self.agents.clone(), self.foreign.elsewhere.clone());
            Box::pin(async move { stop(&*agents, &elsewhere, &call).await }) as BoxFuture<'static, ()>
        })
        .collect()
    }

    fn unwanted<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, ()> {
        Box::pin(stop(&*self.agents, &self.foreign.elsewhere, call))
    }

    fn abandon(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.foreign.abandon() })
    }

    fn clear<'a>(&'a self, run: RunId, effect: EffectId, key: &'a str) -> BoxFuture<'a, ()> {
        // It may have asked servers for their tools.
        self.mcp.clear(run, effect, key)
    }
}

/// What goes on elsewhere is called off.
async fn stop(agents: &dyn AgentSource, elsewhere: &Elsewhere, call: &Call) {
    let EffectRequest::Agent(wanted) = &call.request else {
        return;
    };
    let Ok(version) = agents.agent(&wanted.agent, wanted.version) else {
        return;
    };
    let agent = &version.definition;
    if let Some(foreign) = agent.foreign.as_ref().filter(|one| one.kind == ForeignKind::A2a) {
        elsewhere.stop((agent, foreign), call).await;
    }
}

impl Agents {
    async fn talk(&self, version: &AgentVersion, asked: &AgentCall, call: &Call) -> Step<EffectOutcome> {
        let agent = &version.definition;
        if asked.tools {
            let servers = Servers {
                mcp: &self.mcp,
                kept: &self.manifests,
                call,
            };
            return Box::pin(agent_listed::listed(version, &asked.agent, &servers)).await;
        }
        // A later turn names the first, whose input it goes on with.
        let wanted = call.conversation.as_deref().map_or(asked, |talk| &*talk.call);
        if let Some(schema) = agent.input_schema.as_ref().filter(|_| wanted.message.is_none()) {
            agent_answer::check(schema, &wanted.input)
                .map_err(|error| invalid("The agent's input does not fit its schema", error.to_string()))?;
        }
        let Some(foreign) = &agent.foreign else {
            return Box::pin(self.turn(version, (asked, wanted), call)).await;
        };
        if call.trial {
            let detail = "it is a program of its own: nobody can hold back what it does. Run it instead";
            return Err(Box::new(refused(
                "runtime",
                409,
                "Not performed while trying",
                detail,
            )));
        }
        let now = words(&self.messages(agent, wanted, call).await?);
        let most = agent.context.unwrap_or_default().most();
        let history = recent(&wanted.history, most.min(most_told(foreign, &now)));
        let forgotten = wanted.history.len() - history.len();
        let task = Task {
            agent,
            foreign,
            version: &version.digest,
            prompt: as_text(history, &now),
            secrets: std::collections::BTreeMap::new(),
        };
        let outcome = Box::pin(self.foreign.work(task, call)).await;
        let outcome = if wanted.messages {
            with_messages(outcome, &now, forgotten)
        } else {
            outcome
        };
        Ok(outcome.bringing(foreign::given(agent, foreign)))
    }

    async fn turn(
        &self,
        version: &AgentVersion,
        (asked, wanted): (&AgentCall, &AgentCall),
        call: &Call,
    ) -> Step<EffectOutcome> {
        let agent = &version.definition;
        let talk = call.conversation.as_deref();
        let asker = Asker {
            agent,
            call,
            policy: &self.policy,
            security: &self.security,
            watch: &self.watch,
            door: &self.door,
        };
        asker.models()?;
        let mut request = self.request(agent, wanted, call).await?;
        let policy = agent.context.unwrap_or_default();
        let mut window = Window::open(policy, &wanted.history, &mut request.messages);
        let servers = Servers {
            mcp: &self.mcp,
            kept: &self.manifests,
            call,
        };
        let toolbox = agent_tools::open(agent, &servers, talk).await?;
        request.messages.extend(agent_tools::said(talk));
        request.tools = toolbox.as_ref().map(Toolbox::offer).unwrap_or_default();
        if call.reserved.is_some() {
            agent_quote::keep_within(agent, asked, &mut request, &mut window)?;
        }
        agent_tools::show_answers(call);
        let mut taken = Taken::default();
        let reply = asker.ask(&mut request, &mut window, &mut taken).await?;
        agent_cut::judge((agent, wanted), &reply, &mut taken)?;
        if window.missing() > 0 {
            let missing = window.missing() as u64;
            taken.facts.insert("messages_left_out".into(), missing.into());
        }
        if let Some(toolbox) = toolbox.filter(|_| reply.tool_calls().next().is_some()) {
            self.note_strange(&wanted.agent, &toolbox, &reply, call).await;
            let (who, took) = ((agent, version.digest.as_str()), (taken.usage, taken.facts));
            return Ok(agent_tools::turn(&toolbox, who, reply.message(), call, took));
        }
        let shape = agent.output_schema.as_ref().filter(|_| wanted.message.is_none());
        let answer = read(&asker, shape, reply, (&mut request, &mut window, &mut taken)).await?;
        let digest = version.digest.clone();
        taken.facts.insert("agent_version".into(), digest.into());
        Ok(EffectOutcome::Done {
            output: Arc::new(if wanted.messages {
                let cut = taken.facts.contains_key("cut");
                window.told(&request.messages, answer, cut)
            } else if call.trial {
                agent_tools::tried(answer, talk)
            } else {
                answer
            }),
            usage: taken.usage,
            facts: taken.facts,
        }
        .bringing(agent_tools::given(agent)))
    }

    /// Notes calls of tools that the model was not offered.
    async fn note_strange(&self, agent: &str, toolbox: &Toolbox, reply: &ChatReply, call: &Call) {
        let strange = reply.tool_calls().filter(|asked| !toolbox.offers(&asked.name));
        for asked in strange.take(MOST_NOTED) {
            let name: String = asked.name.chars().take(64).flat_map(char::escape_debug).collect();
            let detail = format!("the model of the agent `{agent}` called a tool that it was not offered");
            self.security
                .note(call.run, "tools.not_granted", &name, &detail)
                .await;
        }
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
}

/// The answer in its shape; asked for once more where it does not fit. The messages of the request end with it.
async fn read(
    asker: &Asker<'_>,
    shape: Option<&Value>,
    reply: ChatReply,
    (request, window, taken): (&mut ChatRequest, &mut Window, &mut Taken),
) -> Step<Value> {
    let error = match agent_answer::read(shape, &reply.text()) {
        Ok(answer) => {
            request.messages.push(reply.message());
            return Ok(answer);
        }
        Err(error) => error,
    };
    let repair = repair(&error);
    if asker.call.reserved.is_some() && !agent_quote::may_repair(&repair) {
        return Err(unfit(&error, &reply, taken.usage));
    }
    let note = format!("\nthe answer does not fit ({error}); asking once more\n");
    asker.call.live.withdraw(&note);
    request.messages.push(reply.message());
    request.messages.push(Message::text(Role::User, repair));
    request.idempotency_key = Some(format!("{}-repair", asker.call.key));
    let second = asker.ask(request, window, taken).await?;
    taken.facts.insert("repaired".into(), true.into());
    let answer = agent_answer::read(shape, &second.text());
    let answer = answer.map_err(|error| unfit(&error, &second, taken.usage))?;
    request.messages.push(second.message());
    Ok(answer)
}

/// What was said before, in words: for programs that are told one text. What tools were asked and told is their own.
fn as_text(history: &[Message], now: &str) -> String {
    let said = history.iter().filter_map(|message| {
        let who = match message.role {
            Role::User => "Person",
            Role::Assistant => "You",
            Role::System | Role::Tool => return None,
        };
        let words = message.words();
        (!words.is_empty()).then(|| format!("{who}: {words}\n\n"))
    });
    let said: String = said.collect();
    if said.is_empty() {
        return now.to_owned();
    }
    format!("The conversation so far:\n\n{said}The person says now:\n\n{now}")
}

/// What a program did, with what was said as messages.
fn with_messages(mut outcome: EffectOutcome, said: &str, forgotten: usize) -> EffectOutcome {
    if let EffectOutcome::Done { output, .. } = &mut outcome {
        let text = output.get("text").unwrap_or(output);
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        let messages = [
            Message::text(Role::User, said),
            Message::text(Role::Assistant, text.clone()),
        ];
        *output = Arc::new(json!({ "answer": text, "messages": messages, "forgotten": forgotten }));
    }
    outcome
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
    let mut problem = WorkflowError::standard(
        "validation",
        422,
        "The model's answer does not fit the output schema",
    )
    .detail(format!("{error}{cut}"));
    if !cut.is_empty() {
        problem.data = json!({ "code": "answer_cut_at_limit" });
    }
    Box::new(EffectOutcome::Failed {
        error: problem,
        retryable: true,
        retry_after_ms: None,
        usage,
        retry: None,
    })
}
