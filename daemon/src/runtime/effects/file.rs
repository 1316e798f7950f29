//! Files of a workspace, for agents: read, listed, written whole. Nothing outside the workspace is reached.

use std::sync::Arc;

use dirigent_protocol::run::{EffectKind, EffectOutcome, EffectRequest, FileCall, FileDeed, Usage};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::performer::{Call, Means, Performer, misdirected, refused};
use crate::runtime::error::RuntimeError;
use crate::tools::workspace;

struct Files;

#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the list")]
pub(super) fn open(_: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Files))
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
            // Files are small here; a slow disk must not hold the runtime's threads all the same.
            tokio::task::spawn_blocking(move || act(&wanted))
                .await
                .unwrap_or_else(|_| EffectOutcome::Unknown {
                    reason: "the file operation did not end".into(),
                })
        })
    }
}

fn act(wanted: &FileCall) -> EffectOutcome {
    let output = match &wanted.deed {
        FileDeed::Read => workspace::read(&wanted.workspace, &wanted.path).map(Value::String),
        FileDeed::List => workspace::list(&wanted.workspace, &wanted.path).map(|(names, more)| {
            if more {
                json!({ "names": names, "more": true })
            } else {
                json!({ "names": names })
            }
        }),
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
