//! Where the parts of the page stand at every width: the list, the lines of one conversation, what is written below.

use dirigent_protocol::run::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::list::parts;
use super::page::Conversations;
use super::talk::{Asked, Talk};
use crate::keymap::{Action, FieldKey};
use crate::model::{Link, Run};
use crate::pages::Ctx;
use crate::text::{amount, clean_line, fit_right, span, wrap};
use crate::theme::{Role, Sign};
use crate::widgets::{Line, Pane, Size, draw_writing, first_row, written};

/// Columns of the list.
const LIST: u16 = 40;
/// Columns from which on a row has its last words.
const WIDE: usize = 60;
/// Columns of a name in such a row.
const NAME: usize = 14;
/// Most rows of what is being written.
const WRITING: u16 = 6;
/// Rows from which on there is room for frames.
const FRAMES: u16 = 12;

impl Conversations {
    pub(super) fn draw(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        if Size::of(area).is_single() {
            match &self.talk {
                Some(talk) => talk.borrow_mut().draw(ctx, area, buf),
                None => self.draw_list(ctx, area, buf),
            }
            return self.narrow.draw(ctx, area, buf);
        }
        let [list, right] = Layout::horizontal([Constraint::Length(LIST), Constraint::Fill(1)]).areas(area);
        self.draw_list(ctx, list, buf);
        match &self.talk {
            Some(talk) => talk.borrow_mut().draw(ctx, right, buf),
            None => {
                let under = self.cursor.key().filter(|_| self.choosing.is_none());
                if let Some(run) = under.and_then(|run| ctx.model.runs.get(run)) {
                    draw_card(run, ctx, right, buf);
                    return self.narrow.draw(ctx, area, buf);
                }
                let inner = Pane::new("").draw(right, ctx.theme, buf);
                let key = |action| ctx.keymap.first(action);
                let words = format!(
                    " {} opens one, {} begins another.",
                    key(Action::Open),
                    key(Action::Create)
                );
                Line::new()
                    .add(Role::Dim, words)
                    .draw_row(0, inner, ctx.theme, buf);
            }
        }
        self.narrow.draw(ctx, area, buf);
    }

    fn draw_list(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        if self.choosing.is_some() {
            return self.draw_agents(ctx, area, buf);
        }
        let all = self.listed(ctx);
        let more = if self.narrow.has_more(ctx) { "+" } else { "" };
        let mut pane = Pane::new(format!("Conversations ({}{more})", all.len()))
            .focus(self.talk.is_none())
            .foot(Role::Dim, format!("{} new", ctx.keymap.first(Action::Create)));
        if !ctx.model.connection.is_live() && ctx.model.loaded {
            pane = pane.title(Role::Stale, "  last known");
        }
        let inner = self.narrow.title(pane).draw(area, ctx.theme, buf);
        if inner.is_empty() {
            return;
        }
        if all.is_empty() {
            let none = match self.narrow.is_narrowed() {
                true => "None is left.",
                false => "No conversation yet.",
            };
            return nothing(ctx, none, inner, buf);
        }
        self.height.set(usize::from(inner.height));
        let ids: Vec<_> = all.iter().map(|run| run.id).collect();
        let first = first_row(self.cursor.row(&ids), all.len(), usize::from(inner.height));
        for (row, run) in (0u16..inner.height).zip(all.iter().skip(first)) {
            let here = self.cursor.key() == Some(&run.id);
            row_of(run, here, ctx, usize::from(inner.width)).draw_row(row, inner, ctx.theme, buf);
        }
    }

    fn draw_agents(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let agents = Self::agents(ctx);
        let inner = Pane::new("Talk with which agent?")
            .focus(true)
            .draw(area, ctx.theme, buf);
        if agents.is_empty() {
            return nothing(ctx, "No agent yet.", inner, buf);
        }
        self.height.set(usize::from(inner.height));
        let Some(choosing) = &self.choosing else { return };
        let first = first_row(choosing.row(&agents), agents.len(), usize::from(inner.height));
        for (row, agent) in (0u16..inner.height).zip(agents.iter().skip(first)) {
            let here = choosing.key() == Some(agent);
            Line::new()
                .add(Role::Focus, if here { "▸" } else { " " })
                .add(if here { Role::Selected } else { Role::Text }, clean_line(agent))
                .draw_row(row, inner, ctx.theme, buf);
        }
    }
}

