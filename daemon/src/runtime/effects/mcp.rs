//! `call: mcp`: one connection, one request, by the official client. The server is a command in a process group of its
//! own, or an address that may be reached.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{
    EffectId, EffectKind, EffectOutcome, EffectRequest, McpCall, McpTransport, Resource, Usage, WorkflowError,
};
use futures::future::BoxFuture;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rmcp::model::{ClientCapabilities, ClientConfig, ClientRequest, Implementation, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, RunningService, ServiceError, serve_client_with_lifecycle};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, transport::IntoTransport};
use serde_json::{Value, json};
use tokio::process::Child;

use super::mcp_lines::Trouble;
use super::mcp_pipes::{self, Piped, Program, Said, beside};
use super::mcp_refusals::Refusals;
use super::performer::{Call, Means, Performer, failed, misdirected, refused};
use super::process;
use super::security::Security;
use super::web::{Ended, Web};
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::swap::Swap;
use crate::tools::{IDEMPOTENCY_KEY, manifest_digest};

/// The daemon's limit where the call names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// Connections to servers, one for each request.
pub(super) struct Mcp {
    web: Web,
    policy: Arc<Swap<Policy>>,
    notes: PathBuf,
    security: Arc<Security>,
}

/// Most pages of a list of tools.
const MAX_PAGES: usize = 100;
/// Most tools of a server.
const MAX_TOOLS: usize = 1_000;
/// How long a server may take to greet.
const GREETING: Duration = Duration::from_secs(30);

type Client = RunningService<RoleClient, Refusals>;

/// A greeted server, and what keeps it.
struct Server {
    client: Client,
    /// Why it was given up, once it was.
    trouble: Trouble,
    /// Shows what it says beside the protocol.
    said: Said,
    _process: Option<Child>,
}

pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Mcp::open(means)?))
}

impl Mcp {
    /// Ready to connect.
    ///
    /// # Errors
    /// The folder for notes of processes cannot be made.
    pub(super) fn open(means: &Means) -> Result<Self, RuntimeError> {
        let notes = means.data_dir.join("effects");
        std::fs::create_dir_all(&notes).map_err(|source| RuntimeError::Io {
            what: format!("make {}", notes.display()),
            source,
        })?;
        Ok(Self {
            web: Web::open(means)?,
            policy: means.policy.clone(),
            notes,
            security: means.security.clone(),
        })
    }

    /// Every tool of a server.
    ///
    /// # Errors
    /// Why there is no list, in words.
    pub(super) async fn tools(&self, wanted: &McpCall, call: &Call) -> Result<Vec<Value>, String> {
        let list = async {
            let mut server = self.connect(wanted, call).await.map_err(|ended| words(&ended))?;
            let tools = beside(&mut server.said, tools(&server.client)).await;
            drop(server.client.cancel().await);
            tools.map_err(|error| server.trouble.get().cloned().unwrap_or(error))
        };
        let limit = wanted.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        let found = tokio::select! {
            biased;
            () = call.cancel.cancelled() => Err("it was stopped".to_owned()),
            found = tokio::time::timeout(limit, Box::pin(list)) => found
                .unwrap_or_else(|_| Err(format!("no answer within {} ms", limit.as_millis()))),
        };
        self.empty(wanted, call).await;
        found
    }

    async fn empty(&self, wanted: &McpCall, call: &Call) {
        if matches!(wanted.transport, McpTransport::Stdio { .. }) {
            process::empty(&process::note_path(&self.notes, call.run, call.effect), &call.key).await;
        }
    }
}

impl Performer for Mcp {
    fn kind(&self) -> EffectKind {
        EffectKind::Mcp
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            let EffectRequest::Mcp(wanted) = &call.request else {
                return misdirected();
            };
            let limit = wanted.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
            let outcome = tokio::select! {
                biased;
                () = call.cancel.cancelled() => EffectOutcome::Cancelled,
                outcome = tokio::time::timeout(limit, Box::pin(self.exchange(wanted, &call))) => outcome
                    .unwrap_or_else(|_| EffectOutcome::Unknown {
                        reason: format!("no answer within {} ms", limit.as_millis()),
                    }),
            };
            self.empty(wanted, &call).await;
            outcome
        })
    }

    fn clear<'a>(&'a self, run: RunId, effect: EffectId, key: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if !process::empty(&process::note_path(&self.notes, run, effect), key).await {
                tracing::error!(%run, effect = effect.0, "processes of a server cannot be ended");
            }
        })
    }
}

impl Mcp {
    async fn connect(&self, wanted: &McpCall, call: &Call) -> Result<Server, Ended> {
        match &wanted.transport {
            McpTransport::Http { endpoint, headers } => {
                self.over_http(wanted, (endpoint, headers), call).await
            }
            McpTransport::Stdio {
                command,
                arguments,
                environment,
            } => {
                let program = Program {
                    command,
                    arguments,
                    environment,
                };
                self.over_pipes(wanted, &program, call).await
            }
        }
    }

