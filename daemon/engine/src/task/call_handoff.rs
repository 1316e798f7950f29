//! `call: handoff`: one agent hands the matter over to another, with a reason.
//!
//! With `input` the other agent works on that by its own prompt, and its schema is held against it; without, it is told
//! the task's input, who hands over and why. Invariant: a chain of handoffs is never deeper than its limit, and nobody
//! has the matter in it more often than allowed; what would be is refused, and the chain is named.

use std::sync::Arc;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::run::{AgentCall, EffectRequest, Handoff, WorkflowError};
use serde_json::{Value, json};

use super::agent_tool::AgentTool;
use super::process_parts::text;
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn};

/// Most handoffs of a chain where nothing is said.
const DEPTH: u32 = 8;
/// How often one may have the matter in a chain where nothing is said.
const VISITS: u32 = 2;

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("handoff"),
    fields: &["call", "with"],
    doc: "Hands the matter over to another agent. With `input` it works on that by its own prompt; without, it is told the \
          task's input, who hands over, and why. Chains are limited: 8 deep, each agent at most twice.",
    shape: "call: handoff, with: { agent: NAME, version: DIGEST, from: NAME, to: NAME, reason: TEXT, input: VALUE, depth: NUMBER, \
            visits: NUMBER }",
    read: Some(read),
};

#[derive(Debug)]
struct CallHandoff {
    agent: Template,
    version: Option<Template>,
    from: Option<Template>,
    to: Option<Template>,
    reason: Option<Template>,
    input: Option<Template>,
    depth: u32,
    visits: u32,
}

const FIELDS: [&str; 8] = [
    "agent", "version", "from", "to", "reason", "input", "depth", "visits",
];

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &FIELDS)?;
    if !reader.require(&with, &["agent"]) {
        return None;
    }
    let mut number = |name: &str, default: u32| match with.get(name) {
        Some((node, at)) => reader
            .integer(node, &at, 1, 100)
            .and_then(|number| u32::try_from(number).ok()),
        None => Some(default),
    };
    let (depth, visits) = (number("depth", DEPTH), number("visits", VISITS));
    let mut part = |name: &str| with.get(name).map(|(node, at)| Template::read(reader, node, &at));
    let parts = ["agent", "version", "from", "to", "reason", "input"].map(&mut part);
    if parts.iter().any(|part| matches!(part, Some(None))) {
        return None;
    }
    let [agent, version, from, to, reason, input] = parts.map(Option::flatten);
    let agent = agent?;
    if let Some(Value::String(name)) = agent.literal() {
        builder.uses_agent(&name);
    }
    builder.tools_of(me, fields.path, Box::new(AgentTool));
    Some(Box::new(CallHandoff {
        agent,
        version,
        from,
        to,
        reason,
        input,
        depth: depth?,
        visits: visits?,
    }))
}

impl CallHandoff {
    /// The handoff as it is recorded, or why it is refused.
    fn made(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, agent: &str) -> Result<Handoff, Stop> {
        let mut part = |template: &Option<Template>, otherwise: &str| match template {
            Some(template) => text(turn, me, template, "a name"),
            None => Ok(otherwise.to_owned()),
        };
        let (from, to, reason) = (
            part(&self.from, "")?,
            part(&self.to, agent)?,
            part(&self.reason, "")?,
        );
        let from = if from.is_empty() {
            turn.step(me.frame).to_string()
        } else {
            from
        };
        let mut chain = turn.state.chain_to(&from);
        chain.push(to.clone());
        let visits = chain.iter().filter(|name| **name == to).count();
        let depth = u32::try_from(chain.len() - 1).unwrap_or(u32::MAX);
        let refused = |title: &str, limit: String| {
            let error = WorkflowError::standard("runtime", 508, title);
            Stop::fault(error.detail(format!("{}: {limit}", chain.join(" > "))))
        };
        if depth > self.depth {
            return Err(refused(
                "A chain of handoffs is too deep",
                format!("at most {} handoffs", self.depth),
            ));
        }
        if visits > self.visits as usize {
            return Err(refused(
                "Handoffs go in a circle",
                format!("`{to}` may have it {} times", self.visits),
            ));
        }
        Ok(Handoff {
            from,
            to,
            reason,
            depth,
            max_depth: self.depth,
            max_visits: self.visits,
        })
    }
}

