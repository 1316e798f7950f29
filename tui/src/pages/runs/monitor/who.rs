//! The fourth picture of a run that is an orchestration's: who works, who waits, who handed what to whom.
//!
//! Who its members are is asked of the daemon once; what they do follows from the run's events.

use std::cell::Cell;

use dirigent_protocol::entity::Kind;
use dirigent_protocol::query::{Query, QueryReply};
use jiff::tz::TimeZone;

use super::state::Monitor;
use super::ui::Picture;
use crate::model::collaboration::{Collaboration, State};
use crate::model::{Cmd, Journal};
use crate::pages::Ctx;
use crate::text::{clean_line, clock, span};
use crate::theme::Role;
use crate::widgets::Line;

const TOPIC: &str = "monitor.orchestration";

/// The picture.
#[derive(Debug, Default)]
pub(super) struct Who {
    /// Nobody asked yet.
    known: bool,
    pub(super) seen: Option<Collaboration>,
    /// Rows that are passed over.
    pub(super) scroll: Cell<usize>,
}

impl Who {
    /// Takes what is new of the run.
    pub(super) fn fold(&mut self, journal: &Journal) {
        if let Some(seen) = &mut self.seen {
            seen.follow(&journal.events);
        }
    }

    /// Passes over more or fewer rows; what is too many is cut where they are drawn.
    pub(super) fn scroll_by(&self, rows: i32) -> bool {
        let by = usize::try_from(rows.unsigned_abs()).unwrap_or(0);
        let now = self.scroll.get();
        self.scroll.set(if rows < 0 {
            now.saturating_sub(by)
        } else {
            now + by
        });
        true
    }

    /// Its lines, at most so wide; `now` in seconds.
    pub(super) fn lines(&self, cells: usize, zone: &TimeZone, now: i64) -> Vec<Line> {
        let Some(seen) = &self.seen else {
            let words = match self.known {
                true => " This run is none of an orchestration.",
                false => " Asking the daemon who works here…",
            };
            return vec![Line::new().add(Role::Dim, words)];
        };
        collaboration_lines(seen, cells, zone, now)
    }
}

/// Who works, who waits, and what was handed over; at most so wide, `now` in seconds.
pub(crate) fn collaboration_lines(
    seen: &Collaboration,
    cells: usize,
    zone: &TimeZone,
    now: i64,
) -> Vec<Line> {
    let name = (cells / 4).clamp(8, 24);
    // The sign before it, and behind it how it stands, since when and how often.
    let who = cells.saturating_sub(name + 24).clamp(8, 30);
    let mut out: Vec<Line> = Vec::new();
    for member in &seen.members {
        let (sign, role) = look(member.state());
        let since = member.since.map(|since| span::short(now - since.as_second()));
        let times = match member.done + member.failed {
            0 => String::new(),
            times => format!("  {times}x"),
        };
        let line = Line::new()
            .add(role, format!(" {sign} "))
            .add_fit(Role::Text, clean_line(&member.name), name)
            .add(Role::Text, " ")
            .add_fit(Role::Dim, clean_line(&member.who), who)
            .add(role, format!(" {:<8}", member.state().word()));
        out.push(line.add(Role::Dim, format!("{:>4}{times}", since.unwrap_or_default())));
    }
    if !seen.handoffs.is_empty() {
        out.push(Line::new());
        out.push(Line::new().add(Role::Heading, " HANDED OVER"));
    }
    for (time, handoff) in &seen.handoffs {
        let line = Line::new()
            .add(Role::Dim, format!(" {} ", clock(*time, zone)))
            .add(
                Role::Text,
                clean_line(&format!("{} → {}", handoff.from, handoff.to)),
            )
            .add(
                Role::Dim,
                format!("  {} of {}  ", handoff.depth, handoff.max_depth),
            );
        out.push(line.add(Role::Quoted, clean_line(&handoff.reason)));
    }
    out
}

const fn look(state: State) -> (&'static str, Role) {
    match state {
        State::NotYet => ("·", Role::Dim),
        State::Works => ("●", Role::Live),
        State::Waits => ("◌", Role::Waiting),
        State::Done => ("✓", Role::Good),
        State::Failed => ("✗", Role::Bad),
    }
}

impl Monitor {
    /// Looks at who works with whom.
    pub(crate) fn show_who(&mut self) {
        self.ui.get_mut().wanted = Some(Picture::Who);
    }

    /// Asks who the members are, once the run is known; takes the answer.
    pub(crate) fn wants_members(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        let run = ctx.model.runs.get(&self.run())?;
        let query = Query::Get {
            kind: Kind::WorkflowVersion,
            id: run.body.workflow_version.to_string(),
            include: Vec::new(),
        };
        let ui = self.ui.get_mut();
        if ui.who.known || !ctx.model.connection.is_live() {
            return None;
        }
        match ctx.model.looks.answer(TOPIC, &query) {
            Some(Ok(QueryReply::Document(version))) => {
                ui.who.known = true;
                ui.who.seen = Collaboration::of(&version.spec);
                if let Some(journal) = ctx.model.journals.get(&run.id) {
                    ui.who.fold(journal);
                }
                None
            }
            _ => ctx.model.looks.want(TOPIC, &query, None, ctx.time.mono),
        }
    }
}
