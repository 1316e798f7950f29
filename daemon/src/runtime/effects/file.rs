//! Files of a workspace, for agents: read, listed, searched, written whole. Nothing outside the workspace is reached.

use std::sync::Arc;
use std::time::Instant;

use dirigent_protocol::run::{EffectKind, EffectOutcome, EffectRequest, FileCall, FileDeed, Usage};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::performer::{Call, Means, Performer, misdirected, refused};
use crate::knowledge::{Question, Shelf, search};
use crate::runtime::error::RuntimeError;
use crate::tools::workspace;

struct Files(Arc<Shelf>);

#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the list")]
pub(super) fn open(_: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Files(Arc::default())))
}

impl Performer for Files {
    fn kind(&self) -> EffectKind {
        EffectKind::File
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            let EffectRequest::File(wanted) = call.request else {
                return misdirected();
            };
            let shelf = self.0.clone();
            // Files are small here; a slow disk must not hold the runtime's threads all the same.
            tokio::task::spawn_blocking(move || act(&shelf, &wanted))
                .await
                .unwrap_or_else(|_| EffectOutcome::Unknown {
                    reason: "the file operation did not end".into(),
                })
        })
    }
}

fn act(shelf: &Shelf, wanted: &FileCall) -> EffectOutcome {
    let output = match &wanted.deed {
        FileDeed::Read => workspace::read(&wanted.workspace, &wanted.path).map(Value::String),
        FileDeed::List => workspace::list(&wanted.workspace, &wanted.path).map(|(names, more)| {
            if more {
                json!({ "names": names, "more": true })
            } else {
                json!({ "names": names })
            }
        }),
        FileDeed::Search {
            query,
            others,
            passages,
            bytes,
        } => {
            let mut folders = vec![wanted.workspace.as_str()];
            folders.extend(others.iter().map(String::as_str));
            let question = Question {
                folders: &folders,
                query,
                most: *passages as usize,
                bytes: *bytes as usize,
            };
            search(shelf, &question, Instant::now())
        }
        FileDeed::Write { content } => workspace::write(&wanted.workspace, &wanted.path, content)
            .map(|()| json!({ "written": content.len() })),
    };
    match output {
        Ok(output) => EffectOutcome::Done {
            output: Arc::new(output),
            usage: Usage::default(),
            facts: Default::default(),
        },
        Err(error) => refused("runtime", 422, "The file cannot be had", error.to_string()),
    }
}
