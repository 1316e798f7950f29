//! A conversation of an agent with its model and its tools: exchange by exchange, in the frame of the agent's step.
//!
//! Turns and answers come in as events and are kept as they came, shared; a later turn names the whole by count and
//! digest. Invariant: an answer that is here is never asked for again.

use std::collections::BTreeSet;
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::chat::{Message, Part, Role, ToolCallResponse};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::run::{
    AgentCall, AgentTurn, Plan, PlannedCall, Traits, TurnRef, Usage, WorkflowError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Bytes around one answer.
const ANSWER_FRAME: usize = 256;

/// What was said and done so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// The call that began it.
    pub call: Arc<AgentCall>,
    /// Turns with the answers to their calls, oldest first.
    pub exchanges: Vec<Arc<Exchange>>,
    /// Tool calls of all turns before the last.
    pub calls_before: u32,
    /// Digest of the call and of every exchange that is complete.
    pub digest: Digest,
    /// Bytes of all messages as JSON.
    pub bytes: u64,
    /// What came into it so far.
    pub seen: Traits,
    /// Tokens its model took so far.
    pub tokens: u64,
}

/// A turn and the answers to its calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// What the model said.
    pub turn: Arc<AgentTurn>,
    /// In the order of its calls; none where it is still open.
    pub answers: Vec<Option<Answer>>,
    /// Digest of what was called and answered, once all is; none where a call waits for something by its nature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Digest>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// As it came.
    pub response: Payload,
    /// It failed or was refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

impl Conversation {
    pub(super) fn new(call: &AgentCall, seen: Traits) -> Self {
        // What people said before its model was asked is no part of what is said in it.
        let call = AgentCall {
            answers: Vec::new(),
            ..call.clone()
        };
        let written = serde_json::to_value(&call).unwrap_or_default();
        let told = call.message.as_ref().map_or(0, String::len);
        let bytes = (2 * call.input.to_string().len() + told + call.history_bytes()) as u64;
        Self {
            call: Arc::new(call),
            exchanges: Vec::new(),
            calls_before: 0,
            digest: Digest::of(&written),
            bytes,
            seen,
            tokens: 0,
        }
    }

    pub(super) fn turned(&mut self, turn: &Arc<AgentTurn>, usage: Usage) {
        self.calls_before = self.calls_total();
        self.tokens = self
            .tokens
            .saturating_add(usage.input_tokens + usage.output_tokens);
        self.seen = self.seen.and(turn.given);
        let answer = |call: &PlannedCall| match &call.plan {
            Plan::Answer { response, is_error } => Some(Answer {
                response: response.clone(),
                is_error: *is_error,
            }),
            Plan::Effect(_) => None,
        };
        self.exchanges.push(Arc::new(Exchange {
            turn: turn.clone(),
            answers: turn.calls.iter().map(answer).collect(),
            mark: None,
        }));
        self.close();
    }

    /// A call of the last turn is answered; `brought` is what the answer itself brings along.
    pub(super) fn answered(&mut self, number: u32, answer: Answer, brought: Traits) {
        let Some(at) = number.checked_sub(self.calls_before) else {
            return;
        };
        let Some(last) = self.exchanges.last_mut().map(Arc::make_mut) else {
            return;
        };
        let Some(place) = last.answers.get_mut(at as usize) else {
            return;
        };
        *place = Some(answer);
        if let Some(PlannedCall {
            plan: Plan::Effect(planned),
            ..
        }) = last.turn.calls.get(at as usize)
        {
            self.seen = self.seen.and(planned.traits);
        }
        self.seen = self.seen.and(brought);
        self.close();
    }

