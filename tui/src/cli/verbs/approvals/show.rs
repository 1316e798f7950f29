//! `dirigent approvals show`

use dirigent_protocol::fault::Fault;

use crate::cli::approval_text::{to_json, write};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::resolve;

/// `dirigent approvals show`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id or short id of the approval
    #[arg(value_name = "ID")]
    pub id: String,
}

/// Does it.
///
/// # Errors
/// No such approval, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let (document, approval) = resolve::approval(cx, &args.id).await?;
    let value = to_json(document.metadata.id, &approval);
    cx.show(&value, |out| write(&document, &approval, out))?;
    Ok(Exit::Done)
}
