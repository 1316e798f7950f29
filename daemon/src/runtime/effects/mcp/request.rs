//! One request to a greeted server, and what its answer means.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::run::{EffectOutcome, McpCall, McpTransport, Usage, WorkflowError};
use rmcp::model::{ClientRequest, ProtocolVersion, ServerResult};
use rmcp::service::ServiceError;
use serde_json::{Value, json};

use super::super::performer::{failed, refused};
use super::connect::Client;
use super::rounds::{Round, endless};
use super::sign_in::{Challenge, Missed};
use crate::tools::{IDEMPOTENCY_KEY, manifest_digest};

/// Most pages of a list of tools.
const MAX_PAGES: usize = 100;
/// Most rounds in which a server wants the same request again and asks nobody.
const MAX_ROUNDS: usize = 8;
/// Most tools of a server.
const MAX_TOOLS: usize = 1_000;

/// Whether the server's list of tools is the one the call was planned with, where it names one. In the newest revision a
/// list comes before every call of a tool over HTTP: it says which arguments are sent as headers, too.
pub(super) async fn as_listed(client: &Client, wanted: &McpCall) -> Result<(), Missed> {
    let Some(planned) = wanted.manifest else {
        let newest = client
            .peer_info()
            .is_some_and(|info| info.protocol_version == ProtocolVersion::LATEST);
        let over_http = matches!(wanted.transport, McpTransport::Http { .. });
        if newest && over_http && wanted.method == "tools/call" {
            // Whoever has no list may still take the call.
            drop(tools(client).await);
        }
        return Ok(());
    };
    let refusal = |status, detail| {
        Missed::Ended(Box::new(refused(
            "communication",
            status,
            "The call was not made",
            detail,
        )))
    };
    let tools = tools(client).await.map_err(|unlisted| match unlisted {
        Unlisted::Challenged(challenge) => Missed::Challenged(challenge),
        Unlisted::Words(words) => refusal(503, words),
    })?;
    if manifest_digest(&tools) == planned {
        return Ok(());
    }
    let detail = "the server's list of tools is another one than the call was planned with";
    Err(refusal(409, detail.to_owned()))
}

/// Why there is no list of tools.
pub(super) enum Unlisted {
    Challenged(Challenge),
    Words(String),
}

/// Every tool, page by page.
pub(super) async fn tools(client: &Client) -> Result<Vec<Value>, Unlisted> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let params = cursor
            .as_ref()
            .map_or(json!({}), |cursor| json!({ "cursor": cursor }));
        let request = json!({ "method": "tools/list", "params": params });
        let request: ClientRequest =
            serde_json::from_value(request).map_err(|error| Unlisted::Words(error.to_string()))?;
        let page = client.peer().send_request(request).await;
        let page = page.map_err(|error| match Challenge::of_service(&error) {
            Some(challenge) => Unlisted::Challenged(challenge),
            None => Unlisted::Words(error.to_string()),
        })?;
        let page = serde_json::to_value(page).unwrap_or_default();
        all.extend(page["tools"].as_array().cloned().unwrap_or_default());
        if all.len() > MAX_TOOLS {
            let detail = format!("too_many_tools: its list has more than {MAX_TOOLS} tools");
            return Err(Unlisted::Words(detail));
        }
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(all);
        }
    }
    let detail = format!("too_many_tools: its list of tools has more than {MAX_PAGES} pages");
    Err(Unlisted::Words(detail))
}

/// The call itself; `who` is the server and what is asked of it, for people.
pub(super) async fn ask(
    client: &Client,
    wanted: &McpCall,
    who: (&str, &str),
    key: &str,
) -> Result<EffectOutcome, Missed> {
    let mut round = Round::heard(&wanted.answers).unwrap_or_default();
    for _ in 0..MAX_ROUNDS {
        let request: ClientRequest = match serde_json::from_value(written(wanted, &round, key)) {
            Ok(request) => request,
            Err(error) => {
                let title = "The parameters do not fit the method";
                return Ok(refused("validation", 400, title, error.to_string()));
            }
        };
        let more = match client.peer().send_request(request).await {
            Ok(ServerResult::InputRequiredResult(more)) => more,
            Ok(result) => return Ok(told(serde_json::to_value(result).unwrap_or_default())),
            Err(error) => return lost(error),
        };
        round = match Round::of(&more, round.number() + 1, wanted.elicitation) {
            Ok(round) => round,
            Err(ended) => {
                client.service().wanted_input().await;
                return Ok(*ended);
            }
        };
        if let Some(ask) = round.next(who) {
            return Ok(EffectOutcome::Asks { ask });
        }
    }
    Ok(endless())
}

fn written(wanted: &McpCall, round: &Round, key: &str) -> Value {
    let mut request = json!({ "method": wanted.method });
    if !wanted.parameters.is_null() {
        request["params"] = wanted.parameters.clone();
    }
    round.put_into(&mut request["params"]);
    if wanted.method == "tools/call"
        && let Some(params) = request["params"].as_object_mut()
        && let Some(meta) = params.entry("_meta").or_insert_with(|| json!({})).as_object_mut()
    {
        // The same attempt has the same key, so that a server that knows the member can tell a repeat.
        meta.entry(IDEMPOTENCY_KEY).or_insert_with(|| key.into());
    }
    if request["params"].is_null()
        && let Some(members) = request.as_object_mut()
    {
        members.remove("params");
    }
    request
}

fn lost(error: ServiceError) -> Result<EffectOutcome, Missed> {
    match error {
        ServiceError::McpError(error) => {
            let mut problem = WorkflowError::standard("runtime", 500, error.message.to_string());
            problem.data = serde_json::to_value(&error).unwrap_or_default();
            Ok(failed(problem, false))
        }
        error => match Challenge::of_service(&error) {
            Some(challenge) => Err(Missed::Challenged(challenge)),
            None => Ok(EffectOutcome::Unknown {
                reason: format!("the server went away: {error}"),
            }),
        },
    }
}

/// The JSON-RPC result as it is; a tool that says it failed is a failure.
fn told(result: Value) -> EffectOutcome {
    if result["isError"] == true {
        let text = result["content"][0]["text"]
            .as_str()
            .unwrap_or("it does not say why")
            .to_owned();
        let mut problem = WorkflowError::standard("runtime", 500, "The tool failed").detail(text);
        problem.data = result;
        return failed(problem, false);
    }
    EffectOutcome::Done {
        output: Arc::new(result),
        usage: Usage::default(),
        facts: BTreeMap::new(),
    }
}
