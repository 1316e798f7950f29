//! Files of a workspace: read, list, and write where that is granted.

use std::sync::Arc;

use dirigent_protocol::entity::{AgentTool, FileTool};
use dirigent_protocol::run::{EffectRequest, FileCall, FileDeed, Traits};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::Kind;
use super::change::{Open, property};
use super::names::definition;
use super::tool::{Closed, Described, Offered, Tool, Wanted, World};
use super::workspace;

pub(super) const KIND: Kind = Kind {
    field: "file",
    open: |grant| {
        grant
            .file
            .clone()
            .map(|file| Box::new(Files(file)) as Box<dyn Tool>)
    },
    settings: None,
    problem,
};

struct Files(FileTool);

impl Tool for Files {
    fn describe<'a>(&'a self, _: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>> {
        Box::pin(std::future::ready(Ok(Described {
            offered: offered(self.0.write),
            ..Described::default()
        })))
    }

    fn call(&self, own: &str, arguments: &Value, _: &Described) -> Result<Wanted, String> {
        let path = arguments["path"].as_str().unwrap_or(".").to_owned();
        let (deed, before) = match own {
            "read_file" => (FileDeed::Read, None),
            "list_files" => (FileDeed::List, None),
            "write_file" => {
                let content = arguments["content"].as_str().unwrap_or_default().to_owned();
                let before = match workspace::read(&self.0.workspace, &path) {
                    Ok(text) => Some(Arc::new(Value::String(text))),
                    Err(error) if error.is_missing() => None,
                    Err(error) => return Err(error.to_string()),
                };
                (FileDeed::Write { content }, before)
            }
            other => return Err(format!("there is no tool `{other}`")),
        };
        let destination = format!("{}/{path}", self.0.workspace.trim_end_matches('/'));
        let workspace = self.0.workspace.clone();
        Ok(Wanted {
            request: EffectRequest::File(FileCall {
                workspace,
                path,
                deed,
            }),
            destination,
            before,
        })
    }

    fn open(&self, own: &str, limits: &[&Value]) -> Vec<Open> {
        let content = property(limits, "content").filter(|_| own == "write_file");
        let content = content.map(|content| ("/file/deed/write/content", content));
        content.into_iter().collect()
    }
}

fn offered(write: bool) -> Vec<Offered> {
    let path = json!({ "type": "string", "description": "below the workspace, without `..`" });
    let reads = Traits {
        untrusted: true,
        private: true,
        outward: false,
    };
    let one = |own: &str, about: &str, parameters: Value, traits: Traits| Offered {
        definition: definition(own, about, parameters),
        own: own.to_owned(),
        traits,
        read_only: !traits.outward,
        on_unknown: Some(dirigent_protocol::run::OnUnknown::Retry),
    };
    let schema = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let content = json!({ "type": "string", "description": "the whole text of the file" });
    let writes = Traits {
        outward: true,
        ..Traits::default()
    };
    let granted = FileTool::TOOLS.iter().filter(|(_, _, writes)| write || !writes);
    granted
        .map(|(own, about, _)| match *own {
            "list_files" => one(own, about, schema(json!({ "path": path }), json!([])), reads),
            "write_file" => {
                let properties = json!({ "path": path, "content": content });
                one(own, about, schema(properties, json!(["path", "content"])), writes)
            }
            _ => one(
                own,
                about,
                schema(json!({ "path": path }), json!(["path"])),
                reads,
            ),
        })
        .collect()
}

/// Whether a grant's workspace is one: for the definition's check.
fn problem(grant: &AgentTool) -> Option<String> {
    let file = grant.file.as_ref()?;
    (!file.workspace.starts_with('/')).then(|| "`workspace` must be an absolute path".to_owned())
}
