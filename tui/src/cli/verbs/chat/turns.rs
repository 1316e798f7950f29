//! The turns of a conversation, read from its run's events; and the next one, as it comes.

use std::fmt::Write as _;

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::{EventBody, RunEvent};
use dirigent_protocol::watch::{StreamRequest, StreamSource};
use serde::Serialize;
use serde_json::Value;

use crate::cli::cx::Cx;
use crate::cli::out::Tone;
use crate::link::snapshot::unexpected;

/// Events of one page.
const PAGE: u32 = 500;
/// How long a poll for live text waits, milliseconds.
const WAIT_MS: u32 = 250;

/// Something said, and the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Turn {
    /// What was said.
    pub(super) said: String,
    /// The answer; none where there is none.
    pub(super) answer: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<Value>,
    /// The event it ended with: a fork begins behind it.
    pub(super) event: u64,
    /// When.
    pub(super) at: jiff::Timestamp,
}

/// The turn that an event ends.
fn ended(event: &RunEvent) -> Option<Turn> {
    let EventBody::EventHandled { output, .. } = &event.body else {
        return None;
    };
    let text = |field: &str| output[field].as_str().map(str::to_owned);
    Some(Turn {
        said: text("said")?,
        answer: text("answer"),
        failed: Some(output["failed"].clone()).filter(|failed| !failed.is_null()),
        event: event.seq,
        at: event.time,
    })
}

async fn page(cx: &mut Cx, run: RunId, after: u64) -> Result<(Vec<RunEvent>, u64), Fault> {
    match cx
        .query(Query::RunEvents {
            run,
            after,
            limit: PAGE,
        })
        .await?
    {
        QueryReply::Events { events, last } => Ok((events, last)),
        _ => Err(unexpected("events")),
    }
}

/// Every turn so far, and the newest event.
///
/// # Errors
/// The run is no conversation, or the daemon refuses.
pub(super) async fn read(cx: &mut Cx, run: RunId) -> Result<(Vec<Turn>, u64), Fault> {
    let (mut turns, mut after) = (Vec::new(), 0);
    loop {
        let (events, last) = page(cx, run, after).await?;
        for event in &events {
            after = event.seq;
            if let EventBody::WorkflowStarted { workflow, .. } = &event.body
                && workflow != "conversation"
            {
                let words = format!(
                    "the run {} is no conversation, but one of {workflow}",
                    run.short()
                );
                return Err(Fault::new(Code::Usage, words)
                    .help("dirigent runs list --where 'workflow == \"conversation\"'"));
            }
            turns.extend(ended(event));
        }
        if events.is_empty() || after >= last {
            return Ok((turns, after));
        }
    }
}

/// How much live text there was so far.
///
/// # Errors
/// The daemon stays away.
pub(super) async fn heard(cx: &mut Cx, run: RunId) -> Result<u64, Fault> {
    let request = StreamRequest {
        run,
        after: 0,
        wait_ms: 0,
    };
    Ok(cx.caller()?.stream(request).await?.last)
}

/// Waits for the end of the next turn; live text is shown meanwhile.
///
/// # Errors
/// The conversation is over, or the daemon stays away.
pub(super) async fn next(
    cx: &mut Cx,
    run: RunId,
    (after, mut chunks): (&mut u64, u64),
    plain: bool,
) -> Result<Turn, Fault> {
    let mut spoken = false;
    loop {
        let (events, _) = page(cx, run, *after).await?;
        for event in &events {
            *after = event.seq;
            if matches!(
                event.body,
                EventBody::WorkflowCompleted { .. }
                    | EventBody::WorkflowFaulted { .. }
                    | EventBody::WorkflowCancelled { .. }
            ) {
                return Err(Fault::new(Code::Conflict, "the conversation is over")
                    .help("fork it: dirigent chat --fork ID@N"));
            }
            if let Some(turn) = ended(event) {
                if plain {
                    if spoken {
                        cx.out.raw("\n");
                    } else {
                        answer(cx, &turn);
                    }
                    cx.out.flush();
                }
                return Ok(turn);
            }
        }
        let request = StreamRequest {
            run,
            after: chunks,
            wait_ms: WAIT_MS,
        };
        let told = cx.caller()?.stream(request).await?;
        chunks = told.last;
        for chunk in told
            .chunks
            .iter()
            .filter(|chunk| plain && chunk.source == StreamSource::Model)
        {
            spoken = true;
            let text = cx.out.look.text(&chunk.text).into_owned();
            cx.out.raw(&text);
            cx.out.flush();
        }
    }
}

/// One turn, as people read it.
pub(super) fn show(cx: &mut Cx, turn: &Turn) {
    cx.out.toned(Tone::Strong, &format!("> {}", turn.said));
    answer(cx, turn);
}

fn answer(cx: &mut Cx, turn: &Turn) {
    match (&turn.answer, &turn.failed) {
        (Some(answer), _) => cx.out.text(answer),
        (None, Some(why)) => cx.out.toned(Tone::Bad, &format!("no answer: {}", reason(why))),
        (None, None) => cx.out.toned(Tone::Bad, "no answer"),
    }
}

fn reason(problem: &Value) -> String {
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("title"), text("detail")).trim().to_owned()
}

/// A conversation as Markdown.
pub(super) fn markdown(run: RunId, turns: &[Turn]) -> String {
    let mut text = format!("# Conversation {run}\n");
    for turn in turns {
        let answer = turn.answer.clone().unwrap_or_else(|| "(no answer)".to_owned());
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n{}\n",
            turn.at,
            quoted(&turn.said),
            answer.trim_end()
        );
    }
    text
}

fn quoted(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
    lines.join("\n")
}