    async fn exchange(&self, wanted: &McpCall, call: &Call) -> EffectOutcome {
        match self.connect(wanted, call).await {
            Ok(mut server) => {
                let asking = async {
                    match unchanged(&server.client, wanted).await {
                        Ok(()) => ask(&server.client, wanted, &call.key).await,
                        Err(changed) => *changed,
                    }
                };
                let outcome = beside(&mut server.said, asking).await;
                drop(server.client.cancel().await);
                match server.trouble.get() {
                    Some(why) => given_up(why),
                    None => outcome,
                }
            }
            Err(ended) => *ended,
        }
    }

    async fn over_http(
        &self,
        wanted: &McpCall,
        (endpoint, headers): (&Resource, &BTreeMap<String, String>),
        call: &Call,
    ) -> Result<Server, Ended> {
        let url = self.web.address(&endpoint.uri)?;
        let mut custom = HashMap::new();
        for (name, value) in headers {
            let pair = name
                .parse::<HeaderName>()
                .ok()
                .zip(HeaderValue::from_str(value).ok());
            let Some((name, value)) = pair else {
                let detail = format!("header `{}` cannot be sent", name.escape_debug());
                return Err(Box::new(refused("validation", 400, "Bad header", detail)));
            };
            custom.insert(name, value);
        }
        if let Some(sender) = &endpoint.authentication {
            let request = reqwest::Request::new(reqwest::Method::POST, url.clone());
            let signed = self.web.signed(request, sender, false).await?;
            if let Some(value) = signed.headers().get(AUTHORIZATION) {
                custom.insert(AUTHORIZATION, value.clone());
            }
        }
        let config = StreamableHttpClientTransportConfig::with_uri(url.to_string())
            .custom_headers(custom)
            .max_sse_event_size(self.web.limit())
            .max_json_response_size(self.web.limit());
        let transport = StreamableHttpClientTransport::with_client(self.web.client().clone(), config);
        Ok(Server {
            client: self.greet(wanted, transport, call).await?,
            trouble: Trouble::default(),
            said: Said::default(),
            _process: None,
        })
    }

    /// A command, greeted over its pipes.
    async fn over_pipes(
        &self,
        wanted: &McpCall,
        program: &Program<'_>,
        call: &Call,
    ) -> Result<Server, Ended> {
        if !self.policy.get().shell {
            let detail = "[run] shell = \"deny\": this daemon runs no commands";
            return Err(Box::new(refused(
                "authorization",
                403,
                "Commands are not allowed",
                detail,
            )));
        }
        let Piped {
            child,
            streams,
            trouble,
            mut said,
        } = mcp_pipes::begin(program, &self.notes, call)?;
        let greeted = beside(&mut said, Box::pin(self.greet(wanted, streams, call))).await;
        let client = greeted.map_err(|ended| match trouble.get() {
            Some(why) => Box::new(given_up(why)),
            None => ended,
        })?;
        Ok(Server {
            client,
            trouble,
            said,
            _process: Some(child),
        })
    }

