//! What is seen of a run, as lines for people or JSON lines for scripts.

use dirigent_protocol::run::{EventBody, RunEvent, StepId};

use super::cx::Cx;
use super::event_line::{EventLines, to_json};
use super::follow_run::Seen;
use super::live_lines::LiveLines;
use super::out::{Tone, complain};

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
