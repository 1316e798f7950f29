//! What an agent is shown of a run of its own: what it was asked, which tools it called, how it ended. Cut, and only
//! from what is stored, where secrets are marks.

use std::collections::BTreeMap;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{
    AgentCall, EffectId, EffectOutcome, EffectRequest, EventBody, Plan, RunEvent, Usage,
};
use serde::Serialize;
use serde_json::Value;

/// Longest text of an excerpt, bytes.
const MAX_TEXT: usize = 700;
/// Most bytes of all excerpts as JSON.
const MAX_ALL: usize = 48 << 10;
/// Most effects that one excerpt follows.
const MAX_EFFECTS: usize = 2_000;

/// What an agent is shown of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Excerpt {
    pub(crate) run: RunId,
    pub(crate) workflow: String,
    /// How the run stands.
    pub(crate) status: String,
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) tokens: u64,
    pub(crate) cost_micro_usd: u64,
    /// What it was asked first.
    pub(crate) asked: String,
    /// How often it called which tool.
    pub(crate) tools: BTreeMap<String, u32>,
    /// Tool calls that were refused.
    pub(crate) tools_refused: u32,
    /// What it answered last, or what failed.
    pub(crate) ended: String,
    /// What failed, at most three.
    pub(crate) errors: Vec<String>,
}

impl Excerpt {
    /// Nothing yet.
    pub(crate) fn of(run: RunId) -> Self {
        Self {
            run,
            workflow: String::new(),
            status: String::new(),
            calls: 0,
            failures: 0,
            tokens: 0,
            cost_micro_usd: 0,
            asked: String::new(),
            tools: BTreeMap::new(),
            tools_refused: 0,
            ended: String::new(),
            errors: Vec::new(),
        }
    }

    /// What was counted in its run.
    pub(crate) fn counted(&mut self, (calls, failures): (u64, u64), usage: &Usage) {
        (self.calls, self.failures) = (calls, failures);
        self.tokens = usage.input_tokens.saturating_add(usage.output_tokens);
        self.cost_micro_usd = usage.cost_micro_usd;
    }

    /// What failed goes first, then what cost most.
    pub(crate) fn rank(&self) -> (bool, u64, u64, u64) {
        let failed = self.failures > 0 || self.status == "faulted";
        (
            !failed,
            u64::MAX - self.failures,
            u64::MAX - self.cost_micro_usd,
            u64::MAX - self.tokens,
        )
    }
}

/// Reads a run's events for what one agent did in it.
pub(crate) struct Reader<'a> {
    agent: &'a str,
    open: BTreeMap<EffectId, ()>,
    excerpt: Excerpt,
}

impl<'a> Reader<'a> {
    /// For this agent.
    pub(crate) fn of(agent: &'a str, excerpt: Excerpt) -> Self {
        Self {
            agent,
            open: BTreeMap::new(),
            excerpt,
        }
    }

    /// Takes an event in.
    pub(crate) fn note(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::EffectQueued {
                effect,
                request: EffectRequest::Agent(call),
                ..
            }
            | EventBody::EffectIntended {
                effect,
                request: Some(EffectRequest::Agent(call)),
                ..
            }
            | EventBody::EffectHeld {
                effect,
                request: Some(EffectRequest::Agent(call)),
                ..
            } if call.agent == self.agent && self.open.len() < MAX_EFFECTS => {
                self.open.insert(*effect, ());
                self.asked(call);
            }
            EventBody::EffectSettled { effect, outcome } if self.open.remove(effect).is_some() => {
                self.ended(outcome);
            }
            _ => {}
        }
    }

    fn asked(&mut self, call: &AgentCall) {
        if self.excerpt.asked.is_empty() && call.turn.is_none() {
            self.excerpt.asked = match &call.message {
                Some(message) => cut(message),
                None => words(&call.input),
            };
        }
    }

    fn ended(&mut self, outcome: &EffectOutcome) {
        match outcome {
            EffectOutcome::Turn { turn, .. } => {
                for call in &turn.calls {
                    let name: String = call.name.chars().take(64).collect();
                    *self.excerpt.tools.entry(name).or_default() += 1;
                    let refused = matches!(call.plan, Plan::Answer { is_error: true, .. });
                    self.excerpt.tools_refused += u32::from(refused);
                }
            }
            EffectOutcome::Done { output, .. } => {
                self.excerpt.ended = words(output.get("answer").unwrap_or(output));
            }
            EffectOutcome::Failed { error, .. } => {
                let detail = error.detail.as_deref().unwrap_or_default();
                self.failed(cut(&format!("{error} {detail}")));
            }
            EffectOutcome::Unknown { reason } => self.failed(cut(reason)),
            EffectOutcome::Cancelled | EffectOutcome::Asks { .. } => {}
        }
    }

    fn failed(&mut self, words: String) {
        self.excerpt.ended.clone_from(&words);
        if self.excerpt.errors.len() < 3 {
            self.excerpt.errors.push(words);
        }
    }

    /// What came of it.
    pub(crate) fn done(self) -> Excerpt {
        self.excerpt
    }
}

/// As many of them, from the first on, as fit together.
pub(crate) fn within(excerpts: Vec<Excerpt>, most: usize) -> Vec<Excerpt> {
    let mut bytes = 0;
    let size = |excerpt: &Excerpt| serde_json::to_string(excerpt).map_or(0, |text| text.len());
    let fits = |excerpt: &Excerpt| {
        bytes += size(excerpt);
        bytes <= MAX_ALL
    };
    excerpts.into_iter().take(most).take_while(fits).collect()
}

fn words(value: &Value) -> String {
    match value.as_str() {
        Some(text) => cut(text),
        None => cut(&value.to_string()),
    }
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT);
    if end < text.len() {
        format!("{}... ({} bytes in all)", &text[..end], text.len())
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_runs_come_first_then_costly_ones_and_all_fit_together() {
        let one = |failures: u64, cost: u64| {
            let mut excerpt = Excerpt::of(RunId(uuid::Uuid::from_u128(u128::from(cost))));
            (excerpt.failures, excerpt.cost_micro_usd) = (failures, cost);
            excerpt
        };
        let mut all = vec![one(0, 1), one(0, 9), one(1, 2), one(3, 4)];
        all.sort_by_key(Excerpt::rank);
        let costs: Vec<u64> = all.iter().map(|excerpt| excerpt.cost_micro_usd).collect();
        assert_eq!(costs, [4, 2, 9, 1]);
        let long = Excerpt {
            asked: "x".repeat(20 << 10),
            ..one(0, 1)
        };
        assert_eq!(within(vec![long.clone(), long.clone(), long], 20).len(), 2);
        assert_eq!(within(all, 3).len(), 3);
        assert!(cut(&"ä".repeat(900)).ends_with("(1800 bytes in all)"));
    }
}