    /// The handshake: `initialize` where the revision has one, else what newer servers want in its place.
    async fn greet<T, E, A>(&self, wanted: &McpCall, transport: T, call: &Call) -> Result<Client, Ended>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (name, version) = wanted
            .client
            .clone()
            .unwrap_or_else(|| ("dirigent".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
        let protocol = serde_json::from_value::<ProtocolVersion>(Value::String(wanted.protocol.clone()))
            .unwrap_or(ProtocolVersion::V_2025_06_18);
        let newest = protocol == ProtocolVersion::LATEST;
        let legacy = if newest {
            ProtocolVersion::LATEST_WITH_INITIALIZE
        } else {
            protocol.clone()
        };
        let config = ClientConfig::new(ClientCapabilities::default(), Implementation::new(name, version))
            .with_protocol_version(legacy.clone());
        let info = Refusals {
            config,
            security: self.security.clone(),
            run: call.run,
            server: named(&wanted.transport),
            key: call.key.to_string(),
            noted: AtomicU8::default(),
        };
        let lifecycle = if newest {
            ClientLifecycleMode::Auto {
                preferred_versions: vec![protocol],
                legacy_version: Some(legacy),
            }
        } else {
            ClientLifecycleMode::Initialize
        };
        let silent = |detail: String| {
            let problem = WorkflowError::standard("communication", 503, "The server does not greet");
            Box::new(failed(problem.detail(detail), true))
        };
        let greeted = Box::pin(serve_client_with_lifecycle(info, transport, lifecycle));
        let client = tokio::time::timeout(GREETING, greeted)
            .await
            .map_err(|_| silent(format!("it said nothing for {} s", GREETING.as_secs())))?
            .map_err(|error| silent(error.to_string()))?;
        known(&client)?;
        Ok(client)
    }
}

/// A server, for records: its origin alone, for a secret may stand anywhere else in its address.
fn named(transport: &McpTransport) -> String {
    match transport {
        McpTransport::Http { endpoint, .. } => {
            let place = Url::parse(&endpoint.uri).map(|address| address.origin());
            let known = place.ok().filter(|origin| origin.is_tuple());
            known.map_or_else(|| "a server".to_owned(), |origin| origin.ascii_serialization())
        }
        McpTransport::Stdio { command, .. } => command.clone(),
    }
}

/// Whether the server speaks a revision that is known here.
fn known(client: &Client) -> Result<(), Ended> {
    let Some(told) = client.peer_info().map(|info| info.protocol_version.clone()) else {
        return Ok(());
    };
    if ProtocolVersion::KNOWN_VERSIONS.contains(&told) {
        return Ok(());
    }
    let detail = format!(
        "version_mismatch: it speaks `{}`, known here are up to `{}`",
        told.as_str().escape_debug(),
        ProtocolVersion::LATEST
    );
    Err(Box::new(refused(
        "communication",
        505,
        "The server speaks another revision",
        detail,
    )))
}

/// A server that broke the protocol.
fn given_up(why: &str) -> EffectOutcome {
    let problem = WorkflowError::standard("communication", 502, "The server breaks the protocol");
    failed(problem.detail(why.to_owned()), false)
}

/// Whether the server's list of tools is the one the call was planned with, where it names one.
async fn unchanged(client: &Client, wanted: &McpCall) -> Result<(), Ended> {
    let Some(planned) = wanted.manifest else {
        return Ok(());
    };
    let refusal =
        |status, detail| Box::new(refused("communication", status, "The call was not made", detail));
    let tools = tools(client).await.map_err(|error| refusal(503, error))?;
    if manifest_digest(&tools) == planned {
        return Ok(());
    }
    let detail = "the server's list of tools is another one than the call was planned with";
    Err(refusal(409, detail.to_owned()))
}

/// Every tool, page by page.
async fn tools(client: &Client) -> Result<Vec<Value>, String> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let params = cursor
            .as_ref()
            .map_or(json!({}), |cursor| json!({ "cursor": cursor }));
        let request = json!({ "method": "tools/list", "params": params });
        let request: ClientRequest = serde_json::from_value(request).map_err(|error| error.to_string())?;
        let page = client
            .peer()
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let page = serde_json::to_value(page).unwrap_or_default();
        all.extend(page["tools"].as_array().cloned().unwrap_or_default());
        if all.len() > MAX_TOOLS {
            return Err(format!(
                "too_many_tools: its list has more than {MAX_TOOLS} tools"
            ));
        }
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(all);
        }
    }
    Err(format!(
        "too_many_tools: its list of tools has more than {MAX_PAGES} pages"
    ))
}

/// An ending in words.
fn words(ended: &EffectOutcome) -> String {
    match ended {
        EffectOutcome::Failed { error, .. } => match &error.detail {
            Some(detail) => format!("{}: {detail}", error.title),
            None => error.title.clone(),
        },
        EffectOutcome::Unknown { reason } => reason.clone(),
        _ => "it was stopped".to_owned(),
    }
}

async fn ask(client: &Client, wanted: &McpCall, key: &str) -> EffectOutcome {
    let mut request = json!({ "method": wanted.method });
    if !wanted.parameters.is_null() {
        request["params"] = wanted.parameters.clone();
    }
    if wanted.method == "tools/call"
        && let Some(params) = request["params"].as_object_mut()
        && let Some(meta) = params.entry("_meta").or_insert_with(|| json!({})).as_object_mut()
    {
        // The same attempt has the same key, so that a server that knows the member can tell a repeat.
        meta.entry(IDEMPOTENCY_KEY).or_insert_with(|| key.into());
    }
    let request: ClientRequest = match serde_json::from_value(request) {
        Ok(request) => request,
        Err(error) => {
            return refused(
                "validation",
                400,
                "The parameters do not fit the method",
                error.to_string(),
            );
        }
    };
    match client.peer().send_request(request).await {
        Ok(result) => told(serde_json::to_value(result).unwrap_or_default()),
        Err(ServiceError::McpError(error)) => {
            let mut problem = WorkflowError::standard("runtime", 500, error.message.to_string());
            problem.data = serde_json::to_value(&error).unwrap_or_default();
            failed(problem, false)
        }
        Err(error) => EffectOutcome::Unknown {
            reason: format!("the server went away: {error}"),
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

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::Resource;

    use super::*;

    #[test]
    fn a_server_is_named_by_nothing_that_may_be_a_secret() {
        let of = |uri: &str| {
            named(&McpTransport::Http {
                endpoint: Resource {
                    uri: uri.into(),
                    ..Resource::default()
                },
                headers: BTreeMap::default(),
            })
        };
        assert_eq!(
            of("https://me:hunter2@h:8443/api/hunter2/mcp?k=hunter2#x"),
            "https://h:8443"
        );
        assert_eq!(of("hunter2"), "a server");
        assert_eq!(of("data:hunter2"), "a server");
    }
}
