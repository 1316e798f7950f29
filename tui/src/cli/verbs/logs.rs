//! `dirigent logs`: a run's events and live text as lines for people.

use dirigent_protocol::fault::Fault;
use dirigent_protocol::run::{EventBody, RunEvent, StepId};

use crate::cli::cx::Cx;
use crate::cli::event_line::{EventLines, to_json};
use crate::cli::exit::Exit;
use crate::cli::follow_run::{Seen, Wanted, cursor_now, follow};
use crate::cli::live_lines::LiveLines;
use crate::cli::out::{Tone, complain};
use crate::cli::resolve;

use super::runs::events::read_all;

/// One line for the list of verbs.
pub const ABOUT: &str = "What a run did, as lines; -f follows it";

/// `dirigent logs`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Go on until the run ends, with the live text of its steps
    #[arg(short = 'f', long)]
    pub follow: bool,
}

/// Does it.
///
/// # Errors
/// No such run, or the daemon stays away.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    let mut printer = Printer::as_result(cx);
    if !args.follow {
        read_all(cx, run, 0, u64::MAX, &mut |cx, event| {
            printer.show(cx, Seen::Event(event))
        })
        .await?;
        return Ok(Exit::Done);
    }
    cx.attend(run);
    let cursor = cursor_now(cx).await?;
    let wanted = Wanted {
        events: true,
        live: !cx.globals.is_json(),
        stop_for_person: false,
    };
    follow(cx, run, cursor, wanted, &mut |cx, seen| printer.show(cx, seen)).await?;
    printer.rest(cx);
    Ok(Exit::Done)
}

/// Writes what is seen of a run as lines, or as JSON lines.
pub struct Printer {
    lines: EventLines,
    live: LiveLines,
    to_out: bool,
}

impl Printer {
    /// The lines are the result.
    #[must_use]
    pub fn as_result(cx: &Cx) -> Self {
        Self {
            lines: EventLines::new(cx.globals.verbose),
            live: LiveLines::default(),
            to_out: true,
        }
    }

    /// The lines are progress beside a result; JSON lines come before the result all the same.
    #[must_use]
    pub fn beside_result(cx: &Cx) -> Self {
        Self {
            to_out: cx.globals.is_json(),
            ..Self::as_result(cx)
        }
    }

    /// Writes something.
    pub fn show(&mut self, cx: &mut Cx, seen: Seen<'_>) {
        match seen {
            Seen::Event(event) if cx.globals.is_json() => {
                let value = to_json(event, &mut self.lines);
                cx.json_line(&value);
            }
            Seen::Event(event) => {
                let look = if self.to_out { cx.out.look } else { cx.err };
                // Live text of a step comes before the line that ends it.
                for (step, text) in ends_step(event)
                    .map(|step| self.live.rest(Some(step)))
                    .unwrap_or_default()
                {
                    self.live_line(cx, &step, &text);
                }
                if let Some(line) = self.lines.line(event, look) {
                    self.write(cx, &line);
                }
            }
            Seen::Live(chunks) => {
                for (step, text) in self.live.take(chunks) {
                    self.live_line(cx, &step, &text);
                }
            }
            Seen::Asks(id, approval) => {
                let look = cx.err;
                let words = format!(
                    "waiting for a person: {} (`dirigent approvals show {}`)",
                    look.line(&approval.title),
                    id.short()
                );
                cx.say(Tone::Ask, &words);
            }
        }
    }

    /// Writes what is left of live text.
    pub fn rest(&mut self, cx: &mut Cx) {
        for (step, text) in self.live.rest(None) {
            self.live_line(cx, &step, &text);
        }
    }

    fn live_line(&self, cx: &mut Cx, step: &StepId, text: &str) {
        let look = if self.to_out { cx.out.look } else { cx.err };
        let name = format!("{:>18}", self.lines.name(step));
        let line = format!(
            "{} {} {}",
            look.paint(Tone::Dim, &look.line(&name)),
            look.paint(Tone::Dim, "│"),
            look.line(text)
        );
        self.write(cx, &line);
    }

    fn write(&self, cx: &mut Cx, line: &str) {
        if self.to_out {
            cx.out.raw_line(line);
            cx.out.flush();
        } else if !cx.globals.quiet {
            complain(line);
        }
    }
}

const fn ends_step(event: &RunEvent) -> Option<&StepId> {
    match &event.body {
        EventBody::TaskCompleted { step, .. }
        | EventBody::TaskFaulted { step, .. }
        | EventBody::TaskCancelled { step, .. } => Some(step),
        _ => None,
    }
}
