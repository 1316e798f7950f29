//! `dirigent open PATH`: the dashboard at that place.

use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::place::Start;
use crate::cli::screen;
use crate::nav::Place;

/// One line for the list of verbs.
pub const ABOUT: &str = "The dashboard at a place (run/ID/step/4)";

/// `dirigent open`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where: `runs`, `run/ID`, `run/ID/step/4`, `approvals`, `approval/ID`; the dashboard if not said
    #[arg(value_name = "PATH")]
    pub place: Option<String>,
}

/// Does it.
///
/// # Errors
/// No such place, no terminal, or the terminal fails.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let place = match args.place {
        None => None,
        Some(text) => Some(text.parse::<Place>().map_err(|error| usage(error.to_string()))?),
    };
    screen::show(cx, cx.place()?.settings(Start::IfNone), place)
}
