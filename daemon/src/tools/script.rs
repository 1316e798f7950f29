//! Programs that a model writes, run in the sandbox of a granted workspace: the code goes to its interpreter as text, so
//! that a person is shown all of it and nothing of it lies about afterwards.

use dirigent_protocol::entity::AgentTool;
use dirigent_protocol::run::{CommandCall, EffectRequest, Sandbox, Traits};
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{Open, property};
use super::names::{definition, usable};
use super::tool::{Closed, Described, Offered, Tool, Wanted, World};
use super::{Kind, schema_of, settings};

pub(super) const KIND: Kind = Kind {
    field: FIELD,
    settings: Some(schema_of::<Settings>),
    open: |grant| {
        let script: Settings = settings(grant, FIELD)?;
        Some(Box::new(Script(script)) as Box<dyn Tool>)
    },
    problem,
};

const FIELD: &str = "script";
/// What it is called where nothing is said.
const NAME: &str = "run_script";
/// Seconds where nothing is said.
const TIMEOUT_S: u32 = 60;
/// Longest program, characters.
const MAX_CODE: usize = 64 << 10;

/// Programs that the model writes itself.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The tool's name; `run_script` where it is not said.
    name: String,
    /// What it is for, for the model.
    description: String,
    /// Languages it may write; the first is meant where it does not say.
    #[schemars(length(min = 1))]
    languages: Vec<Language>,
    /// The working directory, absolute.
    workspace: String,
    /// What a program is kept to, as a command of an agent is; `pure` where nothing is said.
    sandbox: Sandbox,
    /// Seconds before it is ended; 60 where nothing is said.
    #[schemars(range(min = 1, max = 3600))]
    timeout_s: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: NAME.to_owned(),
            description: String::new(),
            languages: vec![Language::Python],
            workspace: String::new(),
            sandbox: Sandbox::Pure,
            timeout_s: None,
        }
    }
}

/// A language and who runs it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Language {
    Python,
    Js,
    Sh,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Js => "js",
            Self::Sh => "sh",
        }
    }

    /// The interpreter, and what makes it read the program from its standard input.
    fn interpreter(self) -> (&'static str, &'static str) {
        match self {
            Self::Python => ("python3", "-"),
            Self::Js => ("node", "-"),
            Self::Sh => ("sh", "-s"),
        }
    }
}

struct Script(Settings);

impl Tool for Script {
    fn describe<'a>(&'a self, _: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>> {
        let languages: Vec<&str> = self.0.languages.iter().map(|one| one.name()).collect();
        let kept = match self.0.sandbox {
            Sandbox::Pure => "it reads its workspace, without network",
            Sandbox::Build => "it writes its workspace, without network",
            Sandbox::Online => "it writes its workspace and reaches the network",
            Sandbox::Host => "nothing keeps it",
        };
        let about = format!(
            "{} Runs a program that you write; {kept}. Gives what it prints.",
            self.0.description
        );
        let parameters = json!({
            "type": "object",
            "properties": {
                "code": { "type": "string", "maxLength": MAX_CODE, "description": "the whole program" },
                "language": { "enum": languages },
            },
            "required": ["code"],
            "additionalProperties": false,
        });
        let traits = self.traits();
        let offered = Offered {
            definition: definition(&self.0.name, about.trim(), parameters),
            own: self.0.name.clone(),
            traits,
            read_only: !traits.outward,
            on_unknown: None,
        };
        Box::pin(std::future::ready(Ok(Described {
            offered: vec![offered],
            ..Described::default()
        })))
    }

    fn call(&self, _: &str, arguments: &Value, _: &Described) -> Result<Wanted, String> {
        let tool = &self.0;
        let wanted = arguments["language"].as_str();
        let meant = |one: &&Language| wanted.is_none_or(|name| name == one.name());
        let language = tool
            .languages
            .iter()
            .find(meant)
            .ok_or("it runs no such language")?;
        let (program, from_input) = language.interpreter();
        Ok(Wanted {
            request: EffectRequest::Command(CommandCall {
                program: program.to_owned(),
                arguments: vec![from_input.to_owned()],
                stdin: arguments["code"].as_str().map(str::to_owned),
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
        let code = property(limits, "code").map(|code| ("/command/stdin", code));
        code.into_iter().collect()
    }
}

impl Script {
    /// As a command: it reads files that others may have written; where it writes or connects, it acts.
    fn traits(&self) -> Traits {
        Traits {
            untrusted: true,
            private: true,
            outward: self.0.sandbox > Sandbox::Pure,
        }
    }
}

fn problem(grant: &AgentTool) -> Option<String> {
    let tool: Settings = settings(grant, FIELD)?;
    if !usable(&tool.name) {
        return Some("`name` must be 1 to 64 of a-z A-Z 0-9 _ -".to_owned());
    }
    if tool.languages.is_empty() {
        return Some("`languages` must name at least one of python, js, sh".to_owned());
    }
    let relative = !tool.workspace.starts_with('/');
    relative.then(|| "`workspace` must be an absolute path".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_goes_to_its_interpreter_and_no_other_language_is_run() {
        let grant = json!({ "script": { "languages": ["sh", "python"], "workspace": "/w" } });
        let grant: AgentTool = serde_json::from_value(grant).unwrap();
        assert_eq!(problem(&grant), None);
        let (field, tool) = super::super::opened(&grant).unwrap();
        assert_eq!(field, "script");
        let command = |arguments: Value| match tool.call(NAME, &arguments, &Described::default()) {
            Ok(Wanted {
                request: EffectRequest::Command(call),
                ..
            }) => Ok((call.program, call.arguments, call.stdin)),
            Ok(_) => Err("another request".to_owned()),
            Err(refused) => Err(refused),
        };
        let code = || Some("echo 1".to_owned());
        assert_eq!(
            command(json!({ "code": "echo 1" })),
            Ok(("sh".to_owned(), vec!["-s".to_owned()], code()))
        );
        assert_eq!(
            command(json!({ "code": "echo 1", "language": "python" })),
            Ok(("python3".to_owned(), vec!["-".to_owned()], code()))
        );
        assert!(command(json!({ "code": "1", "language": "js" })).is_err());
        let elsewhere = json!({ "script": { "workspace": "w" } });
        assert!(problem(&serde_json::from_value(elsewhere).unwrap()).is_some());
    }
}
