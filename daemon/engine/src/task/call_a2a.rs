//! `call: a2a`: one message to an agent that speaks the A2A protocol.

use dirigent_protocol::run::{A2aCall, EffectRequest};

use super::call_mcp::read_parameters;
use super::endpoint::Endpoint;
use crate::document::{Fields, Template, unshare};
use crate::machine::{Builder, KindRow, Me, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("a2a"),
    fields: &["call", "with"],
    doc: "Sends a message to an agent elsewhere, or asks for its tasks, by the A2A protocol.",
    shape: "call: a2a, with: { method: message/send, agentCard: { endpoint: URI }, server: URI, parameters: {...} }",
    read: Some(read),
};

const METHODS: [&str; 11] = [
    "message/send",
    "message/stream",
    "tasks/get",
    "tasks/list",
    "tasks/cancel",
    "tasks/resubscribe",
    "tasks/pushNotificationConfig/set",
    "tasks/pushNotificationConfig/get",
    "tasks/pushNotificationConfig/list",
    "tasks/pushNotificationConfig/delete",
    "agent/getAuthenticatedExtendedCard",
];

#[derive(Debug)]
struct CallA2a {
    method: &'static str,
    card: Option<Endpoint>,
    server: Option<Endpoint>,
    parameters: Option<Template>,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &["agentCard", "server", "method", "parameters"])?;
    let whole = reader.require(&with, &["method"]);
    let method = with
        .get("method")
        .and_then(|(node, at)| reader.word(node, &at, &METHODS));
    let card = match with.get("agentCard") {
        Some((node, at)) => Some(Endpoint::read_resource(reader, node, &at)?),
        None => None,
    };
    let server = match with.get("server") {
        Some((node, at)) => Some(Endpoint::read(reader, node, &at)?),
        None => None,
    };
    if card.is_none() && server.is_none() {
        let message = "nothing says which agent is called";
        reader
            .warning("missing_field", message, with.node.span.start, &path)
            .help =
            Some("add `agentCard` or `server`: without one the call fails when it is made".to_owned());
    }
    let parameters = match with.get("parameters") {
        Some((node, at)) => Some(read_parameters(reader, node, &at)?),
        None => None,
    };
    whole.then_some(())?;
    Some(Box::new(CallA2a {
        method: method?,
        card,
        server,
        parameters,
    }))
}

impl Task for CallA2a {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let card = match &self.card {
            Some(card) => Some(card.resource(turn, me)?),
            None => None,
        };
        let server = match &self.server {
            Some(server) => Some(server.resource(turn, me)?),
            None => None,
        };
        let parameters = match &self.parameters {
            Some(parameters) => unshare(turn.template(me, parameters, None)?),
            None => serde_json::Value::Null,
        };
        let call = A2aCall {
            method: self.method.to_owned(),
            card,
            server,
            parameters,
            secrets: turn.secrets(me),
            answers: Vec::new(),
        };
        turn.request(me, EffectRequest::A2a(call))
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn a_message_is_complete() {
        let run = Bench::yaml(
            "do:
  - a:
      call: a2a
      with:
        method: message/send
        agentCard: { endpoint: 'https://h/.well-known/agent-card.json' }
        parameters: { message: { parts: [ { kind: text, text: '${ .say }' } ] } }
",
        )
        .start(json!({"say": "hi"}));
        let EffectRequest::A2a(call) = run.request(run.intended()[0]) else {
            panic!("no message")
        };
        assert_eq!(call.parameters["message"]["parts"][0]["text"], "hi");
        assert_eq!(call.card.unwrap().uri, "https://h/.well-known/agent-card.json");
    }
}
