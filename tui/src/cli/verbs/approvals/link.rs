//! `dirigent approvals link` and `answer`: a signed link answers one approval, for one user, once.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::run::Decision;
use serde_json::json;

use crate::cli::approval_text::digest_shown;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::format::moment;
use crate::cli::{input, resolve};
use crate::link::snapshot::unexpected;

/// `dirigent approvals link`
#[derive(Debug, clap::Args)]
pub struct LinkArgs {
    /// Id or short id of the approval
    #[arg(value_name = "ID")]
    pub id: String,
    /// The user it answers for; you, if not said
    #[arg(long = "for", value_name = "USER")]
    pub user: Option<String>,
    /// How long it is good for, such as PT4H; at most 30 days
    #[arg(long, value_name = "DURATION", default_value = "PT24H")]
    pub expires: String,
    /// Digest of what was shown (`approvals show`)
    #[arg(long, value_name = "D")]
    pub digest: Option<Digest>,
}

/// `dirigent approvals answer`
#[derive(Debug, clap::Args)]
pub struct AnswerArgs {
    /// The link
    #[arg(value_name = "LINK")]
    pub link: String,
    /// The answer.
    #[command(flatten)]
    pub word: Word,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Yes or no.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Word {
    /// Yes, to exactly what the link is about
    #[arg(long)]
    pub approve: bool,
    /// Yes, to this content in its place
    #[arg(long, value_name = "JSON|@FILE")]
    pub edit: Option<String>,
    /// No
    #[arg(long)]
    pub deny: bool,
}

/// Makes one.
///
/// # Errors
/// No such approval or user, or the daemon refuses.
pub async fn link(args: LinkArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let (document, approval) = resolve::approval(cx, &args.id).await?;
    let digest = match args.digest {
        Some(digest) => digest,
        None => digest_shown(&document, &approval)?,
    };
    let span: jiff::SignedDuration = args.expires.parse().map_err(|_| {
        usage(format!("`{}` is no duration", args.expires)).help("write --expires PT4H, or P2D")
    })?;
    let id = document.metadata.id;
    let command = Command::ApprovalLink {
        approval: id,
        digest,
        user: args.user,
        lifetime_ms: u64::try_from(span.as_millis()).unwrap_or(0),
    };
    let reply = cx
        .command(&format!("make a link for approval {}", id.short()), command)
        .await?;
    let CommandReply::Link { link, expires_at } = reply else {
        return Err(unexpected("a link"));
    };
    let value = json!({ "id": id, "link": link, "expires_at": expires_at });
    cx.show(&value, |out| {
        out.text(&link);
        out.text(&format!("good once, until {}", moment(expires_at)));
    })?;
    Ok(Exit::Done)
}

/// Answers by one.
///
/// # Errors
/// It is none of the daemon's, too old or used, its user may not decide, or the approval has changed.
pub async fn answer(args: AnswerArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let decision = match (&args.word.edit, args.word.deny) {
        (Some(text), _) => Decision::Approve {
            edited: Some(input::json(text, "--edit")?),
        },
        (None, true) => Decision::Deny,
        (None, false) => Decision::Approve { edited: None },
    };
    let word = if args.word.deny { "denied" } else { "approved" };
    let command = Command::ApprovalAnswer {
        link: args.link,
        decision,
        reason: args.reason,
    };
    let reply = cx.command("answer by a link", command).await?;
    let (value, text) = match reply {
        CommandReply::Voted { votes, quorum } => (
            json!({ "status": "pending", "votes": votes, "quorum": quorum }),
            format!("{votes} of {quorum} have said yes"),
        ),
        _ => (json!({ "status": word }), word.to_owned()),
    };
    cx.show(&value, |out| out.text(&text))?;
    Ok(Exit::Done)
}
