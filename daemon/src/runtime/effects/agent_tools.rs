//! An agent's tools within one turn: what is offered, what was said before, what becomes of the calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_engine::state::Conversation;
use dirigent_protocol::chat::{Message, ToolCall};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Agent, McpServer};
use dirigent_protocol::run::{AgentTurn, EffectOutcome, NOT_PERFORMED, Plan, Traits, Usage};
use dirigent_protocol::watch::StreamSource;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::mcp::Mcp;
use super::performer::{Call, refused};
use super::secrets_mask::unmarked;
use crate::capped::Capped;
use crate::tools::{Closed, Toolbox, World, server_call, told};

/// How long a server's list is taken as it was; a call looks again by itself.
const FRESH: Duration = Duration::from_secs(60);
/// Most lists that are kept.
const MAX_KEPT: usize = 64;

/// A list of tools and when it was had.
type Had = (Instant, Arc<Vec<Value>>);

/// Lists of tools of servers, as they were a moment ago.
#[derive(Default)]
pub(super) struct Manifests(Capped<Digest, Had, MAX_KEPT>);

/// Asks servers on behalf of one call.
pub(super) struct Servers<'a> {
    pub(super) mcp: &'a Mcp,
    pub(super) kept: &'a Manifests,
    pub(super) call: &'a Call,
}

impl World for Servers<'_> {
    fn manifest<'a>(&'a self, server: &'a McpServer) -> BoxFuture<'a, Result<Vec<Value>, Closed>> {
        Box::pin(async move {
            // Another run looks for itself.
            let which = Digest::of(&json!([self.call.run, server]));
            let known = self.kept.0.get(&which).filter(|(at, _)| at.elapsed() < FRESH);
            if let Some((_, tools)) = known {
                return Ok((*tools).clone());
            }
            let mut wanted = server_call(server, "tools/list", json!({}));
            wanted.answers = self.call.request.answers().to_vec();
            let tools = self.mcp.tools(&wanted, self.call).await?;
            let (_, tools) = self.kept.0.keep(which, (Instant::now(), Arc::new(tools)));
            Ok((*tools).clone())
        })
    }
}

/// The tools of an agent for one turn; none where it has none.
pub(super) async fn open(
    agent: &Agent,
    servers: &Servers<'_>,
    conversation: Option<&Conversation>,
) -> Result<Option<Toolbox>, Box<EffectOutcome>> {
    if agent.tools.is_empty() {
        return Ok(None);
    }
    let exchanges = conversation.map(|talk| &talk.exchanges[..]).unwrap_or_default();
    let turns = exchanges.iter().map(|exchange| &exchange.turn);
    let opened = Toolbox::open(&agent.tools, servers, turns).await;
    opened.map(Some).map_err(|closed| {
        Box::new(match closed {
            Closed::Words(why) => {
                let title = "The agent's tools cannot be used";
                refused("configuration", 400, title, why)
            }
            // Before its model is asked: whatever it says, no call of the model is made twice for it.
            Closed::Asks(ask) => EffectOutcome::Asks { ask },
        })
    })
}

/// What was said and told since the prompt.
pub(super) fn said(conversation: Option<&Conversation>) -> Vec<Message> {
    let Some(conversation) = conversation else {
        return Vec::new();
    };
    conversation.messages(|call, answer| told(call, &answer.response, answer.is_error))
}

/// Shows the answers that came since the last turn.
pub(super) fn show_answers(call: &Call) {
    let Some(last) = call.conversation.as_ref().and_then(|talk| talk.last()) else {
        return;
    };
    for (planned, answer) in last.turn.calls.iter().zip(&last.answers) {
        let mark = match answer {
            Some(answer) if !answer.is_error => "✓",
            _ => "✗",
        };
        call.live
            .write(StreamSource::Note, &format!("⚒ {mark} {}\n", planned.name));
    }
}

/// What an agent's input brings into its run.
pub(super) fn given(agent: &Agent) -> Traits {
    Traits {
        untrusted: !agent.trusted_input,
        ..Traits::default()
    }
}

/// A trial's answer, with the calls that were not made for it.
pub(super) fn tried(answer: Value, conversation: Option<&Conversation>) -> Value {
    let exchanges = conversation.map(|talk| &talk.exchanges[..]).unwrap_or_default();
    let calls = exchanges
        .iter()
        .flat_map(|exchange| exchange.turn.calls.iter().zip(&exchange.answers));
    let held = calls.filter_map(|(call, answer)| {
        let told = &answer.as_ref()?.response;
        let Plan::Effect(_) = &call.plan else { return None };
        told.get(NOT_PERFORMED)?;
        Some(json!({ "tool": call.name, "destination": told["destination"], "request": told["request"] }))
    });
    let held: Vec<Value> = held.collect();
    if held.is_empty() {
        return answer;
    }
    json!({ "answer": answer, NOT_PERFORMED: held })
}

/// The outcome of a turn whose model wants tools.
pub(super) fn turn(
    toolbox: &Toolbox,
    (agent, version): (&Agent, &str),
    message: Message,
    call: &Call,
    (usage, mut facts): (Usage, BTreeMap<String, Value>),
) -> EffectOutcome {
    let message = unmarked(message);
    let asked: Vec<&ToolCall> = message.tool_calls().collect();
    for one in &asked {
        let arguments: String = one.arguments.to_string().chars().take(200).collect();
        call.live
            .write(StreamSource::Note, &format!("\n⚒ {} {arguments}\n", one.name));
    }
    let calls = asked.into_iter().map(|one| toolbox.plan(one)).collect();
    let manifests: Vec<String> = toolbox.manifests().iter().map(Digest::to_string).collect();
    if !manifests.is_empty() {
        facts.insert("manifests".into(), json!(manifests));
    }
    let turn = AgentTurn {
        version: version.parse().ok(),
        calls,
        message,
        limits: agent.limits.unwrap_or_default(),
        given: given(agent),
    };
    EffectOutcome::Turn {
        turn: Arc::new(turn),
        usage,
        facts,
    }
}
