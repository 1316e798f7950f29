//! `list`: definitions of a kind.

use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::Fault;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::verbs::get::{PageArgs, hint, page, rows_with};

/// `dirigent KIND list`
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// What to list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Does it.
///
/// # Errors
/// The filter cannot be read, or the daemon refuses.
pub async fn run(kind: Kind, args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let (items, next) = page(cx, args.page.query(kind, None)?).await?;
    let flat: Vec<Value> = items.iter().map(flat).collect();
    let value = json!({ "items": flat, "next": next });
    cx.show(&value, |out| rows_with(kind, &items, Some(("note", note)), out))?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

/// Who paused it.
fn note(document: &Document) -> String {
    let by = document.field("paused.by");
    let by = by.as_ref().and_then(Value::as_str);
    by.map(|by| format!("paused by {by}")).unwrap_or_default()
}

/// A definition for scripts, without its text.
fn flat(document: &Document) -> Value {
    let mut value = document.spec.clone();
    if let Some(members) = value.as_object_mut() {
        members.remove("source");
        members.insert("id".into(), json!(document.metadata.id));
        members.insert("name".into(), json!(document.metadata.name));
        members.insert("revision".into(), json!(document.metadata.revision));
    }
    value
}
