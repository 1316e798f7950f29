//! `rollback`: an earlier version's content is published again, as a new version. Nothing that was published changes.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use serde_json::json;

use super::versions;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::resolve;
use crate::link::snapshot::unexpected;

/// `dirigent KIND rollback`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The version to go back to: its number, or the beginning of its digest; the one before the newest if not said
    #[arg(value_name = "VERSION")]
    pub to: Option<String>,
}

/// Does it.
///
/// # Errors
/// No such definition or version, or the daemon refuses.
pub async fn run(kind: Kind, args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let draft = resolve::document(cx, kind, &args.name).await?;
    let version = match &args.to {
        Some(text) => versions::find(cx, &draft, text).await?,
        None => {
            let all = versions::all(cx, &draft).await?;
            let none = || {
                let name = &draft.metadata.name;
                dirigent_protocol::fault::Fault::new(
                    dirigent_protocol::fault::Code::NotFound,
                    format!("`{name}` has no earlier version"),
                )
            };
            all.into_iter().nth(1).ok_or_else(none)?
        }
    };
    let number = version.spec["number"].clone();
    let command = Command::Restore {
        kind,
        id: draft.metadata.id.to_string(),
        version: number.to_string(),
    };
    let what = format!("roll {} back to v{number}", draft.metadata.name);
    let CommandReply::Document(_) = cx.command(&what, command).await? else {
        return Err(unexpected("a rollback"));
    };
    let now = versions::all(cx, &draft).await?;
    let newest = now
        .first()
        .map(|version| version.spec["number"].clone())
        .unwrap_or_default();
    let value = json!({ "name": draft.metadata.name, "from": number, "number": newest });
    cx.show(&value, |out| {
        out.text(&format!(
            "{} says again what v{number} said; it is published as v{newest}",
            draft.metadata.name
        ));
    })?;
    Ok(Exit::Done)
}