fn nothing(ctx: &Ctx<'_>, none: &str, area: Rect, buf: &mut Buffer) {
    let words = match &ctx.model.connection.link {
        Link::Down { .. } => "Not connected.",
        _ if !ctx.model.loaded => "Asking the daemon…",
        _ => none,
    };
    Line::new()
        .add(Role::Dim, format!(" {words}"))
        .draw_row(0, area, ctx.theme, buf);
}

/// How it stands, of somebody who waits for words.
pub(super) fn state(run: &Run, ctx: &Ctx<'_>) -> (&'static str, &'static str, Role) {
    let asks = ctx
        .model
        .undecided()
        .any(|approval| approval.body.run == run.id.into());
    match run.status() {
        _ if asks => (Sign::PERSON.sign, "asks you", Sign::PERSON.role),
        Status::Waiting => ("○", "listens", Role::Dim),
        Status::Running => (Sign::status(Status::Running).sign, "answers", Role::Live),
        status => {
            let sign = Sign::status(status);
            (sign.sign, sign.word, sign.role)
        }
    }
}

/// What it took, for people: tokens and cost.
pub(super) fn took(run: &Run) -> String {
    let usage = &run.body.usage;
    let tokens = usage.input_tokens.saturating_add(usage.output_tokens);
    format!(
        "{} tok, {}",
        amount::count(tokens),
        amount::usd(usage.cost_micro_usd)
    )
}

fn row_of(run: &Run, here: bool, ctx: &Ctx<'_>, cells: usize) -> Line {
    let (sign, word, role) = state(run, ctx);
    let age = span::short(ctx.time.wall.as_second() - run.updated_at.as_second());
    let (agent, title, last) = parts(run);
    let role_of = if here { Role::Selected } else { Role::Text };
    let wide = cells >= WIDE;
    let name = if wide { NAME } else { cells.saturating_sub(26) };
    let mut line = Line::new()
        .add(Role::Focus, if here { "▸" } else { " " })
        .add(role, format!("{sign} "))
        .add_fit(role_of, clean_line(agent), name)
        .add(Role::Dim, format!(" {:<8} ", run.id.short()))
        .add_fit(role, word, 9);
    if wide {
        let said = if last.is_empty() { title } else { last };
        line = line
            .add(Role::Text, " ")
            .add_fit(role_of, clean_line(said), cells.saturating_sub(27 + NAME));
    }
    line.add(Role::Dim, fit_right(&age, 4))
}

/// What is known of the one under the cursor without opening it.
fn draw_card(run: &Run, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
    let inner = Pane::new("Under the cursor").draw(area, ctx.theme, buf);
    let (agent, title, last) = parts(run);
    let (sign, word, role) = state(run, ctx);
    let turns = run.body.conversation.as_ref().map_or(0, |talk| talk.turns);
    let ago = |at: jiff::Timestamp| span::short(ctx.time.wall.as_second() - at.as_second());
    let row = |name: &str| Line::new().add(Role::Dim, format!(" {name:<9}"));
    let forked = run.body.origin.map(|origin| {
        let words = format!("{} at event {}", origin.run.short(), origin.at);
        row("forked").add(Role::Text, words)
    });
    let mut lines = vec![
        row("with").add(Role::Text, clean_line(agent)),
        row("state").add(role, format!("{sign} {word}")),
        row("begun").add(Role::Text, format!("{} ago", ago(run.created_at))),
        row("answers").add(
            Role::Text,
            format!("{turns}, the last change {} ago", ago(run.updated_at)),
        ),
        row("took").add(Role::Text, took(run)),
    ];
    lines.extend(forked);
    let cells = usize::from(inner.width).saturating_sub(2).max(1);
    for (heading, words) in [(" began with", title), (" said last", last)] {
        if words.is_empty() {
            continue;
        }
        lines.push(Line::new());
        lines.push(Line::new().add(Role::Dim, heading));
        let wrapped = wrap(&clean_line(words), cells);
        lines.extend(
            wrapped
                .into_iter()
                .map(|text| Line::new().add(Role::Text, format!("  {text}"))),
        );
    }
    let key = |action| ctx.keymap.first(action);
    lines.push(Line::new());
    let keys = format!(
        " {} opens it, {} begins another",
        key(Action::Open),
        key(Action::Create)
    );
    lines.push(Line::new().add(Role::Dim, keys));
    for (row, line) in (0u16..inner.height).zip(&lines) {
        line.draw_row(row, inner, ctx.theme, buf);
    }
}

