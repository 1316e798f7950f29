//! `dirigent runs events`: the journal of a run.

use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::{Seen, Wanted, cursor_now, follow, read_all};
use crate::cli::printer::Printer;
use crate::cli::resolve;

/// `dirigent runs events`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Only events behind this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub after: u64,
    /// Most events
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Go on until the run ends
    #[arg(long, conflicts_with_all = ["after", "limit"])]
    pub follow: bool,
}

/// Does it.
///
/// # Errors
/// No such run, or the daemon stays away.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    let mut printer = Printer::as_result(cx);
    if args.follow {
        cx.attend(run);
        let cursor = cursor_now(cx).await?;
        let wanted = Wanted {
            events: true,
            ..Wanted::default()
        };
        follow(cx, run, cursor, wanted, &mut |cx, seen| printer.show(cx, seen)).await?;
        return Ok(Exit::Done);
    }
    let most = args.limit.unwrap_or(u64::MAX);
    read_all(cx, run, args.after, most, &mut |cx, event| {
        printer.show(cx, Seen::Event(event))
    })
    .await?;
    Ok(Exit::Done)
}
