//! `dirigent effects settle`: what became of effects whose outcome nobody knows. Each is a call of its own, so each is
//! in the audit and one that fails keeps none of the others.

use dirigent_protocol::command::Command;
use dirigent_protocol::entity::{Document, Kind, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::query::MAX_PAGE;
use dirigent_protocol::run::{EffectId, Resolution};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::out::Tone;
use crate::cli::verbs::get::{PageArgs, page};
use crate::cli::{ask, input, resolve};

/// `dirigent effects settle`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids or short ids of `effects list`
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub ids: Vec<String>,
    /// Every one that waits
    #[arg(long)]
    pub all: bool,
    /// With --all: only those, such as `workflow == "pay"`
    #[arg(long = "where", value_name = "EXPR", requires = "all")]
    pub filter: Option<String>,
    /// Do not ask about --all
    #[arg(short, long)]
    pub yes: bool,
    /// What became of them.
    #[command(flatten)]
    pub what: What,
}

/// What became of effects: one of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// It did not happen, or may happen again: do it with the same key
    #[arg(long)]
    pub again: bool,
    /// It happened, with this result
    #[arg(long, value_name = "JSON|@FILE")]
    pub happened: Option<String>,
    /// Treat it as failed
    #[arg(long, value_name = "REASON")]
    pub failed: Option<String>,
}

/// Does it.
///
/// # Errors
/// No such effect, or nothing could be said at all.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let resolution = match (&args.what.happened, &args.what.failed) {
        (Some(text), _) => Resolution::Happened {
            output: std::sync::Arc::new(input::json(text, "--happened")?),
        },
        (None, Some(reason)) => Resolution::Failed {
            reason: reason.clone(),
        },
        (None, None) => Resolution::Again,
    };
    let mut asked = Vec::new();
    if args.all {
        asked = waiting(cx, args.filter).await?;
        if !asked.is_empty() && !args.yes && !agreed(asked.len()).await? {
            cx.say(Tone::Plain, "nothing was settled");
            return Ok(Exit::Failed);
        }
    } else {
        for id in &args.ids {
            asked.push(resolve::approval(cx, id).await?);
        }
    }
    let mut items = Vec::new();
    let mut refused = 0;
    for (document, approval) in asked {
        let id = document.metadata.id;
        let settled = settle(cx, &document, &approval, resolution.clone()).await;
        refused += usize::from(settled.is_err());
        items.push(match settled {
            Ok(effect) => json!({ "id": id, "run": approval.run, "effect": effect, "status": "settled" }),
            Err(fault) => json!({ "id": id, "run": approval.run, "status": "refused", "error": fault }),
        });
    }
    let value = json!({ "items": items, "settled": items.len() - refused, "refused": refused });
    cx.show(&value, |out| {
        for item in &items {
            let text = |place: &Value| place.as_str().unwrap_or_default().to_owned();
            match &item["error"] {
                Value::Null => out.text(&format!(
                    "effect {} of run {} settled",
                    item["effect"],
                    text(&item["run"])
                )),
                error => out.text(&format!("{}: {}", text(&item["id"]), text(&error["message"]))),
            }
        }
        if items.is_empty() {
            out.text("no effect waits for an answer");
        }
    })?;
    Ok(if refused == 0 { Exit::Done } else { Exit::Failed })
}

async fn waiting(cx: &mut Cx, filter: Option<String>) -> Result<Vec<(Document, WorkflowApproval)>, Fault> {
    let mut cursor = None;
    let mut all = Vec::new();
    loop {
        let args = PageArgs {
            filter: filter.clone(),
            order: Some("created_at".to_owned()),
            limit: Some(MAX_PAGE),
            cursor,
        };
        let query = args.query(Kind::WorkflowApproval, Some(super::list::unknown(false)))?;
        let (items, next) = page(cx, query).await?;
        for item in items {
            let body = item.body().map_err(|error| {
                Fault::new(Code::Unsupported, format!("a question cannot be read: {error}"))
            })?;
            all.push((item, body));
        }
        match next {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

async fn agreed(count: usize) -> Result<bool, Fault> {
    if !ask::can_ask() {
        return Err(usage("there is no terminal to ask at").help("add --yes, or name the effects by id"));
    }
    ask::yes(&format!("Settle {count} effects the same way?")).await
}

async fn settle(
    cx: &mut Cx,
    document: &Document,
    approval: &WorkflowApproval,
    resolution: Resolution,
) -> Result<u64, Fault> {
    let Some(effect) = approval.unknown_effect else {
        let short = document.metadata.id.short();
        return Err(usage("this approval asks for a yes or a no")
            .help(format!("`dirigent approvals approve {short}` or `deny`")));
    };
    let command = Command::EffectResolve {
        approval: document.metadata.id,
        run: approval.run.into(),
        effect: EffectId(effect),
        resolution,
    };
    cx.command(&format!("settle effect {effect}"), command).await?;
    Ok(effect)
}
