//! The form of an agent: what it is, what it may use, how far it goes, and its prompts.

use dirigent_protocol::entity::FileTool;
use dirigent_protocol::source::Node;

use super::field::{Ask, Field, field};
use super::items::{Check, Checked, Items, Part, published};
use super::lines::{Refusal, quoted};
use crate::pages::Ctx;

const YES_NO: Ask = Ask::OneOf(&[("true", "yes"), ("false", "no")]);
const EFFORT: Ask = Ask::OneOf(&[
    ("low", "it answers soon"),
    ("medium", "it thinks first"),
    ("high", "it thinks long"),
]);
const WHEN_FULL: Ask = Ask::OneOf(&[
    ("fail", "the call fails and says so"),
    ("drop_oldest", "the oldest exchanges are left out"),
]);
const ON_CUT: Ask = Ask::OneOf(&[
    ("fail", "the call fails and says so"),
    ("mark", "the text goes on, marked as cut"),
]);
const APPROVAL: Ask = Ask::OneOf(&[
    ("never", "nobody is asked"),
    ("ask", "a person is asked; a rule may answer"),
    ("always", "a person is asked every time"),
]);
const UNKNOWN: Ask = Ask::OneOf(&[
    ("retry", "it is called again"),
    ("ask", "a person says what happened"),
    ("fail", "the step fails"),
]);
const SANDBOX: Ask = Ask::OneOf(&[
    ("pure", "it reads its workspace, no network"),
    ("build", "it writes its workspace, no network"),
    ("online", "it writes its workspace and may reach the network"),
    ("host", "nothing keeps it, where the daemon allows that"),
]);
const METHODS: Ask = Ask::OneOf(&[
    ("GET", "it reads"),
    ("POST", "it sends something"),
    ("PUT", "it puts something"),
    ("PATCH", "it changes something"),
    ("DELETE", "it deletes something"),
]);

/// The form.
pub(super) const AGENT: &[Part] = &[
    Part::Meta(field("name", Ask::Words, "what it is called by")),
    Part::One(field("description", Ask::Words, "what it is for")),
    Part::One(field("model", Ask::Model, "the daemon's default one")),
    Part::One(field(
        "fallback_models",
        Ask::Names,
        "asked where that one refuses, with commas",
    )),
    Part::One(field(
        "prompt",
        Ask::Prose,
        "what it is asked; {{ input.x }} is filled in",
    )),
    Part::One(field("system", Ask::Prose, "who it is and how it works")),
    Part::One(field("temperature", Ask::Number, "0 to 2, the model's own")),
    Part::One(field("max_tokens", Ask::Number, "most tokens of an answer")),
    Part::One(field("effort", EFFORT, "how much it thinks first")),
    Part::One(field(
        "timeout_s",
        Ask::Number,
        "seconds before a call is given up",
    )),
    Part::Group(
        "budget",
        "the most it may take in one run",
        &[
            field("usd", Ask::Number, "US dollars"),
            field("tokens", Ask::Number, "tokens, read and written"),
            field("calls", Ask::Number, "calls of its model"),
        ],
    ),
    Part::List(&Tools),
    Part::One(field(
        "capabilities",
        Ask::Names,
        "what it can do, for routing, with commas",
    )),
    Part::Group(
        "context",
        "what its model is given of what was said",
        &[
            field("history_bytes", Ask::Number, "most bytes of what was said before"),
            field(
                "when_full",
                WHEN_FULL,
                "what becomes of a request that is too long",
            ),
        ],
    ),
    Part::Group(
        "limits",
        "how far a conversation with tools goes",
        &[
            field("turns", Ask::Number, "turns of the model; 50"),
            field("tool_calls", Ask::Number, "calls of tools in all; 200"),
            field("parallel", Ask::Number, "calls at once; 8"),
            field("repeats", Ask::Number, "the same, this often, is a circle; 3"),
            field("tokens", Ask::Number, "tokens, read and written"),
            field("time_s", Ask::Number, "seconds"),
        ],
    ),
    Part::One(field(
        "trusted_input",
        YES_NO,
        "its input may ask for all it can do",
    )),
    Part::One(field(
        "exact_model",
        YES_NO,
        "only an answer of exactly that model counts",
    )),
    Part::One(field("on_cut", ON_CUT, "a call fails, what is said is marked")),
    Part::One(field(
        "retry",
        Ask::Text,
        "when it is asked again after a failure",
    )),
    Part::One(field(
        "max_input_tokens",
        Ask::Number,
        "most tokens of its prompt, for budgets",
    )),
    Part::One(field("input_schema", Ask::Text, "what its input looks like")),
    Part::One(field("output_schema", Ask::Text, "what its answer looks like")),
    Part::One(field(
        "rehearsal",
        Ask::Text,
        "what the rehearsal does in its place",
    )),
    Part::One(field(
        "foreign",
        Ask::Text,
        "somebody else's: a program, or an agent over A2A",
    )),
];

