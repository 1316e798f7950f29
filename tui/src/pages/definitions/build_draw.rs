//! The builder on the screen: steps beside the drawing, one pane at a time where it is narrow, findings below.

use dirigent_protocol::source::{Diagnostic, Severity};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui_textarea::TextArea;

use super::builder::{Builder, Focus, Open};
use super::canvas::within;
use super::changed;
use super::drafts::MAX_DRAFTS;
use super::outline::Task;
use super::prose;
use super::question::Question;
use super::side;
use crate::keymap::{Action, FieldKey};
use crate::pages::Ctx;
use crate::pages::wording::capital;
use crate::text::{clean_line, width, wrap};
use crate::theme::Role;
use crate::widgets::{Line, Pane, Size, draw_writing, first_row, written};

/// Columns of the steps beside the drawing.
const STEPS: u16 = 42;
/// Rows of a question about one line, its frame included.
const ASKED: u16 = 3;
/// Most rows of the findings, their frame included.
const FINDINGS: u16 = 7;

impl Builder {
    pub(super) fn draw(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let findings = self.finding_lines(ctx, usize::from(area.width.saturating_sub(2)));
        let rows = u16::try_from(findings.len() + 2)
            .unwrap_or(FINDINGS)
            .min(FINDINGS)
            .min(area.height / 3);
        let [body, below] = Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(area);
        self.draw_findings(&findings, ctx, below, buf);
        if let Some(Open::Trial(trial)) = &self.open {
            trial.monitor.view(ctx, body, buf);
            return;
        }
        if !self.what.canvas && !self.draft.is_form() {
            return self.draw_text_page(ctx, body, buf);
        }
        if Size::of(area).is_single() {
            match (&self.open, self.focus) {
                (Some(Open::Publish | Open::Leave) | None, Focus::Steps) if !self.diff => {
                    self.draw_steps(ctx, body, buf);
                }
                // One sees the row that is asked about.
                (Some(Open::Line(question)), _) if self.draft.is_form() && body.height > 2 * ASKED => {
                    let rows = question.options(&self.draft).len().saturating_add(3);
                    let rows = u16::try_from(rows).unwrap_or(body.height).min(body.height / 2);
                    let [form, line] =
                        Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(body);
                    self.draw_steps(ctx, form, buf);
                    self.draw_question(question, ctx, line, buf);
                }
                _ => self.draw_right(ctx, body, buf),
            }
            return;
        }
        // Rows of a form say more than tasks do.
        let steps = match self.draft.is_form() {
            true => STEPS.max(area.width / 2),
            false => STEPS,
        };
        let [left, right] = Layout::horizontal([Constraint::Length(steps), Constraint::Fill(1)]).areas(body);
        self.draw_steps(ctx, left, buf);
        self.draw_right(ctx, right, buf);
    }

    /// A text without tasks: the text, and what changed in it beside.
    fn draw_text_page(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let typing = matches!(self.open, Some(Open::Text(_) | Open::Line(_)));
        if Size::of(area).is_single() {
            if typing {
                self.draw_right(ctx, area, buf);
            } else {
                self.draw_changed(ctx, area, buf);
            }
            return;
        }
        let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
        if typing {
            self.draw_right(ctx, left, buf);
        } else {
            let inner = Pane::new(clean_line(&self.draft.name))
                .focus(true)
                .draw(left, ctx.theme, buf);
            for (row, line) in (0u16..inner.height).zip(&side::numbered(self.draft.text())) {
                line.draw_row(row, inner, ctx.theme, buf);
            }
        }
        self.draw_changed(ctx, right, buf);
    }

    fn draw_changed(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let inner = Pane::new("Changed")
            .focus(self.open.is_none())
            .draw(area, ctx.theme, buf);
        let lines = self.changed_lines();
        for (row, line) in (0u16..inner.height).zip(&lines) {
            line.draw_row(row, inner, ctx.theme, buf);
        }
    }

    /// What is different from where it began.
    pub(super) fn changed_lines(&self) -> Vec<Line> {
        changed::values_and_lines(&self.draft.base, self.draft.text())
    }

