//! JSON-RPC to an agent elsewhere. Servers of A2A 0.3 and of 1.0 are both understood: their card, or their answer, says
//! which method names they have.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dirigent_protocol::run::{Authentication, EffectOutcome, HttpCall, Resource, WorkflowError};
use reqwest::Url;
use serde_json::{Value, json};

use super::super::http_answer;
use super::super::performer::{failed, refused};
use super::super::web::{Ended, Web};

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

/// Longest time for a card, and its most bytes.
const CARD: (Duration, usize) = (Duration::from_secs(30), 256 << 10);
/// Longest time for one answer.
const ANSWER: Duration = Duration::from_secs(120);

/// Where an agent is said to be.
#[derive(Clone, Copy)]
pub(in super::super) struct Link<'a> {
    pub(in super::super) web: &'a Web,
    pub(in super::super) card: Option<&'a Resource>,
    pub(in super::super) server: Option<&'a Resource>,
}

/// Where the agent is, and whether it speaks 1.0.
pub(super) struct Server {
    resource: Resource,
    newer: AtomicBool,
    /// Its card says which revision it speaks; without one it is found out.
    described: bool,
}

impl Server {
    /// Whether it speaks 1.0.
    pub(super) fn newer(&self) -> bool {
        self.newer.load(Ordering::Relaxed)
    }
}

pub(super) fn wrong(detail: impl Into<String>) -> Ended {
    Box::new(refused(
        "configuration",
        400,
        "The agent cannot be called",
        detail,
    ))
}

impl Link<'_> {
    /// Finds out where the agent is.
    pub(super) async fn find(&self) -> Result<Server, Ended> {
        let Some(card) = self.card else {
            let resource = self
                .server
                .cloned()
                .ok_or_else(|| wrong("neither `agentCard` nor `server` says which agent"))?;
            return Ok(Server {
                resource,
                newer: AtomicBool::new(false),
                described: false,
            });
        };
        let fetched = tokio::time::timeout(CARD.0, self.web.fetch(card)).await;
        let bytes = fetched.map_err(|_| {
            let detail = format!("{} was not complete within {} s", card.uri, CARD.0.as_secs());
            Box::new(refused("timeout", 408, "The agent's card takes too long", detail))
        })??;
        if bytes.len() > CARD.1 {
            return Err(wrong(format!(
                "the card at {} has more than {} bytes",
                card.uri, CARD.1
            )));
        }
        let described: Value =
            serde_json::from_slice(&bytes).map_err(|_| wrong(format!("{} is no agent card", card.uri)))?;
        let (url, newer) = interface(&described)
            .ok_or_else(|| wrong(format!("the card at {} names no JSON-RPC address", card.uri)))?;
        Ok(Server {
            resource: Resource {
                authentication: self.credentials(url)?,
                uri: url.to_owned(),
            },
            newer: AtomicBool::new(newer),
            described: true,
        })
    }

    /// Who asks, at the address that a card names. What was given for one place goes to no other.
    fn credentials(&self, url: &str) -> Result<Option<Authentication>, Ended> {
        if let Some(server) = self.server.filter(|server| server.authentication.is_some()) {
            if same_place(&server.uri, url) || server.uri.is_empty() {
                return Ok(server.authentication.clone());
            }
            let detail = format!(
                "its card leads to {url}, and what it would be sent is for {}",
                server.uri
            );
            return Err(wrong(detail));
        }
        let Some(card) = self.card.filter(|card| card.authentication.is_some()) else {
            return Ok(None);
        };
        if same_place(&card.uri, url) {
            return Ok(card.authentication.clone());
        }
        let detail = format!(
            "the card at {} leads to {url}, where its credentials are not sent: name that server too",
            card.uri
        );
        Err(wrong(detail))
    }

    /// The result of one method; a server that was named without a card may have the newer names.
    pub(super) async fn call(
        &self,
        server: &Server,
        method: &str,
        parameters: &(dyn Fn(bool) -> Value + Send + Sync),
        key: &str,
    ) -> Result<Value, Ended> {
        let newer = server.newer();
        let answer = once((self.web, server, newer), method, parameters(newer), key).await?;
        if !server.described && answer["error"]["code"].as_i64() == Some(NO_METHOD) {
            server.newer.store(!newer, Ordering::Relaxed);
            let again = once((self.web, server, !newer), method, parameters(!newer), key).await?;
            return result(again);
        }
        result(answer)
    }
}

