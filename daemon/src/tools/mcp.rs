//! Tools of a server of the Model Context Protocol. Its list is named by digest; a call is made only while the list is
//! the one that the call was planned with.
//!
//! What a server says of its tools is text from outside: names are checked, descriptions are shown to the model only
//! while the list is the one that was pinned (where one is), and its hints about reading and writing are not believed.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{AgentTool, Elicitation, McpServer, McpSignIn};
use dirigent_protocol::run::{
    Authentication, EffectRequest, McpCall, McpRoom, McpTransport, Resource, SECRET_CLOSE, SECRET_OPEN,
    Sandbox, Scheme, Traits,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::Kind;
use super::change::{Open, whole};
use super::names::definition;
use super::secrets;
use super::tool::{Closed, Described, Offered, Tool, Wanted, World};

pub(super) const KIND: Kind = Kind {
    field: "mcp",
    open: |grant| {
        let server = grant.mcp.clone()?;
        Some(Box::new(Mcp { server }) as Box<dyn Tool>)
    },
    settings: None,
    problem,
};

/// Member of a call's `_meta`: a server of ours finds the run that the same key started.
pub(crate) const IDEMPOTENCY_KEY: &str = "dirigent/idempotency-key";
/// The newest revision; a server that does not know it is greeted in an older one.
const PROTOCOL: &str = "2026-07-28";
/// Milliseconds for one request.
const TIMEOUT_MS: u64 = 120_000;
/// Most tools of one server.
const MAX_TOOLS: usize = 2_000;
/// Largest schema of a tool's input, bytes.
const MAX_SCHEMA: usize = 64 << 10;
/// Deepest one.
const MAX_DEPTH: usize = 64;

struct Mcp {
    server: McpServer,
}

impl Tool for Mcp {
    fn describe<'a>(&'a self, world: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>> {
        Box::pin(async move {
            let tools = world.manifest(&self.server).await?;
            let digest = manifest_digest(&tools);
            let stale = self.server.manifest.as_ref().and_then(|pinned| {
                (*pinned != digest.to_string()).then(|| {
                    format!(
                        "the tools of {} are not the ones that were looked at: the list is {} now, {} was pinned",
                        place(&self.server),
                        digest.short(),
                        pinned.chars().take(12).collect::<String>(),
                    )
                })
            });
            let mut described = Described {
                manifest: Some(digest),
                ..Described::default()
            };
            for tool in tools.iter().take(MAX_TOOLS) {
                match offered(tool, stale.is_some()) {
                    Some(offered) => described.offered.push(offered),
                    None => described
                        .withheld
                        .extend(tool["name"].as_str().map(str::to_owned)),
                }
            }
            described.stale = stale;
            Ok(described)
        })
    }

    fn sandbox(&self) -> Option<Sandbox> {
        self.server.sandbox
    }

    fn call(&self, own: &str, arguments: &Value, described: &Described) -> Result<Wanted, String> {
        let parameters = json!({ "name": own, "arguments": arguments });
        let mut call = server_call(&self.server, "tools/call", parameters);
        call.manifest = described.manifest;
        Ok(Wanted {
            request: EffectRequest::Mcp(call),
            destination: place(&self.server),
            before: None,
        })
    }

    fn open(&self, _: &str, limits: &[&Value]) -> Vec<Open> {
        let arguments = whole(limits).map(|arguments| ("/mcp/parameters/arguments", arguments));
        arguments.into_iter().collect()
    }
}

fn offered(tool: &Value, stale: bool) -> Option<Offered> {
    let own = tool["name"].as_str().filter(|name| super::names::usable(name))?;
    if let Err(why) = sound(&tool["inputSchema"], MAX_DEPTH) {
        tracing::warn!(tool = own, "schema_too_complex: a tool is not offered: {why}");
        return None;
    }
    let about = if stale {
        "(its description changed and nobody has looked at it yet)"
    } else {
        tool["description"].as_str().unwrap_or_default()
    };
    Some(Offered {
        definition: definition(own, about, tool["inputSchema"].clone()),
        own: own.to_owned(),
        // Files, mail, an intranet: nobody knows what a server is of until its grant says so.
        traits: Traits {
            untrusted: true,
            private: true,
            outward: true,
        },
        read_only: false,
        on_unknown: None,
    })
}

/// Whether a schema is one that models and checks can be given: small, not deep, complete in itself.
fn sound(schema: &Value, depth: usize) -> Result<(), &'static str> {
    if depth == MAX_DEPTH && schema.to_string().len() > MAX_SCHEMA {
        return Err("it is too large");
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err("it is too deep");
    };
    match schema {
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            let elsewhere = name == "$ref" && member.as_str().is_some_and(|to| !to.starts_with('#'));
            if elsewhere {
                return Err("it refers to another document");
            }
            sound(member, depth)
        }),
        Value::Array(items) => items.iter().try_for_each(|item| sound(item, depth)),
        _ => Ok(()),
    }
}

