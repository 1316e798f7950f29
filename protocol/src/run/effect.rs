//! Effects: everything that touches the world outside the engine, as data.
//!
//! Invariant: a request is complete; the performer needs nothing but it and the secrets it names. What was recorded
//! as intended is what is performed, byte for byte.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::retry::RetryTerms;
use super::{
    A2aCall, AgentTurn, AnswerWord, Authentication, CommandCall, ContainerCall, EffectAnswer, EffectAsk,
    FileCall, FileDeed, FunctionCall, Handoff, McpCall, NotifyCall, OpenapiCall, PermissionCall, RouteCall,
    Sandbox, ScriptCall, Traits, TurnRef, Usage, WorkflowCall, WorkflowError,
};
use crate::Payload;
use crate::chat::Message;
use crate::digest::Digest;

/// Names an effect within its run: the sequence number of the event that brought it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub u64);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectRequest {
    /// Nothing, durably: the unit of every benchmark.
    Noop {
        /// Handed back as the outcome.
        #[serde(default)]
        value: Payload,
    },
    /// One HTTP request.
    Http(HttpCall),
    /// One command.
    Shell(ShellCall),
    /// One call of an agent.
    Agent(AgentCall),
    /// One script.
    Script(ScriptCall),
    /// One container.
    Container(ContainerCall),
    /// One operation of an OpenAPI document.
    Openapi(OpenapiCall),
    /// One message to an agent elsewhere.
    A2a(A2aCall),
    /// One request to an MCP server.
    Mcp(McpCall),
    /// One run of another workflow.
    Workflow(WorkflowCall),
    /// One run of a function that lies elsewhere.
    Function(FunctionCall),
    /// A notice to people; it is in the commit of its own intent.
    Notify(NotifyCall),
    /// Which agent does it: the rules of routing are asked.
    Route(RouteCall),
    /// Something done to files of a workspace.
    File(FileCall),
    /// One program of an agent.
    Command(CommandCall),
    /// Leave that an agent of somebody else asks for.
    Permission(PermissionCall),
}

impl EffectRequest {
    /// Which performer and which permits it needs.
    #[must_use]
    pub const fn kind(&self) -> EffectKind {
        match self {
            Self::Noop { .. } | Self::Notify(_) | Self::Route(_) | Self::Permission(_) => EffectKind::Noop,
            Self::Http(_) | Self::Openapi(_) | Self::A2a(_) => EffectKind::Http,
            Self::Shell(_) | Self::Script(_) | Self::Container(_) | Self::Command(_) => EffectKind::Shell,
            Self::Agent(_) => EffectKind::Agent,
            Self::Mcp(_) => EffectKind::Mcp,
            Self::Workflow(_) | Self::Function(_) => EffectKind::Workflow,
            Self::File(_) => EffectKind::File,
        }
    }

    /// Whether it is a run of its own.
    #[must_use]
    pub const fn is_run(&self) -> bool {
        matches!(self.kind(), EffectKind::Workflow)
    }

    /// What comes into the run with its answer, where it is a step that a workflow's author wrote: others write what is
    /// on the network, and a program reads what is not public.
    #[must_use]
    pub const fn brings(&self) -> Traits {
        let (untrusted, private) = match self {
            Self::Http(_) | Self::Openapi(_) | Self::A2a(_) => (true, false),
            Self::Shell(_) | Self::Script(_) | Self::Container(_) | Self::Mcp(_) => (true, true),
            Self::Noop { .. }
            | Self::Agent(_)
            | Self::Workflow(_)
            | Self::Function(_)
            | Self::Notify(_)
            | Self::Route(_)
            | Self::File(_)
            | Self::Command(_)
            | Self::Permission(_) => (false, false),
        };
        Traits {
            untrusted,
            private,
            outward: false,
        }
    }

