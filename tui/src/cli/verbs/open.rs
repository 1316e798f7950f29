//! `dirigent open PATH`: the dashboard at that place.

use dirigent_protocol::fault::Fault;
use dirigent_protocol::source::nearest;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::format::short;
use crate::cli::place::Start;
use crate::cli::screen;
use crate::nav::Place;
use crate::pages::PAGES;

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
    let place = args.place.as_deref().map(place).transpose()?;
    screen::show(cx, cx.place()?.settings(Start::IfNone), place)
}

/// Reads a place on a page that exists.
fn place(text: &str) -> Result<Place, Fault> {
    let place: Place = text
        .parse()
        .map_err(|error: crate::nav::place::ParsePlaceError| usage(error.to_string()))?;
    if PAGES.iter().any(|page| page.id == place.page) {
        return Ok(place);
    }
    let known: Vec<&str> = PAGES.iter().map(|page| page.id).collect();
    let help = match nearest(&place.page, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("one of: {}", known.join(", ")),
    };
    Err(usage(format!("there is no page `{}`", short(&place.page, 80))).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_there_is_refused_before_anything_starts() {
        assert_eq!(place("run/8f20/step/4").unwrap().page, "runs");
        assert_eq!(place("approvals").unwrap().page, "approvals");
        let fault = place("rnus/3").unwrap_err();
        assert_eq!(fault.code.exit(), 2);
        assert_eq!(fault.help.unwrap(), "did you mean `runs`?");
    }
}
