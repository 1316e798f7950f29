//! `dirigent workflows`: list workflows; let no new run of one begin, and let them begin again.

use clap::Subcommand;
use dirigent_protocol::command::Command;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::Fault;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::verbs::get::{PageArgs, hint, page, rows_with};

/// One line for the list of verbs.
pub const ABOUT: &str = "List workflows, pause and resume them";

/// `dirigent workflows`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with workflows.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List workflows
    List(ListArgs),
    /// Let no new run of a workflow begin: they wait, also those of its schedule. What goes, goes on
    Pause(OneArgs),
    /// Let new runs of a workflow begin again, those that waited first
    Resume(OneArgs),
}

/// `dirigent workflows list`
#[derive(Debug, Default, clap::Args)]
pub struct ListArgs {
    /// What to list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Which workflow.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// Name of the workflow, or id
    #[arg(value_name = "WORKFLOW")]
    pub workflow: String,
    /// Its runs, too: pause those that go, resume those that are paused
    #[arg(long)]
    pub runs: bool,
}

/// Does it.
///
/// # Errors
/// No such workflow, it is paused already or not paused, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(ListArgs::default())) {
        Action::List(args) => list(args, cx).await,
        Action::Pause(OneArgs { workflow, runs }) => {
            let name = workflow.clone();
            steer(cx, &name, "pause", Command::WorkflowPause { workflow, runs }).await
        }
        Action::Resume(OneArgs { workflow, runs }) => {
            let name = workflow.clone();
            steer(cx, &name, "resume", Command::WorkflowResume { workflow, runs }).await
        }
    }
}

async fn list(args: ListArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let (items, next) = page(cx, args.page.query(Kind::Workflow, None)?).await?;
    let flat: Vec<Value> = items.iter().map(flat).collect();
    let value = json!({ "items": flat, "next": next });
    cx.show(&value, |out| {
        rows_with(Kind::Workflow, &items, Some(("note", note)), out)
    })?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

/// Who paused it.
fn note(document: &Document) -> String {
    let by = document.field("paused.by");
    let by = by.as_ref().and_then(Value::as_str);
    by.map(|by| format!("paused by {by}")).unwrap_or_default()
}

async fn steer(cx: &mut Cx, workflow: &str, word: &str, command: Command) -> Result<Exit, Fault> {
    cx.command(&format!("{word} workflow {workflow}"), command)
        .await?;
    let value = json!({ "workflow": workflow, "action": word, "accepted": true });
    cx.show(&value, |out| {
        out.text(&format!("{word} of workflow {workflow} is recorded"));
    })?;
    Ok(Exit::Done)
}

/// A workflow for scripts, without its text.
fn flat(document: &Document) -> Value {
    let mut value = document.spec.clone();
    if let Some(members) = value.as_object_mut() {
        members.remove("source");
        members.insert("id".into(), json!(document.metadata.id));
        members.insert("name".into(), json!(document.metadata.name));
    }
    value
}