    fn draw_steps(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let key = |action| ctx.keymap.first(action);
        let form = self.draft.is_form();
        let foot: &[(Action, &str)] = if form {
            &[
                (Action::Open, "change"),
                (Action::Insert, "add"),
                (Action::View, "text"),
            ]
        } else {
            &[
                (Action::Insert, "add"),
                (Action::Link, "link"),
                (Action::View, "text"),
            ]
        };
        let foot: Vec<String> = foot
            .iter()
            .map(|(action, word)| format!("{} {word}", key(*action)))
            .collect();
        let mut pane = Pane::new(if form { "Form" } else { "Steps" })
            .focus(self.focus == Focus::Steps && self.open.is_none() && !self.diff)
            .foot(Role::Dim, foot.join("  "));
        if self.draft.is_changed() {
            pane = pane.title(Role::Mine, "  changed");
        }
        let inner = pane.draw(area, ctx.theme, buf);
        self.height.set(usize::from(inner.height));
        let tasks = self.draft.shown();
        if tasks.is_empty() {
            let words = format!(" No task can be read: {} opens the text.", key(Action::View));
            Line::new()
                .add(Role::Dim, words)
                .draw_row(0, inner, ctx.theme, buf);
        }
        let at = tasks
            .iter()
            .position(|task| Some(&task.pointer) == self.draft.on.as_ref())
            .unwrap_or(0);
        let first = first_row(at, tasks.len(), usize::from(inner.height));
        for (row, task) in (0u16..inner.height).zip(tasks.iter().skip(first)) {
            self.step_line(task, ctx).draw_row(row, inner, ctx.theme, buf);
        }
    }

    fn step_line(&self, task: &Task, ctx: &Ctx<'_>) -> Line {
        let here = Some(&task.pointer) == self.draft.on.as_ref();
        let wrong = self.wrong(&task.pointer, ctx);
        let told = self.told(task, ctx);
        let lead = "  ".repeat(task.depth);
        let name = match task.item {
            true => format!("{lead}{} {}", task.at + 1, task.name),
            false => format!("{lead}{}", task.name),
        };
        let then = task
            .then
            .as_ref()
            .map_or_else(String::new, |(to, _)| format!(" → {to}"));
        let said = task.said && task.field.is_some();
        let sign = match (wrong, told) {
            (true, _) => (Role::Bad, "✗"),
            (false, Some(_)) => (Role::Warn, "!"),
            (false, None) => (Role::Text, " "),
        };
        let line = Line::new()
            .add(Role::Focus, if here { "▸" } else { " " })
            .add(sign.0, sign.1)
            .add_fit(
                if here { Role::Selected } else { Role::Text },
                clean_line(&name),
                22,
            )
            .add(
                if said { Role::Text } else { Role::Dim },
                format!(
                    " {}{}{}",
                    if task.said { "" } else { "· " },
                    clean_line(&task.kind),
                    clean_line(&then)
                ),
            );
        match told {
            Some(finding) => line.add(sign.0, format!("  {} {}", sign.1, clean_line(&finding.message))),
            None => line,
        }
    }

    /// What is wrong with the value of a row, which is told beside it.
    pub(super) fn told<'a>(&'a self, row: &Task, ctx: &Ctx<'a>) -> Option<&'a Diagnostic> {
        row.field?;
        let findings = self.draft.findings(ctx).unwrap_or_default();
        let mut own = findings.iter().filter(|finding| within(finding, &row.pointer));
        own.clone()
            .find(|finding| finding.is_error())
            .or_else(|| own.next())
    }

    /// Something is wrong in this task itself, or in what it contains.
    pub(super) fn wrong(&self, pointer: &str, ctx: &Ctx<'_>) -> bool {
        let findings = self.draft.findings(ctx).unwrap_or_default();
        findings
            .iter()
            .filter(|finding| finding.is_error())
            .any(|finding| within(finding, pointer))
    }

