//! `dirigent runs list`

use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::filter::Filter;
use dirigent_protocol::run::Status;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::run_text::Run;
use crate::cli::verbs::get::{PageArgs, hint, page, rows};

/// `dirigent runs list`
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Only runs of this status
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
        if !Status::ALL.iter().any(|status| status.as_str() == word) {
            let words: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
            return Err(usage(format!("`{word}` is no status")).help(format!("one of: {}", words.join(", "))));
        }
        more.push(Filter::eq("status", word));
    }
    more.extend(args.workflow.map(|name| Filter::eq("workflow", name)));
    let more = (!more.is_empty()).then_some(Filter::And(more));
    let (items, next) = page(cx, args.page.query(Kind::WorkflowExecution, more)?).await?;
    let flat: Vec<Value> = items
        .iter()
        .map(|item| Run::read(item).map(|run| run.to_json()))
        .collect::<Result<_, _>>()?;
    let value = json!({ "items": flat, "next": next });
    cx.show(&value, |out| rows(Kind::WorkflowExecution, &items, out))?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}
