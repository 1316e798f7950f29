//! `dirigent approvals delegate` and `amend`: somebody else decides; something else is asked.

use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::fault::Fault;
use serde_json::json;

use crate::cli::approval_text::digest_shown;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::{input, resolve};

/// `dirigent approvals delegate`
#[derive(Debug, clap::Args)]
pub struct DelegateArgs {
    /// Id or short id of the approval
    #[arg(value_name = "ID")]
    pub id: String,
    /// Name of the user who decides then
    #[arg(long, value_name = "USER")]
    pub to: String,
}

/// `dirigent approvals amend`
#[derive(Debug, clap::Args)]
pub struct AmendArgs {
    /// Id or short id of the approval
    #[arg(value_name = "ID")]
    pub id: String,
    /// The new content
    #[arg(long, value_name = "JSON|@FILE")]
    pub content: String,
    /// Digest of what was shown (`approvals show`)
    #[arg(long, value_name = "D")]
    pub digest: Option<Digest>,
}

/// Hands it over.
///
/// # Errors
/// No such approval or user, one may not decide it, or the daemon refuses.
pub async fn delegate(args: DelegateArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let (document, _) = resolve::approval(cx, &args.id).await?;
    let id = document.metadata.id;
    let command = Command::ApprovalDelegate {
        approval: id,
        to: args.to.clone(),
    };
    cx.command(&format!("delegate approval {}", id.short()), command)
        .await?;
    let value = json!({ "id": id, "to": args.to, "status": "delegated" });
    let text = format!("approval {} is {}'s to decide", id.short(), args.to);
    cx.show(&value, |out| out.text(&text))?;
    Ok(Exit::Done)
}

/// Changes what is asked.
///
/// # Errors
/// No such approval, the content does not fit, it changed meanwhile, or the daemon refuses.
pub async fn amend(args: AmendArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let (document, approval) = resolve::approval(cx, &args.id).await?;
    let digest = match args.digest {
        Some(digest) => digest,
        None => digest_shown(&document, &approval)?,
    };
    let id = document.metadata.id;
    let command = Command::ApprovalAmend {
        approval: id,
        digest,
        payload: input::json(&args.content, "--content")?,
    };
    cx.command(&format!("change approval {}", id.short()), command)
        .await?;
    let (_, now) = resolve::approval(cx, &id.to_string()).await?;
    let value = json!({ "id": id, "digest": now.digest, "status": "amended" });
    let text = format!(
        "approval {} asks something else now: digest {}",
        id.short(),
        now.digest
    );
    cx.show(&value, |out| out.text(&text))?;
    Ok(Exit::Done)
}