    fn draw_right(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        match &self.open {
            Some(Open::Line(question)) => self.draw_question(question, ctx, area, buf),
            Some(Open::Task(text, _)) => {
                let name = clean_line(self.draft.task().map_or("", |task| task.name.as_str()));
                let foot = format!("{} takes it", FieldKey::ESC.label(ctx.keymap));
                let pane = match self.draft.is_form() {
                    true => {
                        let length = prose::length(&written(text));
                        Pane::new(&name).title(Role::Dim, format!("  {length}"))
                    }
                    false => Pane::new(format!("Task {name}")),
                };
                draw_area(text, pane.foot(Role::Dim, foot), ctx, area, buf);
            }
            Some(Open::Text(text)) => {
                let at = text.cursor();
                let foot = format!(
                    "{}:{}  {} back",
                    at.0 + 1,
                    at.1 + 1,
                    FieldKey::ESC.label(ctx.keymap)
                );
                draw_area(text, Pane::new("Text").foot(Role::Dim, foot), ctx, area, buf);
            }
            // A dry run fills the page.
            Some(Open::Trial(_)) => {}
            Some(Open::Publish | Open::Leave) | None if self.diff => self.draw_changed(ctx, area, buf),
            Some(Open::Publish | Open::Leave) | None if !self.what.canvas => {
                self.draw_beside(ctx, area, buf);
            }
            Some(Open::Publish | Open::Leave) | None => {
                let inner = Pane::new("Canvas")
                    .focus(self.focus == Focus::Canvas && self.open.is_none())
                    .draw(area, ctx.theme, buf);
                self.canvas.borrow_mut().draw(&self.draft, ctx, inner, buf);
            }
        }
    }

    fn draw_question(&self, question: &Question, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let inner = Pane::new(clean_line(&question.head(&self.draft)))
            .focus(true)
            .draw(area, ctx.theme, buf);
        Line::new()
            .add(Role::Key, " › ")
            .add(Role::Mine, &question.typed)
            .add(Role::Caret, " ")
            .draw_row(0, inner, ctx.theme, buf);
        let options = question.options(&self.draft);
        let list = Rect {
            y: inner.y.saturating_add(1),
            height: inner.height.saturating_sub(1),
            ..inner
        };
        let first = first_row(question.at, options.len(), usize::from(list.height));
        for (row, (at, (name, doc))) in (0u16..list.height).zip(options.iter().enumerate().skip(first)) {
            let here = at == question.at;
            Line::new()
                .add(Role::Focus, if here { " ▸" } else { "  " })
                .add_fit(
                    if here { Role::Selected } else { Role::Text },
                    clean_line(name),
                    20,
                )
                .add(Role::Dim, format!(" {}", clean_line(doc)))
                .draw_row(row, list, ctx.theme, buf);
        }
    }

    /// What is wrong: with the dry run that is looked at, or with the text as it stands.
    pub(super) fn findings<'a>(&'a self, ctx: &Ctx<'a>) -> Option<&'a [Diagnostic]> {
        match &self.open {
            Some(Open::Trial(trial)) => Some(&trial.findings),
            _ => self.draft.findings(ctx),
        }
    }

    /// What is asked or wrong, as lines.
    pub(super) fn finding_lines(&self, ctx: &Ctx<'_>, cells: usize) -> Vec<Line> {
        if matches!(self.open, Some(Open::Publish)) {
            let (head, about) = self.publishes(ctx);
            return yes_or_no(&head, &about, cells, ctx);
        }
        if matches!(self.open, Some(Open::Leave)) {
            let about = format!("{MAX_DRAFTS} are kept already, this one would be lost.");
            return yes_or_no("Leave the draft?", &about, cells, ctx);
        }
        let Some(findings) = self.findings(ctx) else {
            let words = if ctx.model.connection.is_live() {
                " checking…"
            } else {
                " not connected: nobody checks it; the draft is kept here"
            };
            return vec![Line::new().add(Role::Dim, words)];
        };
        if findings.is_empty() {
            let words = match &self.open {
                Some(Open::Trial(_)) => " ✓ no sample is made up, and nothing would fail",
                _ => " ✓ nothing is wrong",
            };
            return vec![Line::new().add(Role::Good, words)];
        }
        let findings = findings.iter();
        findings
            .flat_map(|finding| finding_rows(&self.place(finding), finding, cells))
            .collect()
    }