/// A server, for people.
pub(crate) fn place(server: &McpServer) -> String {
    if server.endpoint.is_empty() {
        // With its arguments: often they alone say what it may touch.
        let words: Vec<&str> = [server.command.as_str()]
            .into_iter()
            .chain(server.arguments.iter().map(String::as_str))
            .collect();
        format!("MCP server `{}`", words.join(" "))
    } else {
        format!("MCP server at {}", server.endpoint)
    }
}

/// A request to a server of a grant.
pub(crate) fn server_call(server: &McpServer, method: &str, parameters: Value) -> McpCall {
    let mut secrets = client_secret(server);
    let transport = if server.endpoint.is_empty() {
        let mut environment = server.environment.clone();
        secrets.extend(secrets::marked(&mut environment, &server.secrets));
        McpTransport::Stdio {
            command: server.command.clone(),
            arguments: server.arguments.clone(),
            environment,
            room: Some(McpRoom {
                sandbox: server.sandbox.unwrap_or(Sandbox::Build),
                workspace: server.workspace.clone(),
                reads: server.reads.clone(),
            }),
        }
    } else {
        let mut headers = server.headers.clone();
        secrets.extend(secrets::marked(&mut headers, &server.secrets));
        McpTransport::Http {
            endpoint: Resource {
                uri: server.endpoint.clone(),
                authentication: server.sign_in.as_ref().map(authentication),
            },
            headers,
        }
    };
    McpCall {
        method: method.to_owned(),
        parameters,
        protocol: PROTOCOL.to_owned(),
        timeout_ms: Some(TIMEOUT_MS),
        transport,
        client: None,
        secrets,
        manifest: None,
        elicitation: server.elicitation == Some(Elicitation::Ask),
        answers: Vec::new(),
    }
}

/// Signing in at the authority that the server names.
fn authentication(sign_in: &McpSignIn) -> Authentication {
    let grant = if sign_in.client_credentials {
        "client_credentials"
    } else {
        "authorization_code"
    };
    let mut with = json!({ "grant": grant });
    if !sign_in.client_id.is_empty() {
        with["client"]["id"] = sign_in.client_id.as_str().into();
    }
    if !sign_in.client_secret.is_empty() {
        with["client"]["secret"] = format!("{SECRET_OPEN}{}{SECRET_CLOSE}", sign_in.client_secret).into();
    }
    for (name, list) in [("issuers", &sign_in.issuers), ("scopes", &sign_in.scopes)] {
        if !list.is_empty() {
            with[name] = json!(list);
        }
    }
    Authentication {
        scheme: Scheme::Oauth2,
        with,
    }
}

fn client_secret(server: &McpServer) -> Vec<String> {
    let named = server.sign_in.iter().map(|sign_in| sign_in.client_secret.clone());
    named.filter(|name| !name.is_empty()).collect()
}

/// Names a server's list of tools: names, descriptions and schemas, in whatever order they come.
pub(crate) fn manifest_digest(tools: &[Value]) -> Digest {
    let mut told: Vec<Value> = tools
        .iter()
        .map(|tool| json!([tool["name"], tool["description"], tool["inputSchema"]]))
        .collect();
    told.sort_by_key(|tool| tool[0].as_str().unwrap_or_default().to_owned());
    Digest::of(&Value::Array(told))
}

/// Whether a grant names a server and what it may use of it.
fn problem(grant: &AgentTool) -> Option<String> {
    let server = grant.mcp.as_ref()?;
    if server.command.is_empty() == server.endpoint.is_empty() {
        return Some("it needs `command`, or `endpoint`, and not both".to_owned());
    }
    let relative = |path: &&String| !path.is_empty() && !path.starts_with('/');
    if let Some(path) = server.reads.iter().chain([&server.workspace]).find(relative) {
        let path = path.escape_debug();
        return Some(format!(
            "`workspace` and `reads` must be absolute paths, and {path} is not"
        ));
    }
    let kept = server.sandbox.is_some() || !server.workspace.is_empty() || !server.reads.is_empty();
    if kept && !server.endpoint.is_empty() {
        return Some(
            "`sandbox`, `workspace` and `reads` are of a program, and this is an address".to_owned(),
        );
    }
    if let Some(problem) = secrets::problem(&server.secrets) {
        return Some(problem);
    }
    if grant.allow.is_empty() {
        return Some(
            "`allow` must name the tools of the server that are granted; `[\"*\"]` grants all".to_owned(),
        );
    }
    None
}