/// What goes for all tools of a grant.
const GRANT: &[Field] = &[
    field("approval", APPROVAL, "only what changes something is asked about"),
    field(
        "arguments",
        Ask::Value,
        "limits: {\"read_file\": {\"properties\": {\"path\": {\"pattern\": \"^docs/\"}}}}",
    ),
    field(
        "on_unknown",
        UNKNOWN,
        "what reads is repeated, else a person is asked",
    ),
    field("name", Ask::Words, "stands before the names of its tools"),
    field("read_only", YES_NO, "its tools only read"),
    field("waits", YES_NO, "asking again for the same is meant"),
];

/// A kind of grant: its name in the text, what it is, how one begins, and its own values.
struct Grant {
    kind: &'static str,
    about: &'static str,
    begins: &'static str,
    values: &'static [Field],
}

const GRANTS: [Grant; 7] = [
    Grant {
        kind: "file",
        about: "files below one directory",
        begins: "workspace: ''",
        values: &[
            field("file/workspace", Ask::Words, "the directory, absolute"),
            field("file/write", YES_NO, "files may be written, too"),
        ],
    },
    Grant {
        kind: "http",
        about: "one request to somewhere",
        begins: "name: fetch\ndescription: ''\nuri: ''",
        values: &[
            field("http/name", Ask::Words, "the tool's name"),
            field("http/description", Ask::Words, "what it does, for the model"),
            field("http/method", METHODS, "GET"),
            field("http/uri", Ask::Words, "the address; {x} is an argument"),
            field("http/origins", Ask::Names, "what the argument url may begin with"),
        ],
    },
    Grant {
        kind: "command",
        about: "a program, in a sandbox",
        begins: "name: run\ndescription: ''\nprogram: ''\nworkspace: ''",
        values: &[
            field("command/name", Ask::Words, "the tool's name"),
            field("command/description", Ask::Words, "what it does, for the model"),
            field("command/program", Ask::Words, "a name, or an absolute path"),
            field(
                "command/arguments",
                Ask::Names,
                "stand before the model's, with commas",
            ),
            field("command/workspace", Ask::Words, "where it works, absolute"),
            field("command/sandbox", SANDBOX, "pure: it reads its workspace"),
            field("command/timeout_s", Ask::Number, "seconds before it is ended; 60"),
        ],
    },
    Grant {
        kind: "mcp",
        about: "tools of a server of the Model Context Protocol",
        begins: "command: ''",
        values: &[
            field("mcp/command", Ask::Words, "its program"),
            field("mcp/arguments", Ask::Names, "its arguments, with commas"),
            field(
                "mcp/endpoint",
                Ask::Words,
                "its address, in the place of a program",
            ),
            field("mcp/manifest", Ask::Words, "digest of its list of tools"),
            field("mcp/sandbox", SANDBOX, "build: it writes its workspace"),
            field(
                "mcp/workspace",
                Ask::Words,
                "where its program works, absolute; an empty one",
            ),
            field(
                "mcp/reads",
                Ask::Names,
                "what else its program reads, with commas",
            ),
            field("allow", Ask::Names, "names of its tools, with commas; * is all"),
        ],
    },
    Grant {
        kind: "workflow",
        about: "a run of a workflow",
        begins: "name: NAME",
        values: &[
            field("workflow/name", Ask::Words, "the workflow"),
            field("workflow/description", Ask::Words, "what it does, for the model"),
            field("workflow/version", Ask::Words, "the newest"),
        ],
    },
    Grant {
        kind: "agent",
        about: "another agent",
        begins: "name: NAME",
        values: &[
            field("agent/name", Ask::Words, "the agent"),
            field("agent/description", Ask::Words, "what it does, for the model"),
        ],
    },
    Grant {
        kind: "knowledge",
        about: "passages of folders of texts",
        begins: "folders: ['']",
        values: &[
            field(
                "knowledge/folders",
                Ask::Names,
                "directories, absolute, with commas",
            ),
            field(
                "knowledge/description",
                Ask::Words,
                "what is in them, for the model",
            ),
            field("knowledge/passages", Ask::Number, "most of one search; 5"),
            field("knowledge/bytes", Ask::Number, "most bytes of one search; 8192"),
        ],
    },
];

/// The kind of a grant, and what stands under it.
fn grant_of(item: &Node) -> Option<(&'static Grant, &Node)> {
    GRANTS
        .iter()
        .find_map(|grant| Some((grant, item.get(grant.kind)?)))
}