/// A version as it is written in a call; none where it is not known now.
pub(super) fn version_of(
    turn: &mut Turn<'_, '_>,
    me: Me<'_>,
    version: Option<&Template>,
    agent: &str,
) -> Result<Option<Digest>, Stop> {
    let Some(version) = version else {
        return Ok(turn.state.pins().agents.get(agent).copied());
    };
    let written = text(turn, me, version, "a version")?;
    if written.is_empty() {
        return Ok(turn.state.pins().agents.get(agent).copied());
    }
    written.parse().map(Some).map_err(|_| {
        let error = WorkflowError::standard("configuration", 400, "This names no version of an agent");
        Stop::fault(error.detail(format!("`{written}` is no digest")))
    })
}

impl Task for CallHandoff {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let agent = text(turn, me, &self.agent, "the agent")?;
        let handoff = self.made(turn, me, &agent)?;
        let (input, message) = match &self.input {
            Some(input) => (turn.template(me, input, None)?, None),
            None => {
                let input = turn.input(me.frame);
                let told = match &*input {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let message =
                    json!({ "handed over by": handoff.from, "why": handoff.reason, "matter": told });
                (input, Some(message.to_string()))
            }
        };
        let call = AgentCall {
            version: version_of(turn, me, self.version.as_ref(), &agent)?,
            agent,
            input: Arc::clone(&input),
            message,
            handoff: Some(handoff),
            ..AgentCall::default()
        };
        turn.request(me, EffectRequest::Agent(call))
    }

    fn default_attempts(&self) -> u32 {
        5
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{AgentCall, EffectRequest};
    use serde_json::json;

    use crate::testing::{Bench, Run, done};

    fn call(run: &Run) -> AgentCall {
        let EffectRequest::Agent(call) = run.request(run.intended()[0]) else {
            panic!("no agent")
        };
        call
    }

    #[test]
    fn who_why_and_what_are_recorded() {
        let run = Bench::yaml("do:\n  - a: { call: handoff, with: { agent: expert, reason: too hard } }\n")
            .start(json!({"x": 1}));
        let told = call(&run);
        assert!(told.message.unwrap().contains("too hard"));
        assert_eq!(told.handoff.unwrap().from, "/do/0/a");
        let run = Bench::yaml(
            "do:\n  - a: { call: handoff, with: { agent: expert, from: triage, reason: too hard, input: { n: '${ .x }' } } }\n",
        )
        .start(json!({"x": 1}));
        let typed = call(&run);
        assert_eq!((typed.message, &*typed.input), (None, &json!({"n": 1})));
        let handoff = typed.handoff.unwrap();
        assert_eq!(
            (handoff.from.as_str(), handoff.to.as_str(), handoff.depth),
            ("triage", "expert", 1)
        );
    }

    /// Two agents that hand the same matter to each other for ever.
    fn circle(limits: &str) -> Run {
        let text = format!(
            "do:
  - there: {{ call: handoff, with: {{ agent: b, from: a, input: 1{limits} }} }}
  - back: {{ call: handoff, with: {{ agent: a, from: b, input: 1{limits} }}, then: there }}
"
        );
        let mut run = Bench::yaml(&text).start(json!({}));
        while let Some(effect) = run.intended().first().copied() {
            run.settle(effect, done(json!("not mine")));
        }
        run
    }

    #[test]
    fn circles_and_depth_are_refused_by_name() {
        let error = circle("").error();
        assert_eq!(
            (error.status, error.title.as_str()),
            (508, "Handoffs go in a circle")
        );
        assert!(error.detail.unwrap().starts_with("a > b > a > b > a:"));
        let error = circle(", visits: 100, depth: 3").error();
        assert_eq!(error.title, "A chain of handoffs is too deep");
        assert!(error.detail.unwrap().contains("at most 3"));
    }
}
