//! `call: a2a`: JSON-RPC to an agent elsewhere. Servers of A2A 0.3 and of 1.0 are both understood: their card, or their
//! answer, says which method names they have.

use std::sync::Arc;

use dirigent_protocol::run::{A2aCall, EffectOutcome, HttpCall, Resource, Usage, WorkflowError};
use serde_json::{Value, json};

use super::http_answer;
use super::performer::{failed, refused};
use super::web::{Ended, Web};

/// Method names of 0.3 and of 1.0.
const METHODS: [(&str, &str); 11] = [
    ("message/send", "SendMessage"),
    ("message/stream", "SendStreamingMessage"),
    ("tasks/get", "GetTask"),
    ("tasks/list", "ListTasks"),
    ("tasks/cancel", "CancelTask"),
    ("tasks/resubscribe", "SubscribeToTask"),
    (
        "tasks/pushNotificationConfig/set",
        "CreateTaskPushNotificationConfig",
    ),
    (
        "tasks/pushNotificationConfig/get",
        "GetTaskPushNotificationConfig",
    ),
    (
        "tasks/pushNotificationConfig/list",
        "ListTaskPushNotificationConfigs",
    ),
    (
        "tasks/pushNotificationConfig/delete",
        "DeleteTaskPushNotificationConfig",
    ),
    ("agent/getAuthenticatedExtendedCard", "GetExtendedAgentCard"),
];
/// JSON-RPC: there is no such method.
const NO_METHOD: i64 = -32_601;

/// Where the agent is, and whether it speaks 1.0.
struct Server {
    resource: Resource,
    newer: bool,
}

fn wrong(detail: impl Into<String>) -> Ended {
    Box::new(refused(
        "configuration",
        400,
        "The agent cannot be called",
        detail,
    ))
}

/// Asks and answers with the JSON-RPC result.
pub(super) async fn ask(web: &Web, call: &A2aCall, key: &str) -> EffectOutcome {
    match exchange(web, call, key).await {
        Ok(output) => EffectOutcome::Done {
            output: Arc::new(output),
            usage: Usage::default(),
            facts: std::collections::BTreeMap::new(),
        },
        Err(ended) => *ended,
    }
}

async fn exchange(web: &Web, call: &A2aCall, key: &str) -> Result<Value, Ended> {
    let server = find(web, call).await?;
    let answer = once(web, call, &server, server.newer, key).await?;
    // A server that was named without a card may have the newer names.
    if call.card.is_none() && answer["error"]["code"].as_i64() == Some(NO_METHOD) {
        return result(once(web, call, &server, !server.newer, key).await?);
    }
    result(answer)
}

async fn find(web: &Web, call: &A2aCall) -> Result<Server, Ended> {
    let Some(card) = &call.card else {
        let resource = call
            .server
            .clone()
            .ok_or_else(|| wrong("neither `agentCard` nor `server` says which agent"))?;
        return Ok(Server {
            resource,
            newer: false,
        });
    };
    let bytes = web.fetch(card).await?;
    let described: Value =
        serde_json::from_slice(&bytes).map_err(|_| wrong(format!("{} is no agent card", card.uri)))?;
    let newer = described["supportedInterfaces"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| {
            one["protocolBinding"]
                .as_str()
                .is_none_or(|binding| binding.eq_ignore_ascii_case("jsonrpc"))
        });
    let url = newer.map_or(&described["url"], |one| &one["url"]);
    let url = url
        .as_str()
        .ok_or_else(|| wrong(format!("the card at {} names no JSON-RPC address", card.uri)))?;
    let newer = newer.is_some_and(|one| {
        one["protocolVersion"]
            .as_str()
            .is_none_or(|version| version.starts_with('1'))
    });
    let authentication = call
        .server
        .as_ref()
        .and_then(|server| server.authentication.clone())
        .or_else(|| card.authentication.clone());
    Ok(Server {
        resource: Resource {
            uri: url.to_owned(),
            authentication,
        },
        newer,
    })
}

