//! The turns of a conversation, read from its run's events; and the next one, as it comes.

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::{EventBody, RunEvent};
use dirigent_protocol::watch::{StreamChunk, StreamRequest, StreamSource};

use crate::cli::cx::Cx;
use crate::cli::out::Tone;
use crate::link::snapshot::unexpected;
use crate::model::talk::{Turn, said};
use crate::model::tool_lines::{Told, ToolLines};

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

/// Every turn so far, and the newest event; `told` hears of the tools and of each turn, in their order.
///
/// # Errors
/// The run is no conversation, or the daemon refuses.
pub(super) async fn read(
    cx: &mut Cx,
    run: RunId,
    mut told: impl FnMut(&mut Cx, Past<'_>),
) -> Result<(Vec<Turn>, u64), Fault> {
    let (mut turns, mut after) = (Vec::new(), 0);
    let mut tools = ToolLines::default();
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
            if let Some(text) = said(event) {
                told(cx, Past::Said(text));
            }
            for line in tools.take(&event.body) {
                told(cx, Past::Told(&line));
            }
            if let Some(turn) = Turn::of(event) {
                told(cx, Past::Answered(&turn));
                turns.push(turn);
            }
        }
        if events.is_empty() || after >= last {
            return Ok((turns, after));
        }
    }
}

/// What happened before.
pub(super) enum Past<'a> {
    /// A person said it.
    Said(&'a str),
    /// The agent, or a tool of it.
    Told(&'a Told),
    /// The answer.
    Answered(&'a Turn),
}

/// Shows what happened before, as people read it.
pub(super) fn show(cx: &mut Cx, past: Past<'_>) {
    match past {
        Past::Said(text) => cx.out.toned(Tone::Strong, &format!("> {text}")),
        Past::Told(Told::Says(text)) if !text.trim().is_empty() => cx.out.text(text),
        Past::Told(told) => tool(cx, told),
        Past::Answered(turn) => {
            answer(cx, turn);
            forgot(cx, turn);
        }
    }
}

/// A tool that is called, or what came of it.
fn tool(cx: &mut Cx, told: &Told) {
    match told {
        Told::Tool(text) => cx.out.toned(Tone::Dim, &format!("  {text}")),
        Told::Wrong(text) => cx.out.toned(Tone::Bad, &format!("  {text}")),
        Told::Asks(_) | Told::Says(_) => {}
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

/// Waits for the end of the next turn; live text and the tools that are called are shown meanwhile.
///
/// # Errors
/// The conversation is over, or the daemon stays away.
pub(super) async fn next(
    cx: &mut Cx,
    run: RunId,
    (after, mut chunks): (&mut u64, u64),
    plain: bool,
) -> Result<Turn, Fault> {
    let (mut heard, mut tools) = (Heard::default(), ToolLines::default());
    loop {
        let (events, _) = page(cx, run, *after).await?;
        // What is stored was said before: the rest of its live text is there already.
        let request = StreamRequest {
            run,
            after: chunks,
            wait_ms: if events.is_empty() { WAIT_MS } else { 0 },
        };
        let told = cx.caller()?.stream(request).await?;
        chunks = told.last;
        if plain {
            heard.hear(cx, &told.chunks);
        }
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
            for line in tools.take(&event.body) {
                match &line {
                    Told::Says(text) if plain => heard.stored(cx, text),
                    line if plain => tool(cx, line),
                    _ => {}
                }
            }
            if let Some(turn) = Turn::of(event) {
                match &turn.answer {
                    Some(text) if plain => heard.stored(cx, text),
                    None if plain => {
                        heard.end(cx);
                        answer(cx, &turn);
                    }
                    _ => {}
                }
                if plain {
                    forgot(cx, &turn);
                }
                cx.out.flush();
                return Ok(turn);
            }
        }
        if plain {
            heard.show(cx);
        }
    }
}

/// Live text of the agent that is not stored yet, and how much of it is shown.
#[derive(Default)]
struct Heard {
    text: String,
    shown: usize,
}

impl Heard {
    /// Takes live text in. What was printed cannot be taken back: that it was is said.
    fn hear(&mut self, cx: &mut Cx, chunks: &[StreamChunk]) {
        for chunk in chunks {
            if chunk.withdraws {
                if self.shown > 0 {
                    cx.out.raw("\n(that answer was taken back)\n");
                }
                *self = Self::default();
            } else if chunk.source == StreamSource::Model {
                self.text.push_str(&chunk.text);
            }
        }
    }

    /// Shows what is new of it.
    fn show(&mut self, cx: &mut Cx) {
        let new = self.text.get(self.shown..).unwrap_or_default();
        if !new.is_empty() {
            let text = cx.out.look.text(new).into_owned();
            cx.out.raw(&text);
            cx.out.flush();
        }
        self.shown = self.text.len();
    }

    /// A text is stored: what of it was not shown live is shown now, and its line ends.
    fn stored(&mut self, cx: &mut Cx, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        match self.text.starts_with(text) {
            true => {
                let rest = self.text.split_off(text.len());
                let ahead = self.shown.saturating_sub(text.len());
                self.show(cx);
                cx.out.raw("\n");
                (self.text, self.shown) = (rest, ahead);
            }
            false => {
                self.end(cx);
                cx.out.text(text);
            }
        }
    }

    /// Ends the line of what was shown and forgets it: the text came to something else.
    fn end(&mut self, cx: &mut Cx) {
        if self.shown > 0 {
            cx.out.raw("\n");
        }
        *self = Self::default();
    }
}

fn answer(cx: &mut Cx, turn: &Turn) {
    match &turn.answer {
        Some(answer) => cx.out.text(answer),
        None => cx.out.toned(Tone::Bad, &turn.why_none()),
    }
}

fn forgot(cx: &mut Cx, turn: &Turn) {
    if let Some(words) = turn.forgot() {
        cx.out.toned(Tone::Dim, &format!("  {words}"));
    }
}
