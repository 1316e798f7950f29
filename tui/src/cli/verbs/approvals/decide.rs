//! `dirigent approvals approve` and `deny`. Invariant: a decision names the digest of what was shown; a yes that was
//! shown to nobody needs `--yes` or the digest itself.

use dirigent_protocol::command::{Also, Command, CommandReply};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{ApprovalStatus, Document, RuleScope, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::run::{Decision, Risk};
use serde_json::json;

use crate::cli::approval_text::{digest_shown, write};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::out::{Out, Tone};
use crate::cli::verbs::approvals::fill_in::filled_in;
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
    /// Fill in a member of what is shown (a form, a sign-in); may be given again
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "edit")]
    pub set: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Decide requests like this one the same way from now on
    #[command(flatten)]
    pub rule: RuleArgs,
}

/// A rule along with a decision.
#[derive(Debug, Default, clap::Args)]
pub struct RuleArgs {
    /// Make it a rule: for exactly this content, or for content of this shape
    #[arg(long, value_name = "exact|shape", value_parser = ["exact", "shape"])]
    pub rule: Option<String>,
    /// Name of the rule
    #[arg(long, value_name = "NAME", requires = "rule")]
    pub rule_name: Option<String>,
}

impl RuleArgs {
    fn also(self) -> Option<Also> {
        let scope = match self.rule?.as_str() {
            "shape" => RuleScope::Shape,
            _ => RuleScope::Exact,
        };
        Some(Also::AddRule {
            scope,
            name: self.rule_name,
        })
    }
}

/// `dirigent approvals deny`
#[derive(Debug, clap::Args)]
pub struct DenyArgs {
    /// Which one, and how it is bound.
    #[command(flatten)]
    pub bound: BoundArgs,
    /// Stop the run with it
    #[arg(long, conflicts_with = "rule")]
    pub stop_run: bool,
    /// Decide requests like this one the same way from now on
    #[command(flatten)]
    pub rule: RuleArgs,
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
            if !args.yes && !agreed(&approval, args.edit.is_some() || !args.set.is_empty()).await? {
                cx.say(Tone::Plain, "nothing was decided");
                return Ok(Exit::Failed);
            }
            digest
        }
    };
    let edited = match &args.edit {
        Some(text) => Some(input::json(text, "--edit")?),
        None if args.set.is_empty() => None,
        None => Some(filled_in(&approval.payload, &args.set)?),
    };
    let decision = Decision::Approve { edited };
    let answer = (decision, args.bound.reason, args.rule.also());
    decide(cx, &document, digest, answer, "approved").await
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
    let also = if args.stop_run {
        Some(Also::StopRun {})
    } else {
        args.rule.also()
    };
    let answer = (Decision::Deny, args.bound.reason, also);
    decide(cx, &document, digest, answer, "denied").await
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
    (decision, reason, also): (Decision, Option<String>, Option<Also>),
    word: &str,
) -> Result<Exit, Fault> {
    let id = document.metadata.id;
    let edited = matches!(decision, Decision::Approve { edited: Some(_) });
    let stops = matches!(also, Some(Also::StopRun {}));
    let command = Command::ApprovalDecide {
        approval: id,
        digest,
        decision,
        reason,
        also,
    };
    let reply = cx
        .command(&format!("{word} approval {}", id.short()), command)
        .await?;
    let mut value = json!({ "id": id, "status": word, "digest": digest, "edited": edited });
    let mut text = format!("approval {} {word}", id.short());
    if stops {
        value["stopped_run"] = true.into();
        text.push_str("; its run is stopped");
    }
    if let CommandReply::Voted { votes, quorum } = reply {
        text = format!("approval {}: {votes} of {quorum} have said yes", id.short());
        value["status"] = "pending".into();
        value["votes"] = votes.into();
        value["quorum"] = quorum.into();
    }
    if let CommandReply::Ruled { rule, covers } = reply {
        text.push_str(&format!("; rule {rule} answers {covers} waiting"));
        value["rule"] = json!({ "name": rule, "covers": covers });
    }
    cx.show(&value, |out| out.text(&text))?;
    Ok(Exit::Done)
}
