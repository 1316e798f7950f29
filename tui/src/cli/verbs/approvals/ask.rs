//! `dirigent approvals ask`: a question to an agent before the decision. Invariant: the answer decides nothing.

use std::time::Duration;

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::Question;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{EntityId, RunId};
use serde_json::json;

use crate::cli::approval_text::digest_shown;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::resolve;
use crate::link::snapshot::unexpected;

/// How long between two looks.
const LOOK: Duration = Duration::from_millis(300);

/// `dirigent approvals ask`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id or short id of the approval
    #[arg(value_name = "ID")]
    pub id: String,
    /// The question
    #[arg(value_name = "TEXT")]
    pub text: String,
    /// Digest of what was shown (`approvals show`)
    #[arg(long, value_name = "D")]
    pub digest: Option<Digest>,
    /// Do not wait for the answer; it appears in `approvals show`
    #[arg(long)]
    pub no_wait: bool,
    /// Wait at most this long
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub wait: u64,
}

/// Does it.
///
/// # Errors
/// No such approval, nobody to ask, decided already, or no answer in time.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let (document, approval) = resolve::approval(cx, &args.id).await?;
    let digest = match args.digest {
        Some(digest) => digest,
        None => digest_shown(&document, &approval)?,
    };
    let id = document.metadata.id;
    let command = Command::ApprovalAsk {
        approval: id,
        digest,
        question: args.text,
    };
    let reply = cx
        .command(&format!("ask about approval {}", id.short()), command)
        .await?;
    let CommandReply::Asked { run } = reply else {
        return Err(unexpected("the run that answers"));
    };
    if args.no_wait {
        let value = json!({ "id": id, "run": run, "answer": null });
        let text = format!("asked; run {} answers", run.short());
        cx.show(&value, |out| out.text(&text))?;
        return Ok(Exit::Done);
    }
    let question = wait(cx, id, run, Duration::from_secs(args.wait)).await?;
    let value = json!({
        "id": id, "run": run, "agent": question.agent, "answer": question.answer, "failed": question.failed,
    });
    let text = question.answer.unwrap_or_default();
    cx.show(&value, |out| out.text(&text))?;
    Ok(if question.failed { Exit::Failed } else { Exit::Done })
}

/// The answer, once the approval has it.
async fn wait(cx: &mut Cx, id: EntityId, run: RunId, most: Duration) -> Result<Question, Fault> {
    let end = tokio::time::Instant::now() + most;
    loop {
        let (_, approval) = resolve::approval(cx, &id.to_string()).await?;
        let answered = approval
            .questions
            .into_iter()
            .find(|question| RunId::from(question.run) == run && question.answer.is_some());
        if let Some(question) = answered {
            return Ok(question);
        }
        if tokio::time::Instant::now() >= end {
            let text = format!("no answer within {} s", most.as_secs());
            return Err(Fault::new(Code::WrongState, text).help(format!(
                "`dirigent approvals show {}` has it when it comes",
                id.short()
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}
