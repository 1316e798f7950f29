//! The builder: which pane has the keys, what is being asked, and what each action does to the draft.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dirigent_protocol::dry_run::DryRunQuery;
use ratatui_textarea::{CursorMove, TextArea};

use super::canvas::Canvas;
use super::draft::Draft;
use super::form_edit;
use super::lines::Refusal;
use super::prose;
use super::question::{Purpose, Question};
use super::surgery::{self, Where};
use super::trial::Trial;
use super::what::What;
use crate::keymap::Action;
use crate::model::{Cmd, LinkCmd, Note};
use crate::pages::Ctx;
use crate::text::clean_line;
use crate::text::sanitize::is_hidden;
use crate::widgets::graph::Direction;
use crate::widgets::{writing, written};

/// Which pane has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Focus {
    /// The tasks, one below the other.
    #[default]
    Steps,
    /// The drawing.
    Canvas,
}

/// What is being typed or asked.
#[derive(Debug)]
pub(super) enum Open {
    /// A line.
    Line(Question),
    /// The text of one task, or words of several lines of a row.
    Task(Box<TextArea<'static>>, String),
    /// The whole text.
    Text(Box<TextArea<'static>>),
    /// Whether to publish.
    Publish,
    /// Whether to leave a draft that cannot be kept.
    Leave,
    /// A dry run of it.
    Trial(Box<Trial>),
}

/// The builder of one workflow.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) what: &'static What,
    pub(super) draft: Draft,
    pub(super) focus: Focus,
    pub(super) open: Option<Open>,
    /// What changed stands in the place of the drawing.
    pub(super) diff: bool,
    /// What is to be tried out, and the input, until the page has sent it.
    pub(super) definition: Option<serde_json::Value>,
    pub(super) sent: Option<serde_json::Value>,
    /// A dry run was asked for.
    pub(super) trying: Option<DryRunQuery>,
    pub(super) canvas: RefCell<Canvas>,
    pub(super) height: Cell<usize>,
    /// How far what stands beside a form is scrolled, and how far it can be.
    pub(super) scroll: Cell<(usize, usize)>,
}

impl Builder {
    pub(super) fn new(what: &'static What, draft: Draft) -> Self {
        let text = !what.canvas && !draft.is_form();
        let text = text.then(|| Open::Text(Box::new(area(draft.text()))));
        Self {
            what,
            draft,
            focus: Focus::default(),
            open: text,
            diff: false,
            definition: None,
            sent: None,
            trying: None,
            canvas: RefCell::default(),
            height: Cell::new(10),
            scroll: Cell::default(),
        }
    }

    /// A text has the keys.
    pub(super) const fn wants_text(&self) -> bool {
        matches!(self.open, Some(Open::Line(_) | Open::Task(..) | Open::Text(_)))
    }

    /// Takes an action; none where one leaves the builder.
    pub(super) fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Option<Vec<Cmd>> {
        let now = ctx.time.mono;
        if matches!(self.open, Some(Open::Publish)) {
            return Some(self.confirm(action));
        }
        if matches!(self.open, Some(Open::Leave)) {
            self.open = None;
            return (action != Action::Approve).then(Vec::new);
        }
        if matches!(self.open, Some(Open::Trial(_))) {
            return Some(self.act_in_trial(action, ctx));
        }
        if let Some(cmds) = self.act_in_form(action, ctx) {
            return Some(cmds);
        }
        match action {
            Action::Back if self.open.is_some() => self.open = None,
            Action::Back if self.diff => self.diff = false,
            Action::Back => return None,
            Action::Save => return Some(self.save(now)),
            Action::NextPane | Action::PrevPane => {
                self.focus = if self.focus == Focus::Steps {
                    Focus::Canvas
                } else {
                    Focus::Steps
                };
            }
            Action::Insert => self.ask(Purpose::Add(Where::Behind)),
            Action::InsertBefore => self.ask(Purpose::Add(Where::Before)),
            Action::Link => {
                let cases = self.draft.task().is_some_and(|task| !task.cases.is_empty());
                self.ask(if cases { Purpose::Case } else { Purpose::Link });
            }
            Action::Rename => self.ask(Purpose::Rename),
            Action::Try if self.simulates() => self.focus = Focus::Canvas,
            Action::Try => self.ask(if self.what.canvas {
                Purpose::Try
            } else {
                Purpose::Trial
            }),
            Action::Stop => return Some(self.on_task("deleted", now, surgery::delete)),
            Action::NextItem => {
                return Some(self.on_task("moved", now, |text, on| surgery::shift(text, on, false)));
            }
            Action::PrevItem => {
                return Some(self.on_task("moved", now, |text, on| surgery::shift(text, on, true)));
            }
            Action::Open | Action::Edit if self.what.canvas => return Some(self.edit_task()),
            Action::Open | Action::Edit => self.open = Some(Open::Text(Box::new(area(self.draft.text())))),
            Action::View => self.open = Some(Open::Text(Box::new(area(self.draft.text())))),
            Action::Validate => return Some(self.jump_to_error(ctx)),
            Action::Undo | Action::Redo => return Some(self.step_back(action == Action::Redo, now)),
            Action::Diff => self.diff = !self.diff,
            Action::Publish => self.open = Some(Open::Publish),
            Action::Copy => return Some(vec![Cmd::Copy(self.draft.text().to_owned())]),
            action => self.step(action, ctx),
        }
        Some(Vec::new())
    }

