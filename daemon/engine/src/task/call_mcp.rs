//! `call: mcp`: one request to a Model Context Protocol server.

use std::collections::BTreeMap;

use dirigent_protocol::run::{EffectRequest, McpCall, McpTransport};
use dirigent_protocol::source::join_pointer;

use super::endpoint::Endpoint;
use super::process_parts::{text, variables};
use crate::document::{Delay, Fields, Reader, Template, unshare};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn, millis};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("mcp"),
    fields: &["call", "with"],
    doc: "Asks a Model Context Protocol server over HTTP or over a command's standard input and output.",
    shape: "call: mcp, with: { method: tools/call, parameters: {...}, transport: { stdio: { command: TEXT, arguments: [ TEXT ], environment: {...} } | http: { endpoint: URI, headers: {...} } }, timeout: DURATION, client: { name: TEXT, version: TEXT }, elicitation: ask|refuse }; an `oauth2` of the endpoint without `authority` is found out from the server",
    read: Some(read),
};

const METHODS: [&str; 7] = [
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/read",
    "resources/templates/list",
];
const FIELDS: [&str; 7] = [
    "protocolVersion",
    "method",
    "parameters",
    "timeout",
    "transport",
    "client",
    "elicitation",
];
const ELICITATION: [&str; 2] = ["ask", "refuse"];
/// The revision that the standard asks for where a document names none.
const PROTOCOL: &str = "2025-06-18";

#[derive(Debug)]
struct CallMcp {
    method: &'static str,
    parameters: Option<Template>,
    protocol: Option<Template>,
    timeout: Option<Delay>,
    transport: Transport,
    client: Option<(Template, Template)>,
    elicitation: bool,
}

#[derive(Debug)]
enum Transport {
    Http {
        endpoint: Endpoint,
        headers: Vec<(String, Template)>,
    },
    Stdio {
        command: Template,
        arguments: Vec<Template>,
        environment: Vec<(String, Template)>,
    },
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &FIELDS)?;
    let whole = reader.require(&with, &["method", "transport"]);
    let method = with
        .get("method")
        .and_then(|(node, at)| reader.word(node, &at, &METHODS));
    let parameters = match with.get("parameters") {
        Some((node, at)) => Some(read_parameters(reader, node, &at)?),
        None => None,
    };
    let protocol = match with.get("protocolVersion") {
        Some((node, at)) => Some(read_text(reader, node, &at)?),
        None => None,
    };
    let timeout = match with.get("timeout") {
        Some((node, at)) => Some(Delay::read(reader, node, &at)?),
        None => None,
    };
    let transport = with
        .get("transport")
        .and_then(|(node, at)| read_transport(reader, &reader_fields(node, &at)?, &at));
    let client = match with.get("client") {
        Some((node, at)) => {
            let client = reader.fields(node, &at, &["name", "version"])?;
            if !reader.require(&client, &["name", "version"]) {
                return None;
            }
            let mut part = |name: &str| {
                let (node, at) = client.get(name)?;
                read_text(reader, node, &at)
            };
            Some((part("name")?, part("version")?))
        }
        None => None,
    };
    let elicitation = match with.get("elicitation") {
        Some((node, at)) => reader.word(node, &at, &ELICITATION)? == ELICITATION[0],
        None => false,
    };
    whole.then_some(())?;
    Some(Box::new(CallMcp {
        method: method?,
        parameters,
        protocol,
        timeout,
        transport: transport?,
        client,
        elicitation,
    }))
}

fn reader_fields<'a>(node: &'a dirigent_protocol::source::Node, path: &'a str) -> Option<Fields<'a>> {
    let entries = node.as_mapping()?;
    Some(Fields { node, entries, path })
}

fn read_text(reader: &mut Reader, node: &dirigent_protocol::source::Node, path: &str) -> Option<Template> {
    reader.text(node, path)?;
    Template::read(reader, node, path)
}

/// Parameters: a mapping, or an expression.
pub(super) fn read_parameters(
    reader: &mut Reader,
    node: &dirigent_protocol::source::Node,
    path: &str,
) -> Option<Template> {
    if node.as_str().is_some() {
        return Template::read_bare(reader, node, path);
    }
    reader.open(node, path)?;
    Template::read(reader, node, path)
}

