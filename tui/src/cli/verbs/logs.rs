//! `dirigent logs`: a run's events and live text as lines for people.

use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::{Seen, Wanted, cursor_now, follow, read_all};
use crate::cli::printer::Printer;
use crate::cli::resolve;

/// One line for the list of verbs.
pub const ABOUT: &str = "What a run did, as lines; -f follows it";

/// `dirigent logs`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Go on until the run ends, with the live text of its steps
    #[arg(short = 'f', long)]
    pub follow: bool,
}

/// Does it.
///
/// # Errors
/// No such run, or the daemon stays away.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    let mut printer = Printer::as_result(cx);
    if !args.follow {
        read_all(cx, run, 0, u64::MAX, &mut |cx, event| {
            printer.show(cx, Seen::Event(event))
        })
        .await?;
        return Ok(Exit::Done);
    }
    cx.attend(run);
    let cursor = cursor_now(cx).await?;
    let wanted = Wanted {
        events: true,
        live: !cx.globals.is_json(),
        stop_for_person: false,
    };
    follow(cx, run, cursor, wanted, &mut |cx, seen| printer.show(cx, seen)).await?;
    printer.rest(cx);
    Ok(Exit::Done)
}
