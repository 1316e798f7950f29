//! `dirigent schedules`: list, show, pause and resume schedules.

use clap::Subcommand;
use dirigent_protocol::command::Command;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::{Query, QueryReply};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::verbs::get::{PageArgs, hint, page, rows};
use crate::link::snapshot::unexpected;

/// One line for the list of verbs.
pub const ABOUT: &str = "List, show, pause and resume schedules, with their next due times";

/// `dirigent schedules`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List schedules and when they are due next
    List(ListArgs),
    /// Show one schedule
    Show(OneArgs),
    /// Start nothing by a schedule until it is resumed
    Pause(OneArgs),
    /// Let a paused schedule go on; what was due meanwhile is not made up for
    Resume(OneArgs),
}

/// `dirigent schedules list`
#[derive(Debug, Default, clap::Args)]
pub struct ListArgs {
    /// What to list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Which schedule.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// Name of the workflow, or id
    #[arg(value_name = "WORKFLOW")]
    pub schedule: String,
}

/// Does it.
///
/// # Errors
/// No such schedule, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(ListArgs::default())) {
        Action::List(args) => list(args, cx).await,
        Action::Show(args) => show(args, cx).await,
        Action::Pause(args) => {
            let schedule = args.schedule.clone();
            steer(cx, &args.schedule, "pause", Command::SchedulePause { schedule }).await
        }
        Action::Resume(args) => {
            let schedule = args.schedule.clone();
            steer(cx, &args.schedule, "resume", Command::ScheduleResume { schedule }).await
        }
    }
}

async fn list(args: ListArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let (items, next) = page(cx, args.page.query(Kind::Schedule, None)?).await?;
    let flat: Vec<Value> = items.iter().map(flat).collect();
    let value = json!({ "items": flat, "next": next });
    cx.show(&value, |out| rows(Kind::Schedule, &items, out))?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

async fn show(args: OneArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let query = Query::Get {
        kind: Kind::Schedule,
        id: args.schedule,
        include: Vec::new(),
    };
    let QueryReply::Document(document) = cx.query(query).await? else {
        return Err(unexpected("a schedule"));
    };
    let value = flat(&document);
    cx.show(&value, |out| {
        for (name, value) in value.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            out.text(&format!("{name:<12} {text}"));
        }
    })?;
    Ok(Exit::Done)
}

async fn steer(cx: &mut Cx, schedule: &str, word: &str, command: Command) -> Result<Exit, Fault> {
    cx.command(&format!("{word} schedule {schedule}"), command)
        .await?;
    let value = json!({ "schedule": schedule, "action": word, "accepted": true });
    cx.show(&value, |out| {
        out.text(&format!("{word} of schedule {schedule} is recorded"));
    })?;
    Ok(Exit::Done)
}

/// A schedule for scripts.
fn flat(document: &Document) -> Value {
    let mut value = document.spec.clone();
    if let Some(members) = value.as_object_mut() {
        members.insert("id".into(), json!(document.metadata.id));
        members.insert("name".into(), json!(document.metadata.name));
    }
    value
}