    /// Where a finding is: its row of a form, or its line.
    fn place(&self, finding: &Diagnostic) -> String {
        let mut rows = self.draft.tasks().iter().rev();
        let row = rows.find(|row| row.field.is_some() && within(finding, &row.pointer));
        row.map_or_else(|| finding.at.to_string(), |row| format!("{}:", row.name))
    }

    /// Whether to publish, under the name that the text says; another one of that name is not overlooked.
    fn publishes(&self, ctx: &Ctx<'_>) -> (String, String) {
        let own = self.draft.own_name();
        let name = clean_line(&own);
        let mut all = ctx.model.of_kind(self.what.kind).into_iter();
        let is_new = self.draft.base.is_empty() || own != self.draft.name;
        let about = if is_new && all.any(|named| named.name == own) {
            format!("As a new version of {name}, which is there.")
        } else if let Some(routes) = self.routes_asked(ctx) {
            routes
        } else {
            let stay = || "New runs begin with it; those under way stay on theirs.".to_owned();
            let moves = self.who_moves(ctx).filter(|_| !self.what.canvas);
            moves.map_or_else(stay, |moves| format!("{}.", capital(&moves)))
        };
        (format!("Publish {name}?"), about)
    }

    fn draw_findings(&self, lines: &[Line], ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let foot = format!(
            "{} to the next  {} publish",
            ctx.keymap.first(Action::Validate),
            ctx.keymap.first(Action::Publish)
        );
        let inner = Pane::new("Check")
            .foot(Role::Dim, foot)
            .draw(area, ctx.theme, buf);
        for (row, line) in (0u16..inner.height).zip(lines) {
            line.draw_row(row, inner, ctx.theme, buf);
        }
    }
}

/// `✗ 12:7 what is wrong. what to write instead`
fn finding_rows(place: &str, finding: &Diagnostic, cells: usize) -> Vec<Line> {
    let (sign, role) = match finding.severity {
        Severity::Error => ("✗", Role::Bad),
        Severity::Warning => ("!", Role::Warn),
    };
    let help = finding
        .help
        .as_ref()
        .map_or_else(String::new, |help| format!("; {help}"));
    let text = format!("{place} {}{help}", finding.message);
    wrap(&clean_line(&text), cells.saturating_sub(4))
        .into_iter()
        .enumerate()
        .map(|(at, row)| {
            Line::new()
                .add(
                    role,
                    if at == 0 {
                        format!(" {sign} ")
                    } else {
                        "   ".to_owned()
                    },
                )
                .add(Role::Text, row)
        })
        .collect()
}

fn draw_area(text: &TextArea<'static>, pane: Pane, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
    let inner = pane.focus(true).draw(area, ctx.theme, buf);
    draw_writing(text, true, inner, ctx.theme, buf);
}

/// A question that is answered with a yes or a no; its keys are in sight however much there is to say.
fn yes_or_no(head: &str, about: &str, cells: usize, ctx: &Ctx<'_>) -> Vec<Line> {
    let key = |action| ctx.keymap.first(action);
    let keys = |line: Line| {
        line.add(Role::Key, key(Action::Approve))
            .add(Role::Text, " yes   ")
            .add(Role::Key, key(Action::Back))
            .add(Role::Text, " no")
    };
    let asked = Line::new().add(Role::Heading, format!(" {head} "));
    let room = cells.saturating_sub(width(head) + 22);
    if width(about) <= room {
        return vec![keys(asked.add(Role::Text, format!("{about}   ")))];
    }
    let rows = wrap(about, cells.saturating_sub(2));
    let rows = rows
        .into_iter()
        .map(|row| Line::new().add(Role::Text, format!(" {row}")));
    std::iter::once(keys(asked.add(Role::Text, "  ")))
        .chain(rows)
        .collect()
}