fn read_transport(reader: &mut Reader, fields: &Fields<'_>, path: &str) -> Option<Transport> {
    reader.only(fields, &["http", "stdio", "options"]);
    if let Some((node, at)) = fields.get("options") {
        for entry in reader.open(node, &at)?.entries {
            reader.text(&entry.value, &join_pointer(&at, &entry.key));
        }
    }
    match (fields.get("http"), fields.get("stdio")) {
        (Some((node, at)), None) => {
            let http = reader.fields(node, &at, &["endpoint", "headers"])?;
            if !reader.require(&http, &["endpoint"]) {
                return None;
            }
            let (endpoint, place) = http.get("endpoint")?;
            let endpoint = Endpoint::read_discovering(reader, endpoint, &place)?;
            let mut headers = Vec::new();
            if let Some((node, at)) = http.get("headers") {
                for entry in reader.open(node, &at)?.entries {
                    let at = join_pointer(&at, &entry.key);
                    headers.push((entry.key.clone(), read_text(reader, &entry.value, &at)?));
                }
            }
            Some(Transport::Http { endpoint, headers })
        }
        (None, Some((node, at))) => {
            let stdio = reader.fields(node, &at, &["command", "arguments", "environment"])?;
            if !reader.require(&stdio, &["command"]) {
                return None;
            }
            let (command, place) = stdio.get("command")?;
            let command = read_text(reader, command, &place)?;
            let mut arguments = Vec::new();
            if let Some((node, at)) = stdio.get("arguments") {
                for (item, at) in reader.texts(node, &at)? {
                    arguments.push(Template::read(reader, item, &at)?);
                }
            }
            let environment = variables(reader, &stdio)?;
            Some(Transport::Stdio {
                command,
                arguments,
                environment,
            })
        }
        _ => {
            let message = "a transport is one of two";
            reader
                .error("missing_field", message, fields.node.span.start, path)
                .help = Some("write exactly one of: http, stdio".to_owned());
            None
        }
    }
}

fn texts(
    turn: &mut Turn<'_, '_>,
    me: Me<'_>,
    named: &[(String, Template)],
) -> Result<BTreeMap<String, String>, Stop> {
    let mut all = BTreeMap::new();
    for (name, value) in named {
        all.insert(name.clone(), text(turn, me, value, name)?);
    }
    Ok(all)
}

impl CallMcp {
    fn transport(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Result<McpTransport, Stop> {
        Ok(match &self.transport {
            Transport::Http { endpoint, headers } => McpTransport::Http {
                endpoint: endpoint.resource(turn, me)?,
                headers: texts(turn, me, headers)?,
            },
            Transport::Stdio {
                command,
                arguments,
                environment,
            } => {
                let command = text(turn, me, command, "the command")?;
                let mut given = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    given.push(text(turn, me, argument, "an argument")?);
                }
                McpTransport::Stdio {
                    command,
                    arguments: given,
                    environment: texts(turn, me, environment)?,
                    room: None,
                }
            }
        })
    }
}

impl Task for CallMcp {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let parameters = match &self.parameters {
            Some(parameters) => unshare(turn.template(me, parameters, None)?),
            None => serde_json::Value::Null,
        };
        let protocol = match &self.protocol {
            Some(protocol) => text(turn, me, protocol, "the protocol")?,
            None => PROTOCOL.to_owned(),
        };
        let timeout_ms = match &self.timeout {
            Some(timeout) => Some(millis(turn.delay(me, timeout)?)),
            None => None,
        };
        let client = match &self.client {
            Some((name, version)) => Some((
                text(turn, me, name, "client")?,
                text(turn, me, version, "client")?,
            )),
            None => None,
        };
        let call = McpCall {
            method: self.method.to_owned(),
            parameters,
            protocol,
            timeout_ms,
            transport: self.transport(turn, me)?,
            client,
            secrets: turn.secrets(me),
            manifest: None,
            elicitation: self.elicitation,
            answers: Vec::new(),
        };
        turn.request(me, EffectRequest::Mcp(call))
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{EffectRequest, McpTransport};
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn a_request_is_complete() {
        let mut run = Bench::yaml(
            "do:
  - m:
      call: mcp
      with:
        method: tools/call
        parameters: { name: echo, arguments: { message: '${ .say }' } }
        timeout: PT5S
        transport: { stdio: { command: server, arguments: [ '${ .say }' ], environment: { K: v } } }
",
        )
        .start(json!({"say": "hi"}));
        let effect = run.intended()[0];
        let EffectRequest::Mcp(call) = run.request(effect) else {
            panic!("no request")
        };
        assert_eq!(
            call.parameters,
            json!({"name": "echo", "arguments": {"message": "hi"}})
        );
        assert_eq!(
            (call.protocol.as_str(), call.timeout_ms),
            ("2025-06-18", Some(5_000))
        );
        let McpTransport::Stdio { arguments, .. } = call.transport else {
            panic!("no command")
        };
        assert_eq!(arguments, ["hi"]);
        run.settle(effect, done(json!({"content": []})));
        assert_eq!(run.output(), json!({"content": []}));
    }
}
