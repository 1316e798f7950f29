//! `dirigent prune`: delete runs that are over and not wanted any more; without `--yes` it only says what would go.

use dirigent_protocol::command::{Command, CommandReply, Prune};
use dirigent_protocol::fault::Fault;
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::link::snapshot::unexpected;

/// One line for the list of verbs.
pub const ABOUT: &str = "Delete runs that are over, by age or by number; says first what would go";

/// `dirigent prune`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Those that ended longer ago than this: `30d`, `12h`
    #[arg(long, value_name = "SPAN")]
    pub older_than: Option<String>,
    /// Not the newest so many of each workflow
    #[arg(long, value_name = "N")]
    pub keep: Option<u32>,
    /// Only those of this workflow
    #[arg(long, value_name = "NAME")]
    pub workflow: Option<String>,
    /// Do it; without this nothing is deleted
    #[arg(long)]
    pub yes: bool,
}

/// Does it, some at a time.
///
/// # Errors
/// It is not said which runs, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let which = which(&args)?;
    let (mut runs, mut kept, mut after) = (0, 0, None);
    loop {
        let command = Command::RunPrune {
            which: which.clone(),
            dry_run: !args.yes,
            after,
        };
        let reply = cx.command("delete runs that are over", command).await?;
        let CommandReply::Pruned {
            runs: some,
            kept: others,
            next,
        } = reply
        else {
            return Err(unexpected("what was deleted"));
        };
        (runs, kept, after) = (runs + some, kept + others, next);
        if after.is_none() {
            break;
        }
    }
    let value = json!({ "runs": runs, "kept": kept, "deleted": args.yes });
    cx.show(&value, |out| {
        out.text(&match (runs, args.yes) {
            (0, _) => "no run is old enough, or all of them are needed".to_owned(),
            (_, true) => format!("{runs} runs deleted, with their events"),
            (_, false) => format!("{runs} runs would be deleted, with their events; add --yes to do it"),
        });
        if kept > 0 {
            out.text(&format!(
                "{kept} more stay: other runs go on from them, or need them"
            ));
        }
    })?;
    Ok(Exit::Done)
}

fn which(args: &Args) -> Result<Prune, Fault> {
    if args.older_than.is_none() && args.keep.is_none() {
        return Err(usage("it is not said which runs").help("say --older-than 30d, or --keep 100, or both"));
    }
    let span = |text: &String| {
        dirigent_config::parse_duration(text).ok_or_else(|| {
            usage(format!("`{text}` is no time span")).help("write --older-than 30d, 12h or 90m")
        })
    };
    let older_than = args.older_than.as_ref().map(span).transpose()?;
    Ok(Prune {
        older_than_ms: older_than.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
        keep: args.keep,
        workflow: args.workflow.clone(),
    })
}