/// Whether two addresses are of one server.
fn same_place(one: &str, other: &str) -> bool {
    let origin = |address: &str| Url::parse(address).ok().map(|url| url.origin());
    matches!((origin(one), origin(other)), (Some(one), Some(other)) if one == other)
}

/// The JSON-RPC address that a card names, the newest revision first, and whether that is 1.0.
fn interface(card: &Value) -> Option<(&str, bool)> {
    let jsonrpc = |word: &Value| {
        word.as_str()
            .is_none_or(|binding| binding.eq_ignore_ascii_case("jsonrpc"))
    };
    let declared = card["supportedInterfaces"].as_array().into_iter().flatten();
    let declared: Vec<(&str, bool)> = declared
        .filter(|one| jsonrpc(&one["protocolBinding"]))
        .filter_map(|one| {
            let version = one["protocolVersion"].as_str();
            Some((
                one["url"].as_str()?,
                version.is_none_or(|version| version.starts_with('1')),
            ))
        })
        .collect();
    let best = declared
        .iter()
        .find(|(_, newer)| *newer)
        .or_else(|| declared.first());
    if let Some(found) = best {
        return Some(*found);
    }
    if jsonrpc(&card["preferredTransport"]) {
        return Some((card["url"].as_str()?, false));
    }
    let more = card["additionalInterfaces"].as_array()?.iter();
    let mut fits = more.filter(|one| jsonrpc(&one["transport"]));
    Some((fits.next()?["url"].as_str()?, false))
}

async fn once(to: (&Web, &Server, bool), method: &str, parameters: Value, key: &str) -> Result<Value, Ended> {
    let asked = tokio::time::timeout(ANSWER, sent(to, method, parameters, key)).await;
    asked.unwrap_or_else(|_| {
        let reason = format!("no complete answer within {} s", ANSWER.as_secs());
        Err(Box::new(EffectOutcome::Unknown { reason }))
    })
}

async fn sent(
    (web, server, newer): (&Web, &Server, bool),
    method: &str,
    parameters: Value,
    key: &str,
) -> Result<Value, Ended> {
    let known = METHODS.iter().find(|(old, _)| *old == method);
    let (old, new) = known.ok_or_else(|| wrong(format!("`{method}` is no method")))?;
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
        body: Some(json!({ "jsonrpc": "2.0", "id": key, "method": method, "params": parameters })),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_revision_over_json_rpc_is_taken() {
        let one = |binding: &str, version: &str| json!({ "url": format!("http://{version}"), "protocolBinding": binding, "protocolVersion": version });
        let both = json!({ "supportedInterfaces": [one("JSONRPC", "0.3"), one("GRPC", "1.0"), one("JSONRPC", "1.0")] });
        assert_eq!(interface(&both), Some(("http://1.0", true)));
        let older = json!({ "supportedInterfaces": [one("JSONRPC", "0.3")] });
        assert_eq!(interface(&older), Some(("http://0.3", false)));
        let plain = json!({ "url": "http://h", "preferredTransport": "JSONRPC" });
        assert_eq!(interface(&plain), Some(("http://h", false)));
        let beside = json!({ "url": "http://h", "preferredTransport": "GRPC",
            "additionalInterfaces": [{ "url": "http://j", "transport": "JSONRPC" }] });
        assert_eq!(interface(&beside), Some(("http://j", false)));
        for strange in [
            json!({ "url": 7 }),
            json!([]),
            json!({ "supportedInterfaces": "x" }),
        ] {
            assert_eq!(interface(&strange), None, "{strange}");
        }
    }

    #[test]
    fn one_place_is_one_scheme_host_and_port() {
        assert!(same_place("http://h:1/card", "http://h:1/rpc"));
        for other in ["http://h:2/", "https://h:1/", "http://g:1/", "no address"] {
            assert!(!same_place("http://h:1/card", other), "{other}");
        }
    }
}
