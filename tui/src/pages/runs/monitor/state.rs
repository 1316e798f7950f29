//! The monitor of one run: what keys do to it, and when it changes by time alone.
//! Owns focus, prompts and the delay behind the cursor; pictures are `ui`'s, layout is `panes`'.
//! Invariant: nothing is stopped by one key; the key that confirms is another than the one that asked.

use std::cell::RefCell;
use std::time::Duration;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::again::Asked;
use super::focus::{Focus, Shown};
use super::panes;
use super::speech::Told;
use super::tried::Tried;
use super::ui::{Picture, Ui};
use crate::keymap::Action;
use crate::model::{Cmd, Journal, LinkCmd, Note, Steer};
use crate::nav::Place;
use crate::pages::Ctx;
use crate::widgets::graph::Direction;

/// The detail follows the cursor after this.
const DELAY: Duration = Duration::from_millis(60);

/// The monitor.
#[derive(Debug)]
pub(crate) struct Monitor {
    /// What keys have set.
    pub(super) shown: Shown,
    /// What is being typed to look for in the stream.
    pub(super) typing: Option<String>,
    /// The input of a fork that is being typed.
    pub(super) input: Option<String>,
    /// A run that comes from this one was asked for.
    pub(super) wait_for_child: bool,
    /// Runs that came from this one when it was looked at last.
    pub(super) known_children: usize,
    /// When stream and detail follow the cursor.
    pub(super) due: Option<Duration>,
    /// Columns of the last drawing.
    pub(super) columns: std::cell::Cell<u16>,
    /// How far it was told, line by line.
    pub(super) told: Told,
    /// It was said as it stands.
    pub(super) said: std::cell::Cell<bool>,
    /// A dry run that is looked at, in the place of a run of the daemon's.
    pub(super) tried: Option<Box<Tried>>,
    pub(super) ui: RefCell<Ui>,
}

impl Monitor {
    /// A monitor that knows nothing yet.
    pub(crate) fn new(run: RunId) -> Self {
        Self {
            shown: Shown {
                run,
                focus: Focus::default(),
                full: false,
                asked: Asked::Nothing,
                critical: false,
            },
            typing: None,
            input: None,
            wait_for_child: false,
            known_children: 0,
            due: None,
            columns: std::cell::Cell::new(120),
            told: Told::default(),
            said: std::cell::Cell::default(),
            tried: None,
            ui: RefCell::default(),
        }
    }

    /// Its run.
    pub(crate) const fn run(&self) -> RunId {
        self.shown.run
    }

    /// The mirror changed.
    pub(crate) fn data(&mut self, ctx: &Ctx<'_>) {
        if let Some(journal) = ctx.model.journals.get(&self.shown.run) {
            self.ui.get_mut().fold(journal);
        }
    }

    /// The events it shows: a dry run's own, or the run's as far as the mirror has them.
    pub(super) fn journal<'a>(&'a self, ctx: &Ctx<'a>) -> Option<&'a Journal> {
        match &self.tried {
            Some(tried) => Some(&tried.journal),
            None => ctx.model.journals.get(&self.shown.run),
        }
    }

    /// Time went on.
    pub(crate) fn tick(&mut self, ctx: &Ctx<'_>) {
        if self.due.is_some_and(|due| due <= ctx.time.mono) {
            self.due = None;
            let ui = self.ui.get_mut();
            ui.shown.clone_from(&ui.cursor);
        }
    }

    /// Goes to a step: the path behind the run in a link.
    pub(crate) fn open_step(&mut self, text: &str) {
        if let Ok(step) = text.replace("~1", "/").replace("~0", "~").parse() {
            let ui = self.ui.get_mut();
            ui.set_cursor(step);
            ui.shown.clone_from(&ui.cursor);
        }
    }

