//! `dirigent approvals approve` and `deny`. Invariant: a decision names the digest of what was shown; a yes that was
//! shown to nobody needs `--yes` or the digest itself.

use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{ApprovalStatus, Document, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::run::{Decision, Risk};
use serde_json::json;

use crate::cli::approval_text::{digest_shown, write};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::out::{Out, Tone};
use crate::cli::{ask, input, resolve};

/// `dirigent approvals approve`
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    /// Which one, and how it is bound.
    #[command(flatten)]
    pub bound: BoundArgs,
    /// Approve this content instead of the one shown
    #[arg(long, value_name = "JSON|@FILE")]
    pub edit: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `dirigent approvals deny`
#[derive(Debug, clap::Args)]
pub struct DenyArgs {
    /// Which one, and how it is bound.
    #[command(flatten)]
    pub bound: BoundArgs,
}

/// Which approval.
#[derive(Debug, clap::Args)]
pub struct BoundArgs {
    /// Id or short id of the approval
    #[arg(value_name = "ID")]
    pub id: String,
    /// Digest of what was shown (`approvals show`)
    #[arg(long, value_name = "D")]
    pub digest: Option<Digest>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Says yes.
///
/// # Errors
/// No such approval, decided already, changed meanwhile, or the daemon refuses.
pub async fn approve(args: ApproveArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let (document, approval) = open(cx, &args.bound.id).await?;
    let digest = match args.bound.digest {
        Some(digest) => digest,
        None => {
            let digest = digest_shown(&document, &approval)?;
            if !args.yes && !ask::can_ask() {
                return Err(
                    usage("there is no terminal to ask at, so the decision must be bound")
                        .help(format!("add --digest {digest} (of `approvals show`), or --yes")),
                );
            }
            show_beside(cx, &document, &approval);
            if !args.yes && !agreed(&approval, args.edit.is_some()).await? {
                cx.say(Tone::Plain, "nothing was decided");
                return Ok(Exit::Failed);
            }
            digest
        }
    };
    let edited = args
        .edit
        .as_deref()
        .map(|text| input::json(text, "--edit"))
        .transpose()?;
    let decision = Decision::Approve { edited };
    decide(cx, &document, digest, decision, args.bound.reason, "approved").await
}

/// Says no. That harms nothing, so it is not asked again.
///
/// # Errors
/// No such approval, decided already, changed meanwhile, or the daemon refuses.
pub async fn deny(args: DenyArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let (document, approval) = open(cx, &args.bound.id).await?;
    let digest = match args.bound.digest {
        Some(digest) => digest,
        None => digest_shown(&document, &approval)?,
    };
    decide(cx, &document, digest, Decision::Deny, args.bound.reason, "denied").await
}

async fn open(cx: &mut Cx, id: &str) -> Result<(Document, WorkflowApproval), Fault> {
    let (document, approval) = resolve::approval(cx, id).await?;
    let short = document.metadata.id.short();
    if approval.unknown_effect.is_some() {
        return Err(
            usage("this asks what became of an effect; yes or no is no answer")
                .at(format!("approval {short}"))
                .help(format!(
                    "`dirigent approvals resolve {short} --again`, `--happened JSON` or `--failed REASON`"
                )),
        );
    }
    if approval.status != ApprovalStatus::Pending {
        let status = serde_json::to_value(approval.status).unwrap_or_default();
        let by = approval
            .decided_by
            .as_ref()
            .map(|who| format!(" by {who}"))
            .unwrap_or_default();
        let what = format!("it is {}{by} already", status.as_str().unwrap_or("decided"));
        return Err(Fault::new(Code::AlreadyDecided, what)
            .at(format!("approval {short}"))
            .help("see `dirigent approvals list`"));
    }
    Ok((document, approval))
}

/// Shows it beside the result, which is the decision.
fn show_beside(cx: &Cx, document: &Document, approval: &WorkflowApproval) {
    let mut err = Out::to(Box::new(std::io::stderr()), cx.err);
    write(document, approval, &mut err);
    // A terminal that cannot be written to cannot be read from either: the question fails.
    drop(err.finish());
}

async fn agreed(approval: &WorkflowApproval, edited: bool) -> Result<bool, Fault> {
    let question = if edited {
        "Approve with your changes?"
    } else {
        "Approve exactly this?"
    };
    if approval.risk == Risk::High {
        let word = approval
            .confirm
            .as_deref()
            .filter(|word| !word.trim().is_empty())
            .unwrap_or("approve");
        return ask::word(question, word).await;
    }
    ask::yes(question).await
}

async fn decide(
    cx: &mut Cx,
    document: &Document,
    digest: Digest,
    decision: Decision,
    reason: Option<String>,
    word: &str,
) -> Result<Exit, Fault> {
    let id = document.metadata.id;
    let edited = matches!(decision, Decision::Approve { edited: Some(_) });
    let command = Command::ApprovalDecide {
        approval: id,
        digest,
        decision,
        reason,
    };
    cx.command(&format!("{word} approval {}", id.short()), command)
        .await?;
    let value = json!({ "id": id, "status": word, "digest": digest, "edited": edited });
    cx.show(&value, |out| out.text(&format!("approval {} {word}", id.short())))?;
    Ok(Exit::Done)
}
