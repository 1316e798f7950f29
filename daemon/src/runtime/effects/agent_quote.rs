//! What a call of an agent may take at worst, and how a call is kept within what was set aside for it.
//!
//! A token is at least one byte of text, so the bytes of what is sent bound the tokens that are read; the answer is
//! bounded by `max_tokens`, which is always sent where a budget holds. An agent whose answer has a schema may be asked
//! twice. Invariant: a call that could take more than its quote is not made.

use dirigent_engine::Quote;
use dirigent_protocol::entity::Agent;
use dirigent_protocol::run::{AgentCall, Amounts, EffectOutcome};
use dirigent_providers::ChatRequest;

use super::agent_context::Window;
use super::performer::refused;
use crate::runtime::policy::Policy;

/// Most tokens of an answer where a budget holds and the agent says nothing.
const DEFAULT_OUTPUT: u32 = 4_096;
/// What the wire adds to the text: roles, separators.
const FRAME: u64 = 256;
/// What descriptions of tools may take where nothing is declared.
const TOOLS: u64 = 32 << 10;
/// Most bytes of the words that ask once more.
const REPAIR: u64 = 2_048;

/// What it may take. Its own budget comes along.
pub(crate) fn quote(agent: &Agent, call: &AgentCall, policy: &Policy) -> Quote {
    let (input, output) = (most_input(agent, call), u64::from(most_output(agent)));
    let mut calls = vec![(input, output)];
    if agent.output_schema.is_some() && call.message.is_none() {
        // The second call reads the first answer too.
        calls.push((input + output + REPAIR, output));
    }
    let mut quote = Quote {
        agent: agent.budget.map(|budget| budget.budget()),
        ..Quote::default()
    };
    if agent.foreign.is_some() {
        // What a program of somebody else asks its models for is not known before: turns are counted, and time.
        quote.unpriced = true;
        quote.uncounted = true;
        quote.worst.calls = 1;
        return quote;
    }
    let names = std::iter::once(&agent.model).chain(&agent.fallback_models);
    let models: Vec<_> = names
        .filter_map(|name| policy.providers.resolve(name).ok())
        .collect();
    if models.is_empty() {
        return quote;
    }
    for (input, output) in calls {
        // Any of them may answer; the dearest counts.
        let costs = models.iter().map(|model| {
            let client = model.client.descriptor();
            policy.prices.worst(client, &model.model, input, output)
        });
        let costs: Vec<Option<u64>> = costs.collect();
        quote.unpriced |= costs.contains(&None);
        quote.worst = quote.worst.plus(Amounts {
            micro_usd: costs.into_iter().flatten().max().unwrap_or(0),
            tokens: input.saturating_add(output),
            calls: 1,
        });
    }
    quote
}

/// Bounds the answer, and refuses a prompt that is larger than what was set aside for it, whatever is left out.
pub(super) fn keep_within(
    agent: &Agent,
    call: &AgentCall,
    request: &mut ChatRequest,
    window: &mut Window,
) -> Result<(), Box<EffectOutcome>> {
    request.max_tokens = Some(most_output(agent));
    let most = most_input(agent, call);
    let sent = loop {
        let sent = request.bytes() as u64 + FRAME;
        if sent <= most {
            return Ok(());
        }
        if !window.narrow(&mut request.messages) {
            break sent;
        }
    };
    let detail = format!(
        "its prompt may have {sent} tokens, and {most} were set aside; declare the agent's `max_input_tokens`"
    );
    Err(Box::new(refused(
        "budget",
        402,
        "The prompt is larger than its budget",
        detail,
    )))
}

/// Whether these words fit what was set aside for asking once more.
pub(super) fn may_repair(words: &str) -> bool {
    words.len() as u64 + FRAME <= REPAIR
}

fn most_output(agent: &Agent) -> u32 {
    agent.max_tokens.unwrap_or(DEFAULT_OUTPUT)
}

fn most_input(agent: &Agent, call: &AgentCall) -> u64 {
    if let Some(most) = agent.max_input_tokens {
        return u64::from(most);
    }
    let schema = agent
        .output_schema
        .as_ref()
        .map_or(0, |schema| schema.to_string().len());
    let input = call.input.to_string().len();
    let message = call.message.as_ref().map_or(0, String::len) + call.history_bytes();
    let said = call.turn.map_or(0, |turn| turn.bytes);
    let tools = if agent.tools.is_empty() { 0 } else { TOOLS };
    (agent.system.len() + agent.prompt.len() + schema + 2 * input + message) as u64 + said + tools + FRAME
}
