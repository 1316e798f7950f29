//! `dirigent runs events`: the journal of a run.

use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::RunEvent;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::{Seen, Wanted, cursor_now, follow};
use crate::cli::resolve;
use crate::cli::verbs::logs::Printer;
use crate::link::snapshot::unexpected;

/// Events of one page.
const PAGE: u32 = 500;

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

/// Reads events page by page as long as somebody reads them.
///
/// # Errors
/// No such run, or the daemon stays away.
pub async fn read_all(
    cx: &mut Cx,
    run: RunId,
    mut after: u64,
    most: u64,
    show: &mut dyn FnMut(&mut Cx, &RunEvent),
) -> Result<(), Fault> {
    let mut left = most;
    while left > 0 && cx.out.is_open() {
        let limit = PAGE.min(u32::try_from(left).unwrap_or(PAGE));
        let QueryReply::Events { events, last } = cx.query(Query::RunEvents { run, after, limit }).await?
        else {
            return Err(unexpected("events"));
        };
        for event in &events {
            after = event.seq;
            show(cx, event);
        }
        left = left.saturating_sub(events.len() as u64);
        if events.is_empty() || after >= last {
            break;
        }
    }
    Ok(())
}
