//! A program in its sandbox: what the grant fixes, then the model's arguments, one by one and through no shell.

use dirigent_protocol::entity::{AgentTool, CommandTool};
use dirigent_protocol::run::{CommandCall, EffectRequest, Sandbox, Traits};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::Kind;
use super::change::{Open, property, words_behind};
use super::names::{definition, usable};
use super::tool::{Closed, Described, Offered, Tool, Wanted, World};

pub(super) const KIND: Kind = Kind {
    field: "command",
    open: |grant| {
        grant
            .command
            .clone()
            .map(|one| Box::new(Command(one)) as Box<dyn Tool>)
    },
    settings: None,
    problem,
};

/// Seconds where the grant says nothing.
const TIMEOUT_S: u32 = 60;

struct Command(CommandTool);

impl Tool for Command {
    fn describe<'a>(&'a self, _: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>> {
        let tool = &self.0;
        let words = json!({
            "type": "array",
            "items": { "type": "string" },
            "description": "passed one by one, without a shell",
        });
        let mut schema = json!({
            "type": "object",
            "properties": { "arguments": words },
            "additionalProperties": false,
        });
        if tool.stdin {
            schema["properties"]["stdin"] = json!({ "type": "string" });
        }
        let about = format!("{} {}", tool.description, place(tool));
        let offered = Offered {
            definition: definition(&tool.name, about.trim(), schema),
            own: tool.name.clone(),
            traits: traits(tool),
            read_only: !traits(tool).outward,
            on_unknown: None,
        };
        Box::pin(std::future::ready(Ok(Described {
            offered: vec![offered],
            ..Described::default()
        })))
    }

    fn call(&self, _: &str, arguments: &Value, _: &Described) -> Result<Wanted, String> {
        let tool = &self.0;
        let given = arguments["arguments"].as_array().map(Vec::as_slice);
        let given = given.unwrap_or_default().iter();
        let given = given.map(|word| word.as_str().unwrap_or_default().to_owned());
        let all: Vec<String> = tool.arguments.iter().cloned().chain(given).collect();
        if all.iter().any(|word| word.contains('\0')) {
            return Err("an argument contains a NUL character".to_owned());
        }
        Ok(Wanted {
            request: EffectRequest::Command(CommandCall {
                program: tool.program.clone(),
                arguments: all,
                stdin: arguments["stdin"].as_str().map(str::to_owned),
                workspace: tool.workspace.clone(),
                sandbox: tool.sandbox,
                timeout_ms: u64::from(tool.timeout_s.unwrap_or(TIMEOUT_S)) * 1_000,
            }),
            destination: format!("{} ({})", tool.workspace, tool.sandbox.name()),
            before: None,
        })
    }

    fn sandbox(&self) -> Option<Sandbox> {
        Some(self.0.sandbox)
    }

    fn open(&self, _: &str, limits: &[&Value]) -> Vec<Open> {
        let words = words_behind(&self.0.arguments, limits, "arguments");
        let stdin = property(limits, "stdin").filter(|_| self.0.stdin);
        let words = words.map(|words| ("/command/arguments", words));
        words
            .into_iter()
            .chain(stdin.map(|text| ("/command/stdin", text)))
            .collect()
    }
}

/// What a program has to do with: it reads files that others may have written; where it writes or connects, it acts.
pub(super) fn traits(tool: &CommandTool) -> Traits {
    Traits {
        untrusted: true,
        private: true,
        outward: tool.sandbox > Sandbox::Pure,
    }
}

fn place(tool: &CommandTool) -> String {
    let words = std::iter::once(&tool.program).chain(&tool.arguments);
    let words: Vec<&str> = words.map(String::as_str).collect();
    let kept = match tool.sandbox {
        Sandbox::Pure => "which it may read",
        Sandbox::Build => "which it may write",
        Sandbox::Online => "which it may write, with network",
        Sandbox::Host => "and elsewhere",
    };
    format!("Runs `{}` in a workspace, {kept}.", words.join(" "))
}

/// Whether a grant names a program and a place: for the definition's check.
fn problem(grant: &AgentTool) -> Option<String> {
    let tool = grant.command.as_ref()?;
    if !usable(&tool.name) {
        return Some("`name` must be 1 to 64 of a-z A-Z 0-9 _ -".to_owned());
    }
    if !tool.workspace.starts_with('/') {
        return Some("`workspace` must be an absolute path".to_owned());
    }
    let named = !tool.program.is_empty() && !tool.program.contains('/');
    if !named && !tool.program.starts_with('/') {
        return Some("`program` must be a name, or an absolute path".to_owned());
    }
    let mut texts = std::iter::once(&tool.program).chain(&tool.arguments);
    texts
        .any(|text| text.contains('\0'))
        .then(|| "a NUL character cannot be passed to a program".to_owned())
}
