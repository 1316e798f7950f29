//! `call: agent`: one call of an agent.

use std::sync::Arc;

use dirigent_protocol::run::{AgentCall, EffectRequest, WorkflowError};
use serde_json::Value;

use super::agent_tool::AgentTool;
use super::call_handoff::version_of;
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("agent"),
    fields: &["call", "with"],
    doc: "Calls an agent by name; its input is `with.input`, or the task's input. \
          `with.message` is said to it in the place of its own prompt. Retryable failures: 5 attempts.",
    shape: "call: agent, with: { agent: NAME, version: DIGEST, input: VALUE, message: TEXT }",
    read: Some(read),
};

#[derive(Debug)]
struct CallAgent {
    agent: Template,
    version: Option<Template>,
    input: Option<Template>,
    message: Option<Template>,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &["agent", "version", "input", "message"])?;
    if !reader.require(&with, &["agent"]) {
        return None;
    }
    let (agent, at) = with.get("agent")?;
    reader.text(agent, &at)?;
    let template = Template::read(reader, agent, &at)?;
    if let Some(Value::String(name)) = template.literal() {
        builder.uses_agent(&name);
    }
    let input = match with.get("input") {
        Some((node, at)) => Some(Template::read(&mut builder.reader, node, &at)?),
        None => None,
    };
    let version = match with.get("version") {
        Some((node, at)) => Some(Template::read(&mut builder.reader, node, &at)?),
        None => None,
    };
    let message = match with.get("message") {
        Some((node, at)) => {
            builder.reader.text(node, &at)?;
            Some(Template::read(&mut builder.reader, node, &at)?)
        }
        None => None,
    };
    builder.tools_of(me, fields.path, Box::new(AgentTool));
    Some(Box::new(CallAgent {
        agent: template,
        version,
        input,
        message,
    }))
}

impl Task for CallAgent {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let agent = turn.template(me, &self.agent, None)?;
        let Value::String(agent) = &*agent else {
            let error = WorkflowError::standard("expression", 400, "The agent's name is not text");
            return Err(Stop::fault(error.detail(agent.to_string())));
        };
        let input = match &self.input {
            Some(input) => turn.template(me, input, None)?,
            None => turn.input(me.frame),
        };
        let message = match &self.message {
            Some(message) => Some(match &*turn.template(me, message, None)? {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
            None => None,
        };
        let version = version_of(turn, me, self.version.as_ref(), agent)?;
        let call = AgentCall {
            agent: agent.clone(),
            version,
            input: Arc::clone(&input),
            message,
            handoff: None,
            turn: None,
        };
        turn.request(me, EffectRequest::Agent(call))
    }

    fn default_attempts(&self) -> u32 {
        5
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::digest::Digest;
    use dirigent_protocol::run::{EffectRequest, Pins};
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn an_agent_is_pinned_and_gets_its_input() {
        let bench = Bench::yaml(
            "do: [ { a: { call: agent, with: { agent: reviewer, input: { text: '${ .t }' } } } }, { b: { call: agent, with: { agent: '${ .next }' } } } ]\n",
        );
        assert_eq!(bench.workflow().agents(), ["reviewer"]);
        let pin = Digest::of(&json!(1));
        let pins = Pins {
            budget: None,
            agents: [("reviewer".to_owned(), pin)].into(),
        };
        let mut run = bench.start_pinned(json!({"t": "hello"}), pins);
        let EffectRequest::Agent(call) = run.request(run.intended()[0]) else {
            panic!("no agent call")
        };
        assert_eq!(
            (call.agent.as_str(), call.version, (*call.input).clone()),
            ("reviewer", Some(pin), json!({"text": "hello"}))
        );
        run.settle(run.intended()[0], done(json!({"next": "writer"})));
        let EffectRequest::Agent(call) = run.request(run.intended()[0]) else {
            panic!("no agent call")
        };
        assert_eq!((call.agent.as_str(), call.version), ("writer", None));
    }
}
