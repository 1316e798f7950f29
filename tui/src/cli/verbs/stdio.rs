//! `dirigent stdio`: the wire on standard input and output, for `-H ssh://user@host`.

use dirigent_protocol::fault::{Code, Fault};
use dirigent_rpc::unix;
use tokio::io::{AsyncWriteExt, copy, stdin, stdout};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::{io, usage};
use crate::link::Target;

/// One line for the list of verbs.
pub const ABOUT: &str = "The wire on standard input and output, for -H ssh://user@host";

/// `dirigent stdio`
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Passes bytes until either side ends.
///
/// # Errors
/// No daemon listens, or a stream fails.
pub async fn run(_: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let Target::Socket(path) = cx.place()?.target else {
        return Err(usage("`stdio` speaks to the daemon of this machine").help("leave out -H"));
    };
    let stream = unix::connect(&path).await.map_err(|error| {
        Fault::new(Code::Unreachable, format!("no daemon can be reached: {error}"))
            .at(path.display().to_string())
            .help("start one with `dirigent daemon start`")
    })?;
    let (mut from, mut to) = stream.into_split();
    let up = async {
        copy(&mut stdin(), &mut to).await?;
        to.shutdown().await
    };
    let down = async {
        let mut out = stdout();
        copy(&mut from, &mut out).await?;
        out.flush().await
    };
    let ended = tokio::select! {
        ended = up => ended,
        ended = down => ended,
    };
    ended
        .map(|()| Exit::Done)
        .map_err(|error| io("the stream broke", path.display(), &error))
}