async fn once(web: &Web, call: &A2aCall, server: &Server, newer: bool, key: &str) -> Result<Value, Ended> {
    let known = METHODS.iter().find(|(old, _)| *old == call.method);
    let (old, new) = known.ok_or_else(|| wrong(format!("`{}` is no method", call.method)))?;
    let method = if newer { new } else { old };
    let mut headers = std::collections::BTreeMap::from([(
        "Accept".to_owned(),
        "application/json, text/event-stream".to_owned(),
    )]);
    if newer {
        headers.insert("A2A-Version".to_owned(), "1.0".to_owned());
    }
    let wanted = HttpCall {
        method: "POST".into(),
        uri: server.resource.uri.clone(),
        headers,
        body: Some(
            json!({ "jsonrpc": "2.0", "id": key, "method": method, "params": parameters(call, newer, key) }),
        ),
        redirect: false,
        authentication: server.resource.authentication.clone(),
        ..HttpCall::default()
    };
    let response = web.respond(&wanted, key).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let streams = headers.get("content-type").is_some_and(|kind| {
        kind.to_str()
            .is_ok_and(|kind| kind.starts_with("text/event-stream"))
    });
    let body = http_answer::read(response, web.limit()).await;
    if !status.is_success() {
        return Err(Box::new(http_answer::failure(
            status,
            &headers,
            body.ok().as_deref(),
        )));
    }
    let bytes = body.map_err(|error| {
        Box::new(EffectOutcome::Unknown {
            reason: format!("the agent's answer was not complete: {error:?}"),
        })
    })?;
    if streams {
        return Ok(json!({ "result": events(&String::from_utf8_lossy(&bytes))? }));
    }
    serde_json::from_slice(&bytes).map_err(|_| wrong("the agent did not answer in JSON"))
}

/// Parameters with what the standard wants filled in: the message's id and who says it.
fn parameters(call: &A2aCall, newer: bool, key: &str) -> Value {
    let mut parameters = match &call.parameters {
        Value::Null => json!({}),
        given => given.clone(),
    };
    if !call.method.starts_with("message/") {
        return parameters;
    }
    if let Some(message) = parameters.get_mut("message").and_then(Value::as_object_mut) {
        // The same attempt has the same id, so that a server can tell a repeat.
        message
            .entry("messageId")
            .or_insert_with(|| Value::String(key.to_owned()));
        let role = if newer { "ROLE_USER" } else { "user" };
        message
            .entry("role")
            .or_insert_with(|| Value::String(role.to_owned()));
        if !newer {
            message
                .entry("kind")
                .or_insert_with(|| Value::String("message".to_owned()));
        } else if let Some(Value::Array(parts)) = message.get_mut("parts") {
            // In 1.0 a part is told by its field.
            for part in parts.iter_mut().filter_map(Value::as_object_mut) {
                part.remove("kind");
            }
        }
    }
    parameters
}

/// Every result of a stream, in order.
fn events(text: &str) -> Result<Vec<Value>, Ended> {
    let mut all = Vec::new();
    for event in text.replace("\r\n", "\n").split("\n\n") {
        let data: Vec<&str> = event
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(str::trim_start)
            .collect();
        if data.is_empty() {
            continue;
        }
        let one: Value =
            serde_json::from_str(&data.join("\n")).map_err(|_| wrong("the agent's stream is not JSON"))?;
        all.push(result(one)?);
    }
    Ok(all)
}

fn result(answer: Value) -> Result<Value, Ended> {
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        let title = error["message"]
            .as_str()
            .unwrap_or("The agent answered with an error");
        let mut problem = WorkflowError::standard("runtime", 500, title);
        problem.data = error.clone();
        return Err(Box::new(failed(problem, false)));
    }
    answer
        .get("result")
        .cloned()
        .ok_or_else(|| wrong("the agent's answer has neither result nor error"))
}