    /// Names of the secrets that may be filled in where their marks stand.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        match self {
            Self::Http(call) => &call.secrets,
            Self::Shell(call) => &call.secrets,
            Self::Script(call) => &call.process.secrets,
            Self::Container(call) => &call.process.secrets,
            Self::Openapi(call) => &call.secrets,
            Self::A2a(call) => &call.secrets,
            Self::Mcp(call) => &call.secrets,
            Self::Noop { .. }
            | Self::Agent(_)
            | Self::Workflow(_)
            | Self::Function(_)
            | Self::Notify(_)
            | Self::Route(_)
            | Self::File(_)
            | Self::Command(_)
            | Self::Permission(_) => &[],
        }
    }

    /// What people said to its questions, oldest first.
    #[must_use]
    pub fn answers(&self) -> &[EffectAnswer] {
        match self {
            Self::Mcp(call) => &call.answers,
            Self::A2a(call) => &call.answers,
            Self::Agent(call) => &call.answers,
            _ => &[],
        }
    }

    /// The same request with one more answer; nothing where requests of its kind ask nobody.
    #[must_use]
    pub fn answered(mut self, answer: EffectAnswer) -> Option<Self> {
        match &mut self {
            Self::Mcp(call) => call.answers.push(answer),
            Self::A2a(call) => call.answers.push(answer),
            Self::Agent(call) => call.answers.push(answer),
            _ => return None,
        }
        Some(self)
    }

    /// Whether it only looks after what was begun before: it may be repeated as often as it is cut off.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.answers()
            .last()
            .is_some_and(|answer| answer.word == AnswerWord::GoesOn)
    }

    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Noop { .. } => "noop".to_owned(),
            Self::Http(call) => format!("{} {}", call.method, call.uri),
            Self::Shell(call) => format!("sh: {}", call.command.trim()),
            Self::Agent(call) => match (&call.handoff, call.turn) {
                (Some(handoff), _) => {
                    format!("handoff {} to {}: {}", handoff.from, handoff.to, handoff.reason)
                }
                (None, Some(turn)) => format!("agent {}, turn {}", call.agent, turn.number + 1),
                (None, None) if call.tools => format!("tools of agent {}", call.agent),
                (None, None) => format!("agent {}", call.agent),
            },
            Self::Script(call) => format!("script in {}", call.language),
            Self::Container(call) => format!("container {}", call.image),
            Self::Openapi(call) => format!("openapi {} of {}", call.operation, call.document.uri),
            Self::A2a(call) => format!("a2a {}", call.method),
            Self::Mcp(call) => match call.parameters.get("name").and_then(Value::as_str) {
                Some(name) => format!("mcp {} {name}", call.method),
                None => format!("mcp {}", call.method),
            },
            Self::Workflow(call) => format!("workflow {} {}", call.name, call.version),
            Self::Function(call) => format!("function {}", call.function),
            Self::Notify(call) => format!("notify: {}", call.title),
            Self::Route(call) => format!("route: {}", call.capability),
            Self::Command(call) => call.summary(),
            Self::Permission(call) => call.title.clone(),
            Self::File(call) => match &call.deed {
                FileDeed::Read => format!("read {}", call.path),
                FileDeed::List => format!("list {}", call.path),
                FileDeed::Search { query, .. } => format!("search {} for {query}", call.workspace),
                FileDeed::Write { content } => format!("write {} ({} bytes)", call.path, content.len()),
            },
        }
    }

    /// Digest of the canonical form: the same request has the same digest at every attempt.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_value(self).unwrap_or(Value::Null))
    }
}

/// The kinds of effects; each has one performer and one pool of permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectKind {
    /// Nothing.
    Noop,
    /// HTTP request.
    Http,
    /// Command.
    Shell,
    /// Agent.
    Agent,
    /// Request to an MCP server.
    Mcp,
    /// Run of another workflow: it waits, and does nothing itself.
    Workflow,
    /// Files of a workspace.
    File,
}

impl EffectKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Noop,
        Self::Http,
        Self::Shell,
        Self::Agent,
        Self::Mcp,
        Self::Workflow,
        Self::File,
    ];

    /// Whether it takes something from the machine while it lasts, so that it counts towards the limit of all.
    #[must_use]
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Noop | Self::Workflow)
    }
}

/// `call: http`, every expression evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HttpCall {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Absolute URI, query included.
    pub uri: String,
    /// Header fields.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON body, or a string sent as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What becomes of the answer: `content`, `response` or `raw`.
    #[serde(default)]
    pub output: String,
    /// Follow redirects to success (the specification's `redirect`).
    #[serde(default)]
    pub redirect: bool,
    /// Milliseconds before it is given up; none means the daemon's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Who sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// Secrets that may be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// `run: shell`, every expression evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShellCall {
    /// Command line for `/bin/sh -c`.
    pub command: String,
    /// Positional arguments, passed unchanged (`$1`, `$2`, ...).
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Text on standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Variables added to a small, fixed environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Working directory; none means a fresh one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// What becomes of the result: `stdout`, `stderr`, `code`, `all` or `none` (the specification's `return`).
    #[serde(default)]
    pub returns: String,
    /// `await: false`: start it and go on.
    #[serde(default)]
    pub detached: bool,
    /// What it is kept to at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// Secrets that may be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// `call: agent`: a pinned version of an agent and its input.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AgentCall {
    /// The agent's name.
    pub agent: String,
    /// The version this run pinned; none where the name was computed and is looked up at the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Digest>,
    /// Input, checked against the agent's input schema.
    pub input: Payload,
    /// Said to the agent as it is, in the place of its own prompt; its answer is text. Its input is not checked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What was said before, oldest first, tool calls and their answers included; stands before what is said now.
    #[serde(default, skip_serializing_if = "no_messages")]
    pub history: Arc<Vec<Message>>,
    /// What came of it is `{ answer, messages, forgotten }`: what was said in it as messages, and how many of the
    /// history's first messages its model was not given any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub messages: bool,
    /// Its model is not asked: what came of it is what its tools are now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tools: bool,
    /// Who hands the matter over to it, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<Handoff>,
    /// The turn of a conversation with tools, from the second on; input and message are those of the first then, and
    /// absent here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnRef>,
    /// What people said to what had to be known before its model could be asked (a server of its tools wants a sign-in);
    /// of an agent elsewhere, what is known of its task and what people said to its questions. Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<EffectAnswer>,
}

