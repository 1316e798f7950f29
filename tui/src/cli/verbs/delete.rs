//! `dirigent delete`: remove a document that nothing uses.

use dirigent_protocol::command::Command;
use dirigent_protocol::fault::Fault;
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::resolve;

/// One line for the list of verbs.
pub const ABOUT: &str = "Delete a document that nothing uses";

/// `dirigent delete`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Agent, Workflow, ...
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// Id, short id or name
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Does it, to the revision that is there now.
///
/// # Errors
/// No such document, something uses it, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let kind = resolve::kind(&args.kind)?;
    let document = resolve::document(cx, kind, &args.name).await?;
    let meta = document.metadata;
    let what = format!("delete {kind} {}", meta.name);
    let command = Command::Delete {
        kind,
        id: meta.id.to_string(),
        revision: Some(meta.revision),
    };
    cx.command(&what, command).await?;
    let value = json!({ "kind": kind, "name": meta.name, "id": meta.id, "outcome": "deleted" });
    cx.show(&value, |out| out.text(&format!("{kind} {} deleted", meta.name)))?;
    Ok(Exit::Done)
}
