//! `dirigent runs list`

use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::run::Status;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::run_text::Run;
use crate::cli::verbs::get::{PageArgs, hint, page, rows_with};

/// Runs that were set aside; they are suspended.
const QUARANTINED: &str = "quarantined";

/// `dirigent runs list`
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Only runs of this status, or those that are `quarantined`
    #[arg(long, value_name = "WORD")]
    pub status: Option<String>,
    /// Only runs of this workflow
    #[arg(long, value_name = "NAME")]
    pub workflow: Option<String>,
    /// What to list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Does it.
///
/// # Errors
/// The condition cannot be read, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut more = Vec::new();
    if let Some(word) = args.status {
        if word == QUARANTINED {
            more.push(Filter::eq("status", Status::Suspended.as_str()));
            more.push(Filter::Is {
                field: "quarantine.deaths".to_owned(),
                op: Op::Gt,
                value: json!(0),
            });
        } else if !Status::ALL.iter().any(|status| status.as_str() == word) {
            let words: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
            let help = format!("one of: {}, {QUARANTINED}", words.join(", "));
            return Err(usage(format!("`{word}` is no status")).help(help));
        } else {
            more.push(Filter::eq("status", word));
        }
    }
    more.extend(args.workflow.map(|name| Filter::eq("workflow", name)));
    let more = (!more.is_empty()).then_some(Filter::And(more));
    let (items, next) = page(cx, args.page.query(Kind::WorkflowExecution, more)?).await?;
    let flat: Vec<Value> = items
        .iter()
        .map(|item| Run::read(item).map(|run| run.to_json()))
        .collect::<Result<_, _>>()?;
    let value = json!({ "items": flat, "next": next });
    cx.show(&value, |out| {
        rows_with(Kind::WorkflowExecution, &items, Some(("note", note)), out)
    })?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

/// Why a run does not go on, where it is not for its own doing.
fn note(document: &Document) -> String {
    let run = Run::read(document).ok();
    run.and_then(|run| run.held_up()).unwrap_or_default()
}
