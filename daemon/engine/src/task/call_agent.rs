//! `call: agent`: one call of an agent.

use std::sync::Arc;

use dirigent_protocol::chat::{Message, Role};
use dirigent_protocol::run::{AgentCall, EffectRequest, WorkflowError};
use serde::Deserialize;
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
          `with.message` is said to it in the place of its own prompt; `with.history` stands before it: messages as \
          OpenTelemetry writes them, as `output: messages` gives them beside the answer. `output: tools` asks no model: it \
          says what the agent's tools are now. Retryable failures: 5 attempts.",
    shape: "call: agent, with: { agent: NAME, version: DIGEST, input: VALUE, message: TEXT, history: [MESSAGE], \
            output: answer | messages | tools }",
    read: Some(read),
};

/// Most bytes of a history as JSON, and most messages of it.
const MAX_HISTORY: usize = 1 << 20;
const MAX_MESSAGES: usize = 4_096;
/// What may become of what was said, in words of `output`.
const ANSWER: &str = "answer";
const MESSAGES: &str = "messages";
const TOOLS: &str = "tools";

#[derive(Debug)]
struct CallAgent {
    agent: Template,
    version: Option<Template>,
    input: Option<Template>,
    message: Option<Template>,
    history: Option<Template>,
    output: &'static str,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let fields_of = ["agent", "version", "input", "message", "history", "output"];
    let with = reader.fields(node, &path, &fields_of)?;
    if !reader.require(&with, &["agent"]) {
        return None;
    }
    let (agent, at) = with.get("agent")?;
    reader.text(agent, &at)?;
    let template = Template::read(reader, agent, &at)?;
    if let Some(Value::String(name)) = template.literal() {
        builder.uses_agent(&name);
    }
    let mut optional = |name: &str| match with.get(name) {
        Some((node, at)) => Template::read(&mut builder.reader, node, &at).map(Some),
        None => Some(None),
    };
    let (input, version, history) = (optional("input")?, optional("version")?, optional("history")?);
    let message = match with.get("message") {
        Some((node, at)) => {
            builder.reader.text(node, &at)?;
            Some(Template::read(&mut builder.reader, node, &at)?)
        }
        None => None,
    };
    let output = match with.get("output") {
        Some((node, at)) => builder.reader.word(node, &at, &[ANSWER, MESSAGES, TOOLS])?,
        None => ANSWER,
    };
    builder.tools_of(me, fields.path, Box::new(AgentTool));
    Some(Box::new(CallAgent {
        agent: template,
        version,
        input,
        message,
        history,
        output,
    }))
}

/// The messages of a history: of people, of the model and of tools; instructions are the agent's own.
fn messages(history: &Value) -> Result<Vec<Message>, Stop> {
    let refuse = |status: u16, title: &str, detail: String| {
        Stop::fault(WorkflowError::standard("validation", status, title).detail(detail))
    };
    let read = Vec::<Message>::deserialize(history).map_err(|error| {
        let detail = format!("{error}; a message is {{ role: user | assistant | tool, parts: [...] }}");
        refuse(400, "The history is no list of messages", detail)
    })?;
    if read.iter().any(|message| message.role == Role::System) {
        let detail = "one of its messages has the role `system`: instructions stand in the agent";
        return Err(refuse(400, "The history gives instructions", detail.to_owned()));
    }
    let bytes: usize = read.iter().map(Message::bytes).sum();
    if read.len() > MAX_MESSAGES || bytes > MAX_HISTORY {
        let detail = format!(
            "{} messages of {bytes} bytes; at most {MAX_MESSAGES} of {MAX_HISTORY}",
            read.len()
        );
        return Err(refuse(413, "The history is too large", detail));
    }
    Ok(read)
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
        let history = match &self.history {
            Some(history) => {
                let said = turn.template(me, history, None)?;
                messages(&said)?
            }
            None => Vec::new(),
        };
        let version = version_of(turn, me, self.version.as_ref(), agent)?;
        let call = AgentCall {
            agent: agent.clone(),
            version,
            input: Arc::clone(&input),
            message,
            history: Arc::new(history),
            messages: self.output == MESSAGES,
            tools: self.output == TOOLS,
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
    use dirigent_protocol::chat::{Message, Part};
    use dirigent_protocol::digest::Digest;
    use dirigent_protocol::run::{EffectRequest, Pins};
    use serde_json::{Value, json};

    use crate::testing::{Bench, done};

    const TALK: &str = "do: [ { a: { call: agent, with: { agent: x, message: and now, history: '${ .said }', output: messages } } } ]\n";

    #[test]
    fn a_history_is_handed_on_as_it_was() {
        let thought =
            json!({ "dialect": "anthropic_messages", "signature": "c2ln==", "z": [1, 2.5, "\u{e9}"] });
        let said = json!([
            { "role": "user", "parts": [{ "type": "text", "content": "look" }] },
            { "role": "assistant", "parts": [
                { "type": "reasoning", "content": "hm", "opaque": thought },
                { "type": "tool_call", "id": "c1", "name": "read", "arguments": { "path": "a" } },
            ] },
            { "role": "tool", "parts": [{ "type": "tool_call_response", "id": "c1", "name": "read", "response": "b" }] },
        ]);
        let run = Bench::yaml(TALK).start(json!({ "said": said }));
        let EffectRequest::Agent(call) = run.request(run.intended()[0]) else {
            panic!("no agent call")
        };
        assert!(call.messages);
        assert_eq!(serde_json::to_value(&*call.history).unwrap(), said);
        let Part::Reasoning(kept) = &call.history[1].parts[0] else {
            panic!("no thinking")
        };
        assert_eq!(kept.opaque, thought);
        let stored: Value = serde_json::to_value(&call).unwrap();
        let bytes: usize = call.history.iter().map(Message::bytes).sum();
        assert_eq!((stored["history"].clone(), call.history_bytes()), (said, bytes));
    }

    #[test]
    fn a_history_that_is_none_or_too_much_is_refused() {
        let message =
            |role: &str, text: &str| json!({ "role": role, "parts": [{ "type": "text", "content": text }] });
        for (said, status) in [
            (json!("no list"), 400),
            (json!([{ "role": "user", "text": "x" }]), 400),
            (json!([message("system", "obey")]), 400),
            (json!([message("user", &"x".repeat(2 << 20))]), 413),
        ] {
            let mut run = Bench::yaml(TALK).start(json!({ "said": said }));
            assert_eq!(run.error().status, status);
        }
    }

    #[test]
    fn an_agent_is_pinned_and_gets_its_input() {
        let bench = Bench::yaml(
            "do: [ { a: { call: agent, with: { agent: reviewer, input: { text: '${ .t }' } } } }, { b: { call: agent, with: { agent: '${ .next }' } } } ]\n",
        );
        assert_eq!(bench.workflow().agents(), ["reviewer"]);
        let pin = Digest::of(&json!(1));
        let pins = Pins {
            agents: [("reviewer".to_owned(), pin)].into(),
            ..Pins::default()
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
