//! `dirigent approvals resolve`: what became of an effect that was begun and whose outcome nobody knows.

use dirigent_protocol::command::Command;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::run::{EffectId, Resolution};
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::{input, resolve};

/// `dirigent approvals resolve`
#[derive(Debug, clap::Args)]
#[group(id = "what", required = true, multiple = false, args = ["again", "happened", "failed"])]
pub struct Args {
    /// Id or short id of the approval
    #[arg(value_name = "ID")]
    pub id: String,
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
/// No such approval, it asks something else, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let (document, approval) = resolve::approval(cx, &args.id).await?;
    let id = document.metadata.id;
    let Some(effect) = approval.unknown_effect else {
        return Err(usage("this approval asks for a yes or a no")
            .help(format!("`dirigent approvals approve {}` or `deny`", id.short())));
    };
    let resolution = match (args.happened, args.failed) {
        (Some(text), _) => Resolution::Happened {
            output: std::sync::Arc::new(input::json(&text, "--happened")?),
        },
        (None, Some(reason)) => Resolution::Failed { reason },
        (None, None) => Resolution::Again,
    };
    let command = Command::EffectResolve {
        approval: id,
        run: approval.run.into(),
        effect: EffectId(effect),
        resolution,
    };
    cx.command(&format!("resolve effect {effect}"), command).await?;
    let value = json!({ "id": id, "effect": effect, "status": "resolved" });
    cx.show(&value, |out| out.text(&format!("effect {effect} resolved")))?;
    Ok(Exit::Done)
}