    /// Does what an action means here.
    pub(crate) fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match self.shown.asked {
            Asked::Cancel => return self.answer(action),
            Asked::Again => return self.answer_again(action, ctx),
            Asked::Nothing => {}
        }
        if action == Action::Back && self.typing.take().or(self.input.take()).is_some() {
            return Vec::new();
        }
        match action {
            Action::Back => return self.back(),
            Action::Open => return self.open(),
            Action::Stop => {
                self.shown.asked = Asked::Cancel;
                return Vec::new();
            }
            Action::Again => {
                self.shown.asked = Asked::Again;
                return Vec::new();
            }
            Action::Hold => return self.hold(),
            Action::Approve => return self.question(ctx),
            Action::NextPane => self.turn(1),
            Action::PrevPane => self.turn(Focus::ALL.len() - 1),
            Action::FullPane => self.shown.full = !self.shown.full,
            Action::View => self.change_picture(),
            Action::CriticalPath => self.shown.critical = !self.shown.critical,
            Action::PrevTab | Action::NextTab => self.ui.get_mut().step.turn(action == Action::NextTab),
            Action::Pause => self.ui.get_mut().stream.pause(),
            Action::Wrap => self.ui.get_mut().stream.toggle_wrap(),
            Action::Filter => {
                self.shown.focus = Focus::Stream;
                self.typing = Some(String::new());
            }
            Action::FindNext | Action::FindPrev => return self.seek(action == Action::FindNext),
            Action::Copy => return self.copy(),
            Action::CopyLink => return vec![Cmd::Copy(self.place().to_string())],
            Action::Mark => self.fold(),
            Action::ZoomIn | Action::ZoomOut | Action::ZoomFit => self.zoom(action),
            Action::PanLeft | Action::PanRight => self.pan(action == Action::PanRight),
            _ => {
                self.step(action);
                self.follow(ctx);
            }
        }
        Vec::new()
    }

    fn answer(&mut self, action: Action) -> Vec<Cmd> {
        self.shown.asked = Asked::Nothing;
        match action {
            Action::Approve => vec![Cmd::Link(LinkCmd::Steer {
                run: self.shown.run,
                how: Steer::Cancel,
            })],
            Action::Stop => vec![Cmd::Note(Note::refused(
                "not cancelled: the key that asks does not confirm",
            ))],
            _ => vec![Cmd::Note(Note::info("not cancelled"))],
        }
    }

    /// Pauses the run, or lets a paused one go on; nothing is lost by either.
    fn hold(&mut self) -> Vec<Cmd> {
        let how = if self.ui.get_mut().view.status == Status::Suspended {
            Steer::Resume
        } else {
            Steer::Pause
        };
        vec![Cmd::Link(LinkCmd::Steer {
            run: self.shown.run,
            how,
        })]
    }

    /// Up one level: the pane, the sub-graph, then the list.
    pub(super) fn back(&mut self) -> Vec<Cmd> {
        if self.shown.full {
            self.shown.full = false;
        } else if self.shown.focus != Focus::Picture {
            self.shown.focus = Focus::Picture;
        } else if !self.ui.get_mut().boxes.leave() {
            return vec![Cmd::Go(Place::page("runs"))];
        }
        Vec::new()
    }

    /// Down one level: into a container, to the question, or to the detail.
    fn open(&mut self) -> Vec<Cmd> {
        let picture = self.picture();
        let ui = self.ui.get_mut();
        if self.shown.focus == Focus::Picture && picture == Picture::Graph && ui.boxes.enter(&ui.graph) {
            return Vec::new();
        }
        let question = ui.cursor.as_ref().and_then(|cursor| ui.view.steps.get(cursor));
        if let Some((approval, _)) = question
            .filter(|step| !step.state.is_over())
            .and_then(|step| step.approval.as_ref())
        {
            return vec![Cmd::Go(Place::approval(approval))];
        }
        self.shown.focus = Focus::Step;
        Vec::new()
    }

    /// A decision is taken where everything about it is shown, not here.
    fn question(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let view = &self.ui.get_mut().view;
        let asking = view.asking();
        let step = asking.map(|(id, _)| id.to_string()).unwrap_or_default();
        let mine = || {
            ctx.model
                .pending()
                .filter(|approval| approval.body.run == self.shown.run.into())
        };
        let here = mine()
            .find(|approval| approval.body.step == step)
            .or_else(|| mine().next());
        let told = asking.and_then(|(_, step)| step.approval.as_ref().map(|(approval, _)| *approval));
        match here.map(|approval| approval.id).or(told) {
            Some(approval) => vec![Cmd::Go(Place::approval(approval))],
            None => vec![Cmd::Note(Note::refused("this run asks nothing"))],
        }
    }

    fn turn(&mut self, by: usize) {
        let at = Focus::ALL
            .iter()
            .position(|focus| *focus == self.shown.focus)
            .unwrap_or(0);
        self.shown.focus = Focus::ALL[(at + by) % Focus::ALL.len()];
    }

    fn picture(&self) -> Picture {
        self.ui.borrow().picture(self.columns.get())
    }

    fn change_picture(&mut self) {
        let next = match self.picture() {
            Picture::Graph => Picture::Tree,
            Picture::Tree => Picture::Timeline,
            Picture::Timeline if self.ui.get_mut().who.seen.is_some() => Picture::Who,
            Picture::Timeline | Picture::Who => Picture::Graph,
        };
        self.ui.get_mut().wanted = Some(next);
    }

    fn fold(&mut self) {
        let picture = self.picture();
        let ui = self.ui.get_mut();
        match (self.shown.focus, picture) {
            (Focus::Step, _) => ui.step.fold(),
            (Focus::Picture, Picture::Graph) => {
                ui.boxes.fold(&ui.graph);
                if let Some(pointer) = ui.boxes.selected().map(str::to_owned) {
                    ui.set_cursor(ui.instance(&pointer));
                }
            }
            (Focus::Picture, Picture::Tree) => {
                if let Some(cursor) = &ui.cursor {
                    ui.tree.fold(&ui.graph, &cursor.pointer);
                }
            }
            _ => {}
        }
    }

    fn zoom(&mut self, action: Action) {
        let boxes = self.shown.focus == Focus::Picture && self.picture() == Picture::Graph;
        let ui = self.ui.get_mut();
        match (boxes, action) {
            (true, Action::ZoomFit) => ui.boxes.fit(),
            (true, _) => ui.boxes.zoom(action == Action::ZoomIn),
            (false, Action::ZoomFit) => ui.timeline.fit(),
            (false, _) => ui.timeline.zoom(action == Action::ZoomIn),
        }
    }

    fn pan(&mut self, right: bool) {
        let boxes = self.shown.focus == Focus::Picture && self.picture() == Picture::Graph;
        let ui = self.ui.get_mut();
        if boxes {
            ui.boxes.pan(if right { 16 } else { -16 }, 0);
        } else {
            ui.timeline.pan(right);
        }
    }

    fn step(&mut self, action: Action) {
        let picture = if self.shown.focus == Focus::Timeline {
            Picture::Timeline
        } else {
            self.picture()
        };
        let focus = self.shown.focus;
        let ui = self.ui.get_mut();
        let rows: i32 = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::HalfUp => -8,
            Action::HalfDown => 8,
            Action::PageUp => -16,
            Action::PageDown => 16,
            Action::Top => -100_000,
            Action::Bottom => 100_000,
            _ => 0,
        };
        match (focus, action) {
            (Focus::Stream, Action::Bottom) => ui.stream.follow(),
            (Focus::Stream, Action::Top) => ui.stream.to_top(),
            (Focus::Stream, _) if rows != 0 => ui.stream.scroll(rows),
            (Focus::Step, _) if rows != 0 => ui.step.step(rows),
            (Focus::Step, Action::Left | Action::Right) => ui.step.turn(action == Action::Right),
            (Focus::Picture | Focus::Timeline, _) => move_cursor(ui, picture, action, rows),
            _ => {}
        }
    }

    fn follow(&mut self, ctx: &Ctx<'_>) {
        let ui = self.ui.get_mut();
        if ui.shown != ui.cursor {
            self.due = Some(ctx.time.mono + DELAY);
        }
    }

    fn copy(&mut self) -> Vec<Cmd> {
        let ui = self.ui.get_mut();
        let Some((id, step)) = ui
            .cursor
            .as_ref()
            .and_then(|id| Some((id, ui.view.steps.get(id)?)))
        else {
            return vec![Cmd::Note(Note::refused("this step has nothing to copy yet"))];
        };
        let value = |data: &Option<_>| data.as_ref().and_then(|data| ui.view.value(data)).cloned();
        let all = serde_json::json!({
            "step": id,
            "task": step.task.as_ref(),
            "state": step.state.sign().word,
            "attempt": step.attempt,
            "input": value(&step.input),
            "output": value(&step.output),
            "error": step.error,
        });
        vec![Cmd::Copy(serde_json::to_string_pretty(&all).unwrap_or_default())]
    }

    /// Draws it.
    pub(crate) fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.columns.set(area.width);
        let ui = &mut *self.ui.borrow_mut();
        panes::draw(
            &self.shown,
            (self.typed(), self.input.as_deref()),
            self.tried.as_deref(),
            ui,
            ctx,
            area,
            buf,
        );
    }
}

fn move_cursor(ui: &mut Ui, picture: Picture, action: Action, rows: i32) {
    let direction = match action {
        Action::Left => Direction::Left,
        Action::Right => Direction::Right,
        Action::Up => Direction::Up,
        Action::Down => Direction::Down,
        _ if picture == Picture::Who => {
            ui.who.scroll_by(rows);
            return;
        }
        _ if picture == Picture::Timeline => {
            ui.row_step(rows);
            return;
        }
        _ => {
            ui.tree_step(rows);
            return;
        }
    };
    ui.step(picture, direction);
}
