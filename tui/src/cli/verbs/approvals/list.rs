//! `dirigent approvals list`

use dirigent_protocol::entity::{Kind, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::Filter;
use serde_json::{Value, json};

use crate::cli::approval_text::to_json;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::verbs::get::{PageArgs, hint, page, rows};

/// `dirigent approvals list`
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Decided ones too
    #[arg(long)]
    pub all: bool,
    /// Only those of this workflow
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
    // Those that wait are few: they are found first.
    let pending = (!args.all).then(|| Filter::eq("status", "pending"));
    let of = args.workflow.map(|name| Filter::eq("workflow", name));
    let more: Vec<Filter> = pending.into_iter().chain(of).collect();
    let more = (!more.is_empty()).then_some(Filter::And(more));
    let mut query = args.page.query(Kind::WorkflowApproval, more)?;
    query.order.get_or_insert_with(|| "created_at".to_owned());
    let (items, next) = page(cx, query).await?;
    let flat: Vec<Value> = items
        .iter()
        .map(|item| Ok(to_json(item.metadata.id, &item.body::<WorkflowApproval>()?)))
        .collect::<Result<_, serde_json::Error>>()
        .map_err(|error| Fault::new(Code::Unsupported, format!("an approval cannot be read: {error}")))?;
    let value = json!({ "items": flat, "next": next });
    cx.show(&value, |out| rows(Kind::WorkflowApproval, &items, out))?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}