/// A kind that has no rows here: the daemon knows it, and it is written as text.
fn unknown(item: &Node) -> (String, String) {
    let entries = item.as_mapping().into_iter().flat_map(|mapping| mapping.iter());
    let mut kinds = entries.filter(|entry| {
        entry.value.as_mapping().is_some() && !["arguments", "traits"].contains(&entry.key.as_str())
    });
    match kinds.next() {
        Some(kind) => (kind.key.clone(), "written as text".to_owned()),
        None => ("?".to_owned(), "no kind of tool".to_owned()),
    }
}

/// What it may use.
#[derive(Debug)]
struct Tools;

impl Items for Tools {
    fn name(&self) -> &'static str {
        "tools"
    }

    fn word(&self) -> &'static str {
        "tool"
    }

    fn about(&self) -> &'static str {
        "what it may use: nothing yet"
    }

    fn asks(&self) -> &'static str {
        "Grant which tool?"
    }

    fn head(&self, item: &Node) -> (String, String) {
        let Some((grant, body)) = grant_of(item) else {
            return unknown(item);
        };
        let text = |name: &str| {
            body.get(name)
                .and_then(Node::as_str)
                .filter(|text| !text.is_empty())
        };
        let of = text("workspace")
            .or_else(|| text("uri"))
            .or_else(|| text("endpoint"));
        let name = text("name").filter(|_| grant.kind != "mcp").unwrap_or(grant.kind);
        let words = match (of, text("command").or_else(|| text("program"))) {
            (Some(of), _) if grant.kind == "file" => format!("files of {of}"),
            (Some(of), None) => of.to_owned(),
            (_, Some(program)) => program.to_owned(),
            (None, None) => grant.about.to_owned(),
        };
        let asked = match item.get("approval").and_then(Node::as_str) {
            Some("never") => ", never asked",
            Some("ask") => ", asked",
            Some("always") => ", always asked",
            _ => "",
        };
        (name.to_owned(), format!("{words}{asked}"))
    }

    fn values(&self, item: &Node) -> Vec<&'static Field> {
        let own = grant_of(item).map(|(grant, _)| grant.values);
        own.unwrap_or_default().iter().collect()
    }

    fn common(&self) -> &'static [Field] {
        GRANT
    }

    fn checks(&self, item: &Node) -> Vec<Check> {
        // Of the kinds with several tools, only those of files are known here.
        let Some((_, body)) = grant_of(item).filter(|(grant, _)| grant.kind == "file") else {
            return Vec::new();
        };
        let write = body.get("write").is_some_and(|write| write.to_json() == true);
        let allow = item.get("allow").and_then(Node::as_sequence).unwrap_or_default();
        let allow: Vec<&str> = allow.iter().filter_map(Node::as_str).collect();
        let known = FileTool::TOOLS.iter().filter(|(_, _, writes)| write || !writes);
        let mut all: Vec<Check> = known
            .map(|(name, about, _)| Check {
                name: (*name).to_owned(),
                state: match allow.is_empty() || allow.contains(name) || allow.contains(&"*") {
                    true => Checked::Yes,
                    false => Checked::No,
                },
                about,
            })
            .collect();
        let strange = allow
            .iter()
            .filter(|name| **name != "*" && !all.iter().any(|check| check.name == **name));
        let strange: Vec<Check> = strange
            .map(|name| Check {
                name: (*name).to_owned(),
                state: Checked::Unknown,
                about: match FileTool::TOOLS.iter().any(|(known, ..)| known == name) {
                    true => "not there: `write` is off",
                    false => "no tool is called so",
                },
            })
            .collect();
        all.extend(strange);
        all
    }

    fn may_be_none(&self) -> bool {
        true
    }

    fn offered(&self, ctx: &Ctx<'_>) -> Vec<(String, String)> {
        let own = GRANTS.iter().filter(|grant| !grant.begins.contains("NAME"));
        let own = own.map(|grant| (grant.kind.to_owned(), grant.about.to_owned()));
        own.chain(published(ctx)).collect()
    }

    fn made(&self, answer: &str) -> Result<String, Refusal> {
        let (kind, name) = answer.split_once(' ').unwrap_or((answer, ""));
        let grant = GRANTS.iter().find(|grant| grant.kind == kind);
        let Some(grant) = grant.filter(|grant| grant.begins.contains("NAME") != name.is_empty()) else {
            return Err("it takes a kind of tool, a workflow or an agent".to_owned());
        };
        let body = grant.begins.replace("NAME", &quoted(name));
        let body: Vec<String> = body.lines().map(|line| format!("    {line}")).collect();
        Ok(format!("{kind}:\n{}", body.join("\n")))
    }
}
