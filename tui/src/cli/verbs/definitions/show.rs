//! `show`: one definition, or one of its versions, as it is written; an orchestration also as the workflow it compiles to.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use serde_json::{Value, json};

use super::versions;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::yaml;
use crate::cli::resolve;

/// `dirigent KIND show`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A version: its number, or the beginning of its digest; the newest if not said
    #[arg(long, value_name = "V")]
    pub version: Option<String>,
    /// As the workflow document that runs it
    #[arg(long = "as", value_name = "workflow", value_parser = ["workflow"])]
    pub shape: Option<String>,
}

/// Does it.
///
/// # Errors
/// No such definition or version, or the daemon refuses.
pub async fn run(kind: Kind, args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let draft = resolve::document(cx, kind, &args.name).await?;
    let version = match &args.version {
        Some(text) => versions::find(cx, &draft, text).await?,
        None => {
            let mut all = versions::all(cx, &draft).await?;
            if all.is_empty() {
                return Err(Fault::new(
                    Code::NotFound,
                    format!("`{}` is not published", args.name),
                ));
            }
            all.swap_remove(0)
        }
    };
    if args.shape.is_some() {
        let document = match version.spec["workflow_version"].as_str() {
            Some(id) => resolve::document(cx, Kind::WorkflowVersion, id).await?.spec["document"].clone(),
            None if kind == Kind::Workflow => version.spec["document"].clone(),
            None => {
                let words = format!("documents of the kind {kind} are not run by themselves");
                return Err(Fault::new(Code::Usage, words));
            }
        };
        return written(cx, &document).map(|()| Exit::Done);
    }
    if let (Some(source), None) = (version.spec["source"].as_str(), cx.globals.format()) {
        cx.out.exact(source.trim_end());
        return Ok(Exit::Done);
    }
    let value = json!({
        "kind": kind.as_str(),
        "metadata": { "name": draft.metadata.name, "labels": draft.metadata.labels },
        "spec": version.spec.get("definition").unwrap_or(&draft.spec),
    });
    written(cx, &value).map(|()| Exit::Done)
}

/// A file: YAML, unless JSON is asked for.
fn written(cx: &mut Cx, value: &Value) -> Result<(), Fault> {
    let text = yaml(value)?;
    cx.show(value, |out| out.exact(text.trim_end()))
}
