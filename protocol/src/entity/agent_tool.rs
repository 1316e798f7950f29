//! What an agent may use: its tools, each with its limits. What is not granted here is not there for it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::{ApprovalClass, OnUnknown, Sandbox, Traits};

/// A grant: exactly one kind of tool with its settings, and what goes for all tools of it. Kinds whose settings other
/// rooms read have a field here; those of any other kind stand in `other` and are described where the kind is
/// (`daemon/src/tools/`), which adds them to the schema that people see and that bodies are held to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("additionalProperties" = false))]
pub struct AgentTool {
    /// Stands before the names of its tools, with `_`, so that those of several grants can be told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Files below one directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileTool>,
    /// One request to somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpTool>,
    /// Tools of a server of the Model Context Protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpServer>,
    /// A run of a published workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<PublishedTool>,
    /// Another agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<PublishedTool>,
    /// A program, in a sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandTool>,
    /// Names of the tools that are granted, as the tool's own side calls them; `*` is all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// What arguments must fit beside the tool's own schema: JSON Schema by the tool's own name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Value>,
    /// Whether a person is asked first. Without it: never for what only reads, else asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalClass>,
    /// What happens when nobody knows how a call ended. Without it: what only reads is repeated, else a person is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unknown: Option<OnUnknown>,
    /// What its tools have to do with, where that is not what is assumed of their kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traits: Option<Traits>,
    /// Its tools only read. A server's own word is not taken for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Asking again for the same is how they are meant: no circle is seen in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// Settings of a kind that has no field here, by its name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: BTreeMap<String, Value>,
}

/// Files below one directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileTool {
    /// The directory, absolute. Nothing outside it is reached.
    pub workspace: String,
    /// Files may be written, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub write: bool,
}

impl FileTool {
    /// Its tools: name, what each does, whether it is there only where files may be written.
    pub const TOOLS: [(&str, &str, bool); 3] = [
        ("read_file", "Gives the text of a file of the workspace.", false),
        (
            "list_files",
            "Lists the names in a directory of the workspace; those that end with / are directories.",
            false,
        ),
        (
            "write_file",
            "Writes a file of the workspace, whole; what stands there is replaced.",
            true,
        ),
    ];
}

/// One request to somewhere.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpTool {
    /// The tool's name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// `GET`, `POST`, ...; `GET` where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The address: `{name}` in its path is filled from the arguments. With `origins`, the argument `url` in its place.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Schemes and hosts that the argument `url` may begin with: `https://docs.example.org`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Sent along.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Secrets that go along, by the headers they go into: `NAME` or `NAME/KEY`, behind words that stand before the value
    /// (`Bearer github/token`). The model, the approval and the journal see their names alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// JSON Schema of the arguments. What the address has no place for goes into the query, or into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
}

/// A server of the Model Context Protocol: a command, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct McpServer {
    /// The program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Its variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What the program is kept to, as a command of an agent is; `build` where nothing is said. `host` (nothing) is asked
    /// about before every call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// The program's working directory, absolute; without it, one of its own that is empty and goes with it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workspace: String,
    /// What the program may read beside what every program may, and its workspace: absolute paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// The address, in the place of a program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub endpoint: String,
    /// Sent along to it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Secrets that go along, by the variables or headers they go into: `NAME` or `NAME/KEY`, behind words that stand before the value
    /// (`Bearer github/token`). The model, the approval and the journal see their names alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Signing in at the authority that the server names, in the place of headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<McpSignIn>,
    /// What becomes of the server's questions to people: `ask` puts those of the newest revision into the inbox. Without
    /// it they are declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elicitation: Option<Elicitation>,
    /// Digest of its list of tools as it was looked at. With another list, a person is asked before every call, and the
    /// model does not see the new descriptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

/// How somebody signs in at the authority that a server of tools names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct McpSignIn {
    /// The client speaks for itself; without it a person signs in at a browser.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub client_credentials: bool,
    /// The client's id at the authority, or the https address of what describes it; without it, it registers.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Name of the secret that holds the client's secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_secret: String,
    /// Authorities that are signed in at; without it, the first that the server names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<String>,
    /// What is asked for beside what the server wants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// What becomes of a server's questions to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Elicitation {
    /// They stand in the inbox.
    Ask,
    /// They are declined.
    Refuse,
}

/// A published workflow or agent as a tool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PublishedTool {
    /// Its name; the tool is called so, too.
    pub name: String,
    /// Which version of a workflow; the newest where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its input, an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
}

/// A program: its model gives arguments, `arguments` of the grant limits them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommandTool {
    /// The tool's name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The program: an absolute path, or a name that is looked for where programs are.
    pub program: String,
    /// Arguments that stand before the model's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The model may give text for standard input, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stdin: bool,
    /// Its working directory, absolute.
    pub workspace: String,
    /// What it is kept to: `pure` reads the workspace, `build` writes it, `online` may reach the network as well. The
    /// daemon's `[run] agent_sandbox` says how far that may go, and `host` (nothing) is allowed there or nowhere.
    #[serde(skip_serializing_if = "is_pure")]
    pub sandbox: Sandbox,
    /// Seconds before it is ended; 60 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_s: Option<u32>,
}

fn is_pure(sandbox: &Sandbox) -> bool {
    *sandbox == Sandbox::Pure
}
