//! What effects ask of the outside, each complete in itself: every expression is evaluated.
//!
//! Invariant: the value of a secret is never in here. It stands as a mark ([`SECRET_OPEN`] name `/` key
//! [`SECRET_CLOSE`]), which whoever performs the request replaces, and only for names the request lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EffectAnswer, Sandbox};
use crate::Payload;
use crate::digest::Digest;

/// Begins the mark of a secret: a private character that no honest text has.
pub const SECRET_OPEN: char = '\u{e5ec}';
/// Ends it.
pub const SECRET_CLOSE: char = '\u{e5ed}';

/// How a request says who sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// Which of the specification's schemes.
    pub scheme: Scheme,
    /// Its fields as the specification names them; or one mark, for a secret that holds them all.
    pub with: Value,
}

/// The specification's schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// User name and password (RFC 7617).
    Basic,
    /// A token (RFC 6750).
    Bearer,
    /// User name and password, hashed with what the server asks (RFC 7616).
    Digest,
    /// A token from an authority (RFC 6749).
    Oauth2,
    /// The same; the authority says itself where its endpoints are.
    Oidc,
}

/// Something that lies elsewhere: `http:`, `https:` or `file:`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resource {
    /// Where.
    pub uri: String,
    /// Who asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
}

/// `call: openapi`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpenapiCall {
    /// The document that describes the operation (OpenAPI 3 or Swagger 2.0).
    pub document: Resource,
    /// Its `operationId`.
    pub operation: String,
    /// By name, and `body`.
    #[serde(default)]
    pub parameters: Value,
    /// Who sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// `content`, `response` or `raw`.
    #[serde(default)]
    pub output: String,
    /// Redirects are no errors.
    #[serde(default)]
    pub redirect: bool,
    /// Secrets that may be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// `call: a2a`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct A2aCall {
    /// The method as the specification names it (A2A 0.3); newer servers get its newer name.
    pub method: String,
    /// The card of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Resource>,
    /// Its server, where no card is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Resource>,
    /// `params`.
    #[serde(default)]
    pub parameters: Value,
    /// Secrets that may be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What is known of its task, and what people said to its questions, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<EffectAnswer>,
}

/// `call: mcp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpCall {
    /// `tools/call`, `prompts/get`, ...
    pub method: String,
    /// Its parameters.
    #[serde(default)]
    pub parameters: Value,
    /// The revision of the protocol that is asked for.
    pub protocol: String,
    /// Milliseconds before it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How the server is reached.
    pub transport: McpTransport,
    /// What the client calls itself: name and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<(String, String)>,
    /// Secrets that may be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Digest of the server's list of tools as it was when the call was planned: another list, and it is not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// The server's questions to people go to the inbox. Without it they are declined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elicitation: bool,
    /// What people said to questions of this call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<EffectAnswer>,
}

/// How an MCP server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum McpTransport {
    /// Streamable HTTP.
    Http {
        /// Where.
        endpoint: Resource,
        /// Sent along.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// A command that speaks on its standard input and output.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        #[serde(default)]
        arguments: Vec<String>,
        /// Its variables.
        #[serde(default)]
        environment: BTreeMap<String, String>,
        /// What it is kept to; without it, what the daemon keeps every command to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<McpRoom>,
    },
}

/// What a server of tools that is a command is kept to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpRoom {
    /// How strictly.
    pub sandbox: Sandbox,
    /// Its working directory, absolute; one of its own, and empty, where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub workspace: String,
    /// What it may read beside what every program may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
}

/// `run: script`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScriptCall {
    /// `js`, `python` or `sh`.
    pub language: String,
    /// The script, where it is given here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The script, where it lies elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Resource>,
    /// What it is given and what becomes of it.
    #[serde(default)]
    pub process: Process,
}

/// `run: container`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerCall {
    /// The image.
    pub image: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A command line for the image's `sh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Ports of the host to ports of the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, String>,
    /// Places of the host to places in the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, String>,
    /// `ifNotPresent`, `always` or `never`.
    pub pull: String,
    /// `always`, `never` or `eventually`.
    pub cleanup: String,
    /// After how long it is taken away, milliseconds, where `cleanup` is `eventually`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup_after_ms: Option<u64>,
    /// What it is given and what becomes of it.
    #[serde(default)]
    pub process: Process,
}

/// What every process is given, and what becomes of what it writes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Process {
    /// Arguments, unchanged.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Text on standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Variables added to a small, fixed environment.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// `stdout`, `stderr`, `code`, `all` or `none`.
    #[serde(default)]
    pub returns: String,
    /// Start it and go on.
    #[serde(default)]
    pub detached: bool,
    /// What it is kept to at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// Secrets that may be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// `run: workflow`: a run of its own, started under the effect's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowCall {
    /// Namespace; empty where any will do.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Version, or `latest`.
    pub version: String,
    /// Input.
    pub input: Payload,
    /// Start it and go on.
    #[serde(default)]
    pub detached: bool,
}

/// A function that lies in a catalog or elsewhere, run as a run of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// How the document calls it: `name:version@catalog`, or an address.
    pub function: String,
    /// The catalog's root, where the document names one; none is the daemon's own catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Resource>,
    /// What it is given.
    pub input: Payload,
}

/// `call: notify`: a notice to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyCall {
    /// One line.
    pub title: String,
    /// More.
    #[serde(default)]
    pub text: String,
    /// `info`, `warning` or `critical`.
    pub level: String,
}

/// `call: route`: which agent does it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteCall {
    /// What it must be able to do.
    pub capability: String,
    /// What it would be given.
    pub input: Payload,
}

/// One agent hands the matter over to another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Handoff {
    /// Who had it.
    pub from: String,
    /// Who has it now.
    pub to: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Which handoff of its chain it is, from 1.
    pub depth: u32,
    /// Most handoffs of a chain.
    pub max_depth: u32,
    /// How often one may have it in a chain.
    pub max_visits: u32,
}

/// Something done to files below one directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCall {
    /// The directory; nothing outside it is reached, by no link and no `..`.
    pub workspace: String,
    /// The path below it.
    pub path: String,
    /// What is done.
    pub deed: FileDeed,
}

/// What is done to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileDeed {
    /// Its text is read.
    Read,
    /// The names below a directory are listed.
    List,
    /// Texts below it are searched; the path means nothing.
    Search {
        /// Words to look for.
        query: String,
        /// Directories that are searched with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<String>,
        /// Most passages.
        passages: u32,
        /// Most bytes of them all.
        bytes: u32,
    },
    /// It is written anew, whole.
    Write {
        /// The text.
        content: String,
    },
}
