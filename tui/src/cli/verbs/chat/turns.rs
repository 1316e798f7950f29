//! The turns of a conversation, read from its run's events; and the next one, as it comes.

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::{EventBody, RunEvent};
use dirigent_protocol::watch::{StreamRequest, StreamSource};

use crate::cli::cx::Cx;
use crate::cli::out::Tone;
use crate::link::snapshot::unexpected;
use crate::model::talk::Turn;

/// Events of one page.
const PAGE: u32 = 500;
/// How long a poll for live text waits, milliseconds.
const WAIT_MS: u32 = 250;

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
            turns.extend(Turn::of(event));
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
            if let Some(turn) = Turn::of(event) {
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
            .filter(|chunk| plain && (chunk.withdraws || chunk.source == StreamSource::Model))
        {
            if chunk.withdraws {
                // What was printed cannot be taken back.
                if std::mem::take(&mut spoken) {
                    cx.out.raw("\n(that answer was taken back)\n");
                }
                continue;
            }
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
    match &turn.answer {
        Some(answer) => cx.out.text(answer),
        None => cx.out.toned(Tone::Bad, &turn.why_none()),
    }
}
