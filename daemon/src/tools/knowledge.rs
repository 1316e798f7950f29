//! Folders of texts: `search` gives the passages that answer a question best, each with its place.

use dirigent_protocol::entity::AgentTool;
use dirigent_protocol::run::{EffectRequest, FileCall, FileDeed, OnUnknown, Traits};
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::names::definition;
use super::tool::{Closed, Described, Offered, Tool, Wanted, World};
use super::{Kind, schema_of, settings};

pub(super) const KIND: Kind = Kind {
    field: FIELD,
    settings: Some(schema_of::<Settings>),
    open: |grant| {
        let knowledge = settings(grant, FIELD)?;
        Some(Box::new(Knowledge(knowledge)) as Box<dyn Tool>)
    },
    problem,
};

const FIELD: &str = "knowledge";
/// Most folders of one grant.
const MAX_FOLDERS: usize = 8;
/// Passages of one search where nothing is said, and at most.
const PASSAGES: (u32, u32) = (5, 20);
/// Bytes of one search where nothing is said, and at most.
const BYTES: (u32, u32) = (8 << 10, 64 << 10);
/// Longest question, characters.
const MAX_QUERY: usize = 1_000;

/// Folders of texts that can be searched: Markdown, plain text, HTML.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The directories, absolute. Nothing outside them is reached, and nothing is written.
    folders: Vec<String>,
    /// What is in them, for the model.
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// Most passages of one search, at most 20; 5 where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    passages: Option<u32>,
    /// Most bytes of one search, at most 65536; 8192 where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 65_536))]
    bytes: Option<u32>,
}

struct Knowledge(Settings);

impl Tool for Knowledge {
    fn describe<'a>(&'a self, _: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>> {
        let about = if self.0.description.is_empty() {
            "Finds passages of the texts that answer a question; each has its file and lines to quote it by."
        } else {
            &self.0.description
        };
        let parameters = json!({
            "type": "object",
            "properties": {
                "query": { "type": "string", "maxLength": MAX_QUERY, "description": "words to look for" },
                "passages": { "type": "integer", "minimum": 1, "maximum": PASSAGES.1, "description": "how many at most" },
            },
            "required": ["query"],
            "additionalProperties": false,
        });
        let offered = vec![Offered {
            definition: definition("search", about, parameters),
            own: "search".to_owned(),
            traits: TRAITS,
            read_only: true,
            on_unknown: Some(OnUnknown::Retry),
        }];
        Box::pin(std::future::ready(Ok(Described {
            offered,
            ..Described::default()
        })))
    }

    fn call(&self, own: &str, arguments: &Value, _: &Described) -> Result<Wanted, String> {
        if own != "search" {
            return Err(format!("there is no tool `{own}`"));
        }
        let query = arguments["query"].as_str().unwrap_or_default().to_owned();
        let granted = self.0.passages.unwrap_or(PASSAGES.0).clamp(1, PASSAGES.1);
        let wanted = arguments["passages"]
            .as_u64()
            .and_then(|most| u32::try_from(most).ok());
        let (first, others) = self.0.folders.split_first().ok_or("it has no folder")?;
        Ok(Wanted {
            request: EffectRequest::File(FileCall {
                workspace: first.clone(),
                path: ".".into(),
                deed: FileDeed::Search {
                    query,
                    others: others.to_vec(),
                    passages: wanted.unwrap_or(granted).min(granted),
                    bytes: self.0.bytes.unwrap_or(BYTES.0).clamp(1, BYTES.1),
                },
            }),
            destination: self.0.folders.join(", "),
            before: None,
        })
    }
}

/// What texts bring into a conversation: nobody vouches for them, and they are not for everybody.
const TRAITS: Traits = Traits {
    untrusted: true,
    private: true,
    outward: false,
};

/// What is wrong with a grant: for the definition's check.
fn problem(grant: &AgentTool) -> Option<String> {
    let Settings { folders, .. } = settings(grant, FIELD)?;
    if folders.is_empty() || folders.len() > MAX_FOLDERS {
        return Some(format!("`folders` must name 1 to {MAX_FOLDERS} directories"));
    }
    let relative = folders.iter().any(|folder| !folder.starts_with('/'));
    relative.then(|| "each of `folders` must be an absolute path".to_owned())
}
