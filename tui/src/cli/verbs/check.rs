//! `dirigent check`: verify the store. The daemon's program knows it, so it is run instead.

use std::ffi::OsString;

use dirigent_protocol::fault::Fault;

use super::validate::instead;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

/// One line for the list of verbs.
pub const ABOUT: &str = "Verify the store: exit 0 sound, 65 damaged";

/// `dirigent check`
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Does it.
///
/// # Errors
/// The daemon's program is missing.
pub async fn run(_: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let place = cx.place()?;
    let mut words: Vec<OsString> = vec!["check".into(), "--data-dir".into(), place.paths.data.into()];
    if let Some(config) = place.config {
        words.extend(["--config".into(), config.into()]);
    }
    instead(&words, cx)
}