    /// Goes one edit back, or forward again.
    fn step_back(&mut self, forward: bool, now: Duration) -> Vec<Cmd> {
        match (self.draft.step_back(forward, now), forward) {
            (true, _) => Vec::new(),
            (false, true) => note(Note::refused("nothing to do again")),
            (false, false) => note(Note::refused("nothing to undo")),
        }
    }

    pub(super) fn ask(&mut self, purpose: Purpose) {
        self.open = Some(Open::Line(Question::new(purpose)));
    }

    fn confirm(&mut self, action: Action) -> Vec<Cmd> {
        self.open = None;
        if action != Action::Approve {
            return note(Note::info("not published"));
        }
        let own = self.draft.own_name();
        let name = clean_line(&own);
        vec![Cmd::Link(LinkCmd::Apply {
            what: format!("publish {name}"),
            file: format!("{name}.yaml"),
            source: self.draft.text().to_owned(),
        })]
    }

    /// An edit of the task one stands on.
    pub(super) fn on_task(
        &mut self,
        done: &str,
        now: Duration,
        edit: impl FnOnce(&str, &str) -> Result<surgery::Edited, Refusal>,
    ) -> Vec<Cmd> {
        let Some(task) = self.draft.task() else {
            return note(Note::refused("there is no task"));
        };
        let (name, on) = (task.name.clone(), task.pointer.clone());
        let edited = edit(self.draft.text(), &on);
        match self.draft.take(edited, now) {
            Ok(()) => note(Note::info(format!("{name} {done}"))),
            Err(why) => note(Note::refused(why)),
        }
    }

    fn edit_task(&mut self) -> Vec<Cmd> {
        let Some(on) = self.draft.on.clone() else {
            return note(Note::refused("there is no task"));
        };
        match surgery::text_of(self.draft.text(), &on) {
            Ok(text) => {
                self.open = Some(Open::Task(Box::new(area(&text)), on));
                Vec::new()
            }
            Err(why) => note(Note::refused(why)),
        }
    }

    /// Words of several lines, in a window of their own.
    pub(super) fn open_prose(&mut self, pointer: &str) {
        let words = prose::at(self.draft.text(), &form_edit::path(pointer));
        self.open = Some(Open::Task(Box::new(area(&words)), pointer.to_owned()));
    }

    /// The whole text at the next thing that is wrong.
    pub(super) fn jump_to_error(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(findings) = self.findings(ctx) else {
            return note(Note::info("the daemon has not looked at it yet"));
        };
        let worst = findings.iter().find(|finding| finding.is_error());
        let Some(first) = worst.or_else(|| findings.first()).cloned() else {
            return note(Note::info("nothing is wrong"));
        };
        self.open_text_at(first.at.line, first.at.column);
        note(Note::info(format!("{}: {}", first.at, first.message)))
    }

    /// The whole text, at a line and a column that count from 1.
    pub(super) fn open_text_at(&mut self, line: u32, column: u32) {
        let mut text = area(self.draft.text());
        let at = |number: u32| u16::try_from(number.saturating_sub(1)).unwrap_or(u16::MAX);
        text.move_cursor(CursorMove::Jump(at(line), at(column)));
        self.open = Some(Open::Text(Box::new(text)));
    }

    /// Takes what is being typed.
    fn save(&mut self, now: Duration) -> Vec<Cmd> {
        match self.open.take() {
            Some(Open::Task(area, on)) => {
                let (text, new) = (self.draft.text(), written(&area));
                let edited = match self.draft.is_form() {
                    true => form_edit::set_prose(text, &on, &new),
                    false => surgery::replace_task(text, &on, &new),
                };
                if let Err(why) = self.draft.take(edited, now) {
                    self.open = Some(Open::Task(area, on));
                    return note(Note::refused(why));
                }
                Vec::new()
            }
            Some(Open::Text(_)) => Vec::new(),
            other => {
                self.open = other;
                note(Note::info("the draft is kept as you go"))
            }
        }
    }