impl AgentCall {
    /// Bytes of its history as JSON.
    #[must_use]
    pub fn history_bytes(&self) -> usize {
        self.history.iter().map(Message::bytes).sum()
    }
}

fn no_messages(messages: &Arc<Vec<Message>>) -> bool {
    messages.is_empty()
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectOutcome {
    /// It happened; this came back.
    Done {
        /// The task's raw output.
        output: Payload,
        /// What it took, for model calls.
        #[serde(default)]
        usage: Usage,
        /// Facts for people: the model that answered, the status code, the exit code.
        #[serde(default)]
        facts: BTreeMap<String, Value>,
    },
    /// A model answered and wants tools first: the agent's step goes on with them.
    Turn {
        /// What it said, and what becomes of its calls.
        turn: Arc<AgentTurn>,
        /// What it took.
        #[serde(default)]
        usage: Usage,
        /// Facts for people.
        #[serde(default)]
        facts: BTreeMap<String, Value>,
    },
    /// It failed and it is known that it did (the outside answered with an error, or was never reached).
    Failed {
        /// What went wrong.
        error: WorkflowError,
        /// Trying again with a new key may help.
        #[serde(default)]
        retryable: bool,
        /// The outside asked to wait this long.
        #[serde(default)]
        retry_after_ms: Option<u64>,
        /// What it took all the same.
        #[serde(default)]
        usage: Usage,
        /// What was asked says how it wants to be tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<Box<RetryTerms>>,
    },
    /// It was begun and nobody knows how it ended.
    Unknown {
        /// Why nobody knows: a cut connection, a crash.
        reason: String,
    },
    /// It was stopped because its task or run was cancelled.
    Cancelled,
    /// It cannot go on without a person; with what they say it is asked for again.
    Asks {
        /// The question.
        ask: Arc<EffectAsk>,
    },
}

/// The fact of an outcome, or the member of a failure's data, that says what came into the run with it.
const BROUGHT: &str = "brought";

impl EffectOutcome {
    /// The same, and what comes into the run with it. A failure says it in its data, where that is an object or nothing.
    #[must_use]
    pub fn bringing(mut self, brought: Traits) -> Self {
        let all = self.brought().and(brought);
        if all.is_empty() {
            return self;
        }
        let told = serde_json::to_value(all).unwrap_or_default();
        match &mut self {
            Self::Done { facts, .. } | Self::Turn { facts, .. } => {
                facts.insert(BROUGHT.to_owned(), told);
            }
            Self::Failed { error, .. } if error.data.is_object() || error.data.is_null() => {
                error.data[BROUGHT] = told;
            }
            Self::Failed { .. } | Self::Unknown { .. } | Self::Cancelled | Self::Asks { .. } => {}
        }
        self
    }

    /// What comes into the run with it, as far as it says so itself. Whoever writes into it can only add to that.
    #[must_use]
    pub fn brought(&self) -> Traits {
        let told = match self {
            Self::Done { facts, .. } | Self::Turn { facts, .. } => facts.get(BROUGHT),
            Self::Failed { error, .. } => error.data.get(BROUGHT),
            Self::Unknown { .. } | Self::Cancelled | Self::Asks { .. } => None,
        };
        let is = |name: &str| told.is_some_and(|told| told[name] == true);
        Traits {
            untrusted: is("untrusted"),
            private: is("private"),
            outward: is("outward"),
        }
    }
}

/// What to do with an effect that was begun and whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// Perform it again with the same idempotency key.
    #[default]
    Retry,
    /// Park it until a person says what happened.
    Ask,
    /// Fail the task.
    Fail,
    /// Ask the step's lookup whether it happened; what the lookup cannot say, a person is asked.
    Verify,
}

/// What a person says of an unknown effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// It did not happen or may happen again: perform it with the same key.
    Again,
    /// It happened, with this result.
    Happened {
        /// Taken as the output.
        output: Payload,
    },
    /// Treat it as failed.
    Failed {
        /// Why, for the record.
        reason: String,
    },
}
