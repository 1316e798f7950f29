//! `run: workflow` and functions that lie elsewhere: runs of their own. This waits for them; they are started, and
//! stopped, by the runtime's own door.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dirigent_protocol::run::{EffectKind, EffectOutcome, EffectRequest, FunctionCall, Resource};
use futures::future::BoxFuture;

use super::function::{self, Place};
use super::performer::{Call, Child, Children, Means, Performer, misdirected, refused};
use super::web::{Ended, Web};
use crate::runtime::error::RuntimeError;

/// How long the definition of a function may take to come.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

struct Workflow {
    children: Arc<dyn Children>,
    means: Means,
    /// Opened when the first definition is to be fetched.
    web: OnceLock<Web>,
    catalog: PathBuf,
}

pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Workflow {
        children: means.children.clone(),
        means: means.clone(),
        web: OnceLock::new(),
        catalog: means.data_dir.join("catalog"),
    }))
}

impl Performer for Workflow {
    fn kind(&self) -> EffectKind {
        EffectKind::Workflow
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            let (child, input, detached) = match &call.request {
                EffectRequest::Workflow(wanted) => {
                    let child = Child::Published {
                        namespace: wanted.namespace.clone(),
                        name: wanted.name.clone(),
                        version: wanted.version.clone(),
                    };
                    (child, wanted.input.clone(), wanted.detached)
                }
                EffectRequest::Function(wanted) => match self.definition(wanted, &call).await {
                    Ok(document) => (Child::Document(document), wanted.input.clone(), false),
                    Err(ended) => return *ended,
                },
                _ => return misdirected(),
            };
            self.children.run(call, child, input, detached).await
        })
    }

    fn unwanted<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, ()> {
        self.children.stop(&call.key)
    }
}

impl Workflow {
    /// The document that runs a function.
    async fn definition(&self, wanted: &FunctionCall, call: &Call) -> Result<String, Ended> {
        let found = async {
            let text = match function::place(wanted) {
                Place::Here { name, version } => function::own(&self.catalog, &name, &version)?,
                Place::There(resource) => self.fetched(&resource).await?,
            };
            function::document(&wanted.function, &text)
        };
        tokio::select! {
            biased;
            () = call.cancel.cancelled() => Err(Box::new(EffectOutcome::Cancelled)),
            found = tokio::time::timeout(FETCH_LIMIT, found) => found.unwrap_or_else(|_| {
                let detail = format!("`{}` did not come within a minute", wanted.function);
                Err(Box::new(refused("timeout", 408, "The function cannot be fetched", detail)))
            }),
        }
    }

    fn web(&self) -> Result<&Web, Ended> {
        if let Some(web) = self.web.get() {
            return Ok(web);
        }
        let opened = Web::open(&self.means).map_err(|error| {
            let detail = error.to_string();
            Box::new(refused(
                "communication",
                503,
                "The function cannot be fetched",
                detail,
            ))
        })?;
        Ok(self.web.get_or_init(|| opened))
    }

    async fn fetched(&self, resource: &Resource) -> Result<String, Ended> {
        let bytes = self.web()?.fetch(resource).await?;
        String::from_utf8(bytes).map_err(|_| {
            let detail = format!("{} is no text", resource.uri);
            Box::new(refused(
                "configuration",
                400,
                "The function cannot be read",
                detail,
            ))
        })
    }
}