impl Talk {
    pub(super) fn draw(&mut self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let framed = area.height >= FRAMES;
        let frame = if framed { 2 } else { 0 };
        let cells = usize::from(area.width.saturating_sub(frame)).max(1);
        let typed = written(&self.area);
        let rows: usize = typed
            .split('\n')
            .map(|line| line.chars().count() / cells + 1)
            .sum();
        let most = WRITING.min((area.height / 3).saturating_sub(frame)).max(1);
        let rows = u16::try_from(rows).unwrap_or(WRITING).clamp(1, most);
        let says = u16::from(self.line(ctx).is_some());
        let [above, middle, below] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(says),
            Constraint::Length(rows + frame),
        ])
        .areas(area);
        self.draw_lines(framed, ctx, above, buf);
        if let Some(line) = self.line(ctx) {
            line.draw_row(0, middle, ctx.theme, buf);
        }
        self.draw_writing(framed, ctx, below, buf);
    }

    fn draw_lines(&mut self, framed: bool, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let mut inner = area;
        if framed {
            let stream = &self.transcript.stream;
            let follow = match (stream.follows(), stream.behind()) {
                (true, _) => String::new(),
                (false, behind) => format!("+{behind} behind  {} now", ctx.keymap.first(Action::Bottom)),
            };
            let name = match self.agent.as_str() {
                "" => "Conversation".to_owned(),
                agent => clean_line(agent).into_owned(),
            };
            inner = Pane::new(name)
                .focus(!self.writes)
                .foot(Role::Dim, follow)
                .draw(area, ctx.theme, buf);
        }
        if self.transcript.stream.is_empty() {
            let words = match (self.run, ctx.model.connection.is_live()) {
                (None, _) => " Nothing was said yet. It begins when you say something.",
                (Some(_), true) => " Reading what was said…",
                (Some(_), false) => " Not connected: what was said is not known here.",
            };
            Line::new()
                .add(Role::Dim, words)
                .draw_row(0, inner, ctx.theme, buf);
            return;
        }
        self.transcript.stream.render(inner, buf, ctx.theme);
    }

    /// What is asked, waits or is on its way, in one line.
    pub(super) fn line(&self, ctx: &Ctx<'_>) -> Option<Line> {
        let key = |action| ctx.keymap.first(action);
        if let Some(asked) = self.asked {
            let words = match asked {
                Asked::Stop => " Stop this answer? ",
                Asked::End => " End this conversation for good? ",
            };
            let line = Line::new()
                .add(Role::Heading, words)
                .add(Role::Key, key(Action::Approve));
            let line = line.add(Role::Text, " yes   ").add(Role::Key, key(Action::Back));
            return Some(line.add(Role::Text, " no"));
        }
        if let Some(approval) = self.question(ctx) {
            let line = Line::new().add(Role::Waiting, " ⚑ asks you: ");
            let line = line.add(Role::Text, clean_line(&approval.body.title));
            let leave = if self.writes {
                FieldKey::ESC.label(ctx.keymap) + " "
            } else {
                String::new()
            };
            return Some(line.add(Role::Key, format!("  {leave}{}", key(Action::Approve))));
        }
        if let Some(sending) = &self.sending {
            let line = Line::new().add(Role::Mine, " ▸ on its way: ");
            return Some(line.add(Role::Dim, clean_line(sending)));
        }
        if self.transcript.is_answering() {
            return Some(Line::new().add(Role::Live, " ● answers"));
        }
        self.is_over(ctx)
            .then(|| Line::new().add(Role::Dim, format!(" over; {} forks it", key(Action::Again))))
    }

    fn draw_writing(&self, framed: bool, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let mut inner = area;
        if framed {
            let foot = match self.writes {
                true => format!("{} says it", FieldKey::ENTER.label(ctx.keymap)),
                false => format!("{} writes", ctx.keymap.first(Action::Open)),
            };
            inner = Pane::new("You")
                .focus(self.writes)
                .foot(Role::Dim, foot)
                .draw(area, ctx.theme, buf);
        } else {
            Line::new()
                .add(if self.writes { Role::Focus } else { Role::Dim }, "› ")
                .draw_row(0, area, ctx.theme, buf);
            inner.x = inner.x.saturating_add(2).min(area.right());
            inner.width = area.right() - inner.x;
        }
        if self.writes {
            draw_writing(&self.area, false, inner, ctx.theme, buf);
            return;
        }
        for (row, text) in (0u16..inner.height).zip(self.area.lines()) {
            Line::new()
                .add(Role::Mine, text)
                .draw_row(row, inner, ctx.theme, buf);
        }
    }
}
