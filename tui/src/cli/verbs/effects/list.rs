//! `dirigent effects list`

use dirigent_protocol::entity::{Document, Kind, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::id::RunId;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::moment;
use crate::cli::out::Tone;
use crate::cli::table::{Table, tone_of};
use crate::cli::verbs::get::{PageArgs, hint, page};

/// `dirigent effects list`
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Settled ones too
    #[arg(long)]
    pub all: bool,
    /// What to list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Does it.
///
/// # Errors
/// The condition cannot be read, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut query = args.page.query(Kind::WorkflowApproval, Some(unknown(args.all)))?;
    query.order.get_or_insert_with(|| "created_at".to_owned());
    let (items, next) = page(cx, query).await?;
    let effects: Vec<Value> = items.iter().map(to_json).collect::<Result<_, _>>()?;
    let value = json!({ "items": effects, "next": next });
    cx.show(&value, |out| {
        let mut table = Table::new(&["id", "run", "step", "effect", "status", "since", "why"]);
        for effect in &effects {
            let text = |name: &str| match &effect[name] {
                Value::String(text) => (tone_of(text), text.clone()),
                Value::Null => (Tone::Plain, String::new()),
                other => (Tone::Plain, other.to_string()),
            };
            let cells = [
                "short",
                "run_short",
                "step",
                "effect",
                "status",
                "since",
                "reason",
            ];
            table.row(cells.into_iter().map(text));
        }
        table.write(out);
    })?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

/// Questions about effects: those that wait, or all.
pub(super) fn unknown(all: bool) -> Filter {
    let about = Filter::Is {
        field: "unknown_effect".to_owned(),
        op: Op::Ge,
        value: 0.into(),
    };
    if all {
        about
    } else {
        Filter::And(vec![Filter::eq("status", "pending"), about])
    }
}

/// What scripts rely on: `{"id","run","step","effect","status","key","request","reason",...}`.
fn to_json(item: &Document) -> Result<Value, Fault> {
    let asked: WorkflowApproval = item.body().map_err(|error| {
        let what = format!("a question about an effect cannot be read: {error}");
        Fault::new(Code::Unsupported, what)
    })?;
    let run = RunId::from(asked.run);
    Ok(json!({
        "id": item.metadata.id,
        "short": item.metadata.id.short(),
        "run": run,
        "run_short": run.short(),
        "workflow": asked.workflow,
        "step": asked.step,
        "effect": asked.unknown_effect,
        "status": asked.status,
        "key": asked.payload["key"],
        "attempt": asked.payload["attempt"],
        "request": asked.payload["request"],
        "reason": asked.reason,
        "since": asked.requested_at.map(moment),
        "requested_at": asked.requested_at,
        "settled_by": asked.decided_by,
        "settled_at": asked.decided_at,
    }))
}