    fn step(&mut self, action: Action, ctx: &Ctx<'_>) {
        let direction = match action {
            Action::Left => Some(Direction::Left),
            Action::Right => Some(Direction::Right),
            Action::Up => Some(Direction::Up),
            Action::Down => Some(Direction::Down),
            _ => None,
        };
        if self.focus == Focus::Canvas && !self.what.canvas {
            return self.scroll_beside(action);
        }
        if let (Focus::Canvas, Some(direction)) = (self.focus, direction) {
            if let Some(on) = self.canvas.borrow_mut().step(&self.draft, direction, ctx) {
                self.draft.on = Some(on);
            }
            return;
        }
        let tasks = self.draft.shown();
        let here = tasks
            .iter()
            .position(|task| Some(&task.pointer) == self.draft.on.as_ref())
            .unwrap_or(0);
        let page = self.height.get().max(1);
        let there = match action {
            Action::Up => here.saturating_sub(1),
            Action::Down => here + 1,
            Action::HalfUp => here.saturating_sub(page / 2),
            Action::HalfDown => here + page / 2,
            Action::PageUp => here.saturating_sub(page),
            Action::PageDown => here + page,
            Action::Top => 0,
            Action::Bottom => tasks.len(),
            _ => here,
        };
        let there = there.min(tasks.len().saturating_sub(1));
        self.draft.on = tasks.get(there).map(|task| task.pointer.clone());
    }

    /// A key for what is being typed.
    pub(super) fn key(&mut self, key: &KeyEvent, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let now = ctx.time.mono;
        match &mut self.open {
            Some(Open::Line(question)) => {
                let options = question.options(&self.draft);
                match (key.code, question.key(key, options.len())) {
                    (KeyCode::Esc, _) => self.open = None,
                    (KeyCode::Enter, _) => return self.answered(ctx),
                    _ => {}
                }
                Vec::new()
            }
            Some(Open::Task(area, _) | Open::Text(area)) => {
                if key.code == KeyCode::Esc {
                    return self.leave_text(now);
                }
                if matches!(key.code, KeyCode::Char(c) if is_hidden(c)) {
                    return note(Note::refused("a character nobody would see is not taken"));
                }
                let held = key
                    .modifiers
                    .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
                if key.code == KeyCode::Tab && !held {
                    area.insert_str("  ");
                } else {
                    area.input(*key);
                }
                self.follow_text(now);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Esc in a text: the whole text is the draft already; the text of one task is taken as it stands.
    fn leave_text(&mut self, now: Duration) -> Vec<Cmd> {
        match &self.open {
            Some(Open::Task(..)) => self.save(now),
            _ => {
                self.open = None;
                Vec::new()
            }
        }
    }

    fn follow_text(&mut self, now: Duration) {
        if let Some(Open::Text(area)) = &self.open {
            self.draft.typed(written(area), now);
        }
    }

    /// A pasted text, or the whole text from the plain view.
    pub(super) fn paste(&mut self, text: &str, whole: bool, now: Duration) {
        let clean = crate::text::clean(text).into_owned();
        match &mut self.open {
            Some(Open::Line(question)) => question.paste(&clean),
            Some(Open::Task(area, _) | Open::Text(area)) => {
                if whole {
                    **area = self::area(&clean);
                } else {
                    area.insert_str(clean);
                }
                self.follow_text(now);
            }
            _ => {}
        }
    }

    fn answered(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let now = ctx.time.mono;
        let Some(Open::Line(question)) = self.open.take() else {
            return Vec::new();
        };
        let Some(answer) = question.answer(&self.draft) else {
            self.open = Some(Open::Line(question));
            return note(Note::refused("nothing is called so"));
        };
        match question.purpose {
            Purpose::Add(place) => self.on_task("got a neighbour", now, |text, on| {
                let at = surgery::TEMPLATES.iter().position(|(name, ..)| *name == answer);
                surgery::add(text, on, place, at.unwrap_or(0))
            }),
            Purpose::Case => {
                let task = self.draft.task();
                let at = task.and_then(|task| task.cases.iter().position(|(name, _)| *name == answer));
                self.ask(at.map_or(Purpose::Link, Purpose::LinkCase));
                Vec::new()
            }
            Purpose::LinkCase(case) => self.on_task("is connected", now, |text, on| {
                let to = if answer == super::question::NEXT {
                    "continue"
                } else {
                    answer.as_str()
                };
                surgery::connect_case(text, on, case, to)
            }),
            Purpose::Link => self.on_task("is connected", now, |text, on| {
                let to = (answer != super::question::NEXT).then_some(answer.as_str());
                surgery::connect(text, on, to)
            }),
            Purpose::Rename => self.on_task("renamed", now, |text, on| surgery::rename(text, on, &answer)),
            Purpose::Try | Purpose::Trial => self.tries(&answer, ctx).unwrap_or_else(|why| {
                self.open = Some(Open::Line(question));
                note(Note::refused(why))
            }),
            Purpose::Begin => {
                self.begin(&answer, ctx);
                Vec::new()
            }
            purpose @ (Purpose::Row(_) | Purpose::Join(..)) => {
                let cmds = self.set_row(purpose, &answer, ctx);
                if !cmds.is_empty() {
                    // What was refused stays, to be mended.
                    self.open = Some(Open::Line(question));
                }
                cmds
            }
        }
    }
}

/// A text of the builder: tabs mean nothing in it.
fn area(text: &str) -> TextArea<'static> {
    writing(&text.replace('\t', "  "))
}

fn note(note: Note) -> Vec<Cmd> {
    vec![Cmd::Note(note)]
}