    /// Once every call of the last turn is answered, the exchange is part of what later turns refer to.
    fn close(&mut self) {
        let Some(last) = self.exchanges.last_mut().map(Arc::make_mut) else {
            return;
        };
        let Some(answers) = last.answers.iter().cloned().collect::<Option<Vec<Answer>>>() else {
            return;
        };
        let said = serde_json::to_value(&last.turn.message).unwrap_or_default();
        let told: Vec<Value> = answers
            .iter()
            .map(|answer| json!([&*answer.response, answer.is_error]))
            .collect();
        let asked: Vec<Value> = last
            .turn
            .message
            .tool_calls()
            .map(|call| json!([call.name, &*call.arguments]))
            .collect();
        let told = Value::Array(told);
        // What is written around an answer is bounded by a frame for each.
        self.bytes += (said.to_string().len() + told.to_string().len() + ANSWER_FRAME * answers.len()) as u64;
        let waits = last.turn.calls.iter().any(PlannedCall::waits);
        last.mark = (!waits).then(|| Digest::of(&json!([asked, told])));
        self.digest = Digest::of(&json!([self.digest, said, told]));
    }

    /// The last turn and its answers.
    #[must_use]
    pub fn last(&self) -> Option<&Exchange> {
        self.exchanges.last().map(|exchange| &**exchange)
    }

    /// Tool calls in all.
    #[must_use]
    pub fn calls_total(&self) -> u32 {
        let last = self.last().map_or(0, |exchange| exchange.turn.calls.len());
        self.calls_before
            .saturating_add(u32::try_from(last).unwrap_or(u32::MAX))
    }

    /// Numbers of calls of the last turn that have no answer.
    pub(crate) fn open(&self) -> BTreeSet<u32> {
        let answers = self
            .last()
            .map(|exchange| &exchange.answers[..])
            .unwrap_or_default();
        (self.calls_before..)
            .zip(answers)
            .filter(|(_, answer)| answer.is_none())
            .map(|(number, _)| number)
            .collect()
    }

    /// A call of the last turn by its number.
    pub(crate) fn planned(&self, number: u32) -> Option<(&PlannedCall, Payload)> {
        let turn = &self.last()?.turn;
        let at = number.checked_sub(self.calls_before)? as usize;
        let asked = turn.message.tool_calls().nth(at)?;
        Some((turn.calls.get(at)?, asked.arguments.clone()))
    }

    /// How a later turn names all of it.
    #[must_use]
    pub fn reference(&self) -> TurnRef {
        let messages = self.exchanges.len() * 2;
        TurnRef {
            number: u32::try_from(self.exchanges.len()).unwrap_or(u32::MAX),
            messages: u32::try_from(messages).unwrap_or(u32::MAX),
            bytes: self.bytes,
            digest: self.digest,
        }
    }

    /// What the model said and was told since its prompt, oldest first; `told` makes of an answer what the model reads.
    pub fn messages(&self, told: impl Fn(&PlannedCall, &Answer) -> Payload) -> Vec<Message> {
        let mut messages = Vec::with_capacity(self.exchanges.len() * 2);
        for exchange in &self.exchanges {
            messages.push(exchange.turn.message.clone());
            let parts = exchange.turn.calls.iter().zip(&exchange.answers);
            let parts = parts.filter_map(|(call, answer)| {
                let answer = answer.as_ref()?;
                Some(Part::ToolCallResponse(ToolCallResponse {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    response: told(call, answer),
                    is_error: answer.is_error,
                }))
            });
            messages.push(Message {
                role: Role::Tool,
                parts: parts.collect(),
            });
        }
        messages
    }

    /// The shortest circle the last exchanges go in: that many exchanges, over and over, `times` times.
    pub(crate) fn circle(&self, times: u32) -> Option<usize> {
        let times = times.max(2) as usize;
        (1..=4).find(|period| {
            let Some(from) = self.exchanges.len().checked_sub(period * times) else {
                return false;
            };
            let tail = &self.exchanges[from..];
            tail.iter()
                .zip(tail.iter().skip(*period))
                .all(|(one, later)| one.mark.is_some() && one.mark == later.mark)
        })
    }
}

impl Answer {
    /// What a model is told of a failure.
    pub(super) fn failure(error: &WorkflowError) -> Self {
        let text = match &error.detail {
            Some(detail) => format!("{}: {detail}", error.title),
            None => error.title.clone(),
        };
        Self {
            response: Arc::new(Value::String(text)),
            is_error: true,
        }
    }
}
