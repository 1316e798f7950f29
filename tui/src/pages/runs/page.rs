//! The page itself: its actions, and the way between list and monitor.

use std::cell::RefCell;
use std::time::Duration;

use dirigent_protocol::id::RunId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::list::RunList;
use super::monitor::Monitor;
use super::speech::filter_field;
use crate::keymap::{Action, Bind, FieldKey};
use crate::model::{Cmd, LinkCmd, Note};
use crate::nav::Place;
use crate::pages::narrow::PANEL_KEYS;
use crate::pages::{Ctx, Field, Input, Meta, Page, Speech};

/// Its declaration.
pub const META: Meta = Meta {
    id: "runs",
    title: "Runs",
    space: 1,
    letter: 'r',
    about: "every run, and one run live: graph, timeline, stream, step",
    bindings: &[
        Bind::footer(Action::Open, "open, into"),
        Bind::footer(Action::Filter, "filter; find in the stream"),
        Bind::footer(Action::Facets, "facets"),
        Bind::footer(Action::Sort, "sort"),
        Bind::footer(Action::View, "graph, tree, timeline, who works"),
        Bind::footer(Action::Stop, "cancel the run (asks)"),
        Bind::footer(Action::Approve, "to the question of the run"),
        Bind::footer(Action::Pause, "pause the stream, follow"),
        Bind::footer(Action::Hold, "pause the run; let it go on"),
        Bind::footer(Action::Again, "again from here"),
        Bind::footer(Action::Mark, "fold, unfold"),
        Bind::footer(Action::Copy, "copy the id, the step as JSON"),
        Bind::new(Action::Edit, "again with another input"),
        Bind::new(Action::SortReverse, "reverse the order"),
        Bind::new(Action::Left, "step to the left"),
        Bind::new(Action::Right, "step to the right"),
        Bind::new(Action::Up, "up"),
        Bind::new(Action::Down, "down"),
        Bind::new(Action::Top, "first"),
        Bind::new(Action::Bottom, "last; in the stream: now"),
        Bind::new(Action::HalfUp, "half a page up"),
        Bind::new(Action::HalfDown, "half a page down"),
        Bind::new(Action::PageUp, "page up"),
        Bind::new(Action::PageDown, "page down"),
        Bind::new(Action::FullPane, "this pane alone"),
        Bind::new(Action::Wrap, "wrap lines of the stream"),
        Bind::new(Action::PrevTab, "previous tab of the step"),
        Bind::new(Action::NextTab, "next tab of the step"),
        Bind::new(Action::ZoomIn, "more detail, closer"),
        Bind::new(Action::ZoomOut, "less detail, wider"),
        Bind::new(Action::ZoomFit, "fit"),
        Bind::new(Action::PanLeft, "pan left"),
        Bind::new(Action::PanRight, "pan right"),
        Bind::new(Action::CriticalPath, "critical path"),
        Bind::new(Action::FindNext, "next hit in the stream, further back"),
        Bind::new(Action::FindPrev, "hit before, further on"),
        Bind::new(Action::CopyLink, "copy the link"),
    ],
};

/// The footer of the list.
const LIST_KEYS: &[Bind] = &[
    Bind::footer(Action::Open, "open"),
    Bind::footer(Action::Filter, "filter"),
    Bind::footer(Action::Facets, "facets"),
    Bind::footer(Action::Sort, "sort"),
    Bind::footer(Action::SortReverse, "reverse"),
    Bind::footer(Action::Copy, "copy id"),
];

/// The footer of the monitor.
const MONITOR_KEYS: &[Bind] = &[
    Bind::footer(Action::Approve, "to the question"),
    Bind::footer(Action::Open, "in"),
    Bind::footer(Action::View, "graph|tree|time|who"),
    Bind::footer(Action::Pause, "pause"),
    Bind::footer(Action::Mark, "fold"),
    Bind::footer(Action::Stop, "cancel…"),
    Bind::footer(Action::Hold, "hold run"),
    Bind::footer(Action::Again, "again…"),
    Bind::footer(Action::Copy, "copy"),
    Bind::footer(Action::Filter, "find"),
    Bind::footer(Action::FullPane, "full"),
];

/// The list of runs, or one run.
#[derive(Debug, Default)]
pub struct Runs {
    list: RefCell<RunList>,
    monitor: Option<Monitor>,
    /// The monitor's run was asked for while somebody was there to answer.
    followed: bool,
    /// A link that came before the runs it may mean: the client was started with it.
    wanted: Vec<String>,
}

impl Runs {
    fn close(&mut self) -> Vec<Cmd> {
        let gone = self.monitor.take();
        gone.map(|monitor| Cmd::Link(LinkCmd::Unfollow(monitor.run())))
            .into_iter()
            .collect()
    }

    /// What a link at the start of the client still needs, now that the daemon has spoken.
    fn catch_up(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if ctx.model.loaded && !self.wanted.is_empty() {
            let path = std::mem::take(&mut self.wanted);
            return self.open(&path, ctx);
        }
        let waits = ctx.model.connection.is_live() && !self.followed;
        match &self.monitor {
            Some(monitor) if waits && !ctx.model.journals.contains_key(&monitor.run()) => {
                self.followed = true;
                vec![Cmd::Link(LinkCmd::Follow(monitor.run()))]
            }
            _ => Vec::new(),
        }
    }

    fn act_on_list(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let list = self.list.get_mut();
        list.refresh(ctx);
        if list.narrow().is_open() && list.act(action, ctx) {
            return list.narrow().wants(ctx);
        }
        let of = |then: fn(&RunId) -> Cmd| list.selected().map(then).into_iter().collect();
        match action {
            Action::Open => of(|run| Cmd::Go(Place::run(run))),
            Action::Copy => of(|run| Cmd::Copy(run.to_string())),
            Action::CopyLink => of(|run| Cmd::Copy(Place::run(run).to_string())),
            action => {
                list.act(action, ctx);
                list.narrow().wants(ctx)
            }
        }
    }

    /// The run a link means: its id, or the end of it.
    fn find(text: &str, ctx: &Ctx<'_>) -> Result<RunId, String> {
        if let Ok(run) = text.parse() {
            return Ok(run);
        }
        let mut hits = ctx
            .model
            .runs
            .keys()
            .filter(|run| text.len() >= 4 && run.to_string().ends_with(text));
        match (hits.next(), hits.next()) {
            (Some(run), None) => Ok(*run),
            (Some(_), Some(_)) => Err(format!("more than one run ends with `{text}`")),
            _ => Err(format!("no run `{text}` here")),
        }
    }
}

impl Page for Runs {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&mut self, input: Input<'_>, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match (input, &mut self.monitor) {
            (Input::Data, monitor) => {
                let mut cmds = Vec::new();
                if let Some(monitor) = monitor {
                    monitor.data(ctx);
                    cmds = monitor.go_to_child(ctx);
                    cmds.extend(monitor.wants_members(ctx));
                }
                self.list.get_mut().touch();
                cmds.extend(self.catch_up(ctx));
                if self.monitor.is_none() {
                    cmds.extend(self.list.get_mut().narrow().wants(ctx));
                }
                return cmds;
            }
            (Input::Tick, Some(monitor)) => monitor.tick(ctx),
            (Input::Tick, None) => return self.list.get_mut().narrow().wants(ctx),
            (Input::Action(action), Some(monitor)) => return monitor.act(action, ctx),
            (Input::Action(action), None) => return self.act_on_list(action, ctx),
            (Input::Key(key), Some(monitor)) => return monitor.key(key),
            (Input::Key(key), None) => {
                let list = self.list.get_mut();
                list.key(key, ctx);
                return list.narrow().wants(ctx);
            }
            (Input::Paste(text), None) => {
                self.list.get_mut().type_text(text);
                self.list.get_mut().touch();
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        match &self.monitor {
            Some(monitor) => monitor.view(ctx, area, buf),
            None => {
                let mut list = self.list.borrow_mut();
                list.refresh(ctx);
                list.view(ctx, area, buf);
                list.narrow().draw(ctx, area, buf);
            }
        }
    }

    fn speech(&self, ctx: &Ctx<'_>) -> Speech {
        match &self.monitor {
            Some(monitor) => monitor.in_words(ctx),
            None if self.list.borrow().narrow().is_open() => {
                self.list.borrow().narrow().in_words(META.id, ctx)
            }
            None => self.list.borrow_mut().in_words(ctx),
        }
    }

    fn spoken(&self, _end: bool, _ctx: &Ctx<'_>) {
        if let Some(monitor) = &self.monitor {
            monitor.was_said();
        }
    }

    fn happened(&mut self, ctx: &Ctx<'_>) -> Vec<String> {
        match &mut self.monitor {
            Some(monitor) => {
                monitor.begin_telling(ctx);
                monitor.tell(ctx)
            }
            None => Vec::new(),
        }
    }

    fn is_reading(&self, ctx: &Ctx<'_>) -> bool {
        let early = !self.wanted.is_empty() && !ctx.model.loaded;
        let counting = self.monitor.is_none() && self.list.borrow().narrow().waits(ctx);
        early
            || counting
            || self
                .monitor
                .as_ref()
                .is_some_and(|monitor| monitor.is_reading(ctx))
    }

    fn is_busy(&self, ctx: &Ctx<'_>) -> bool {
        self.monitor.as_ref().is_some_and(|monitor| monitor.is_busy(ctx))
    }

    fn asks(&self) -> bool {
        self.monitor.as_ref().is_some_and(Monitor::asks)
    }

    fn field(&self, _ctx: &Ctx<'_>) -> Field {
        match &self.monitor {
            Some(monitor) => monitor.field(),
            None => filter_field(),
        }
    }

    fn crumbs(&self, ctx: &Ctx<'_>) -> Vec<String> {
        match &self.monitor {
            Some(monitor) => monitor.crumbs(ctx),
            None => self.list.borrow().narrow().crumb().into_iter().collect(),
        }
    }

    fn place(&self) -> Place {
        match &self.monitor {
            Some(monitor) => monitor.place(),
            None if self.list.borrow().narrow().is_open() => Place::object(META.id, "facets"),
            None => Place::page(META.id),
        }
    }

    fn open(&mut self, path: &[String], ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(text) = path.first() else {
            let list = self.list.get_mut();
            list.touch();
            list.close();
            return self.close();
        };
        if self.list.get_mut().follow_facet(path) {
            let mut cmds = self.close();
            cmds.extend(self.list.get_mut().narrow().wants(ctx));
            return cmds;
        }
        let run = match Self::find(text, ctx) {
            Ok(run) => run,
            Err(_) if !ctx.model.loaded => {
                self.wanted = path.to_vec();
                return Vec::new();
            }
            Err(why) => return vec![Cmd::Note(Note::refused(why))],
        };
        let mut cmds = Vec::new();
        if self.monitor.as_ref().is_none_or(|monitor| monitor.run() != run) {
            cmds = self.close();
            self.list.get_mut().select(run);
            self.monitor = Some(Monitor::new(run));
            self.followed = ctx.model.connection.is_live();
            cmds.push(Cmd::Link(LinkCmd::Follow(run)));
        }
        if let Some(monitor) = &mut self.monitor {
            monitor.calm();
            monitor.data(ctx);
            if path.get(1).is_some_and(|part| part == "who") {
                monitor.show_who();
            }
            if let Some(step) = path
                .get(2)
                .filter(|_| path.get(1).is_some_and(|part| part == "step"))
            {
                monitor.open_step(step);
            }
        }
        cmds
    }

    fn enter(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let list = self.list.get_mut();
        list.touch();
        match &self.monitor {
            Some(monitor) => vec![Cmd::Link(LinkCmd::Follow(monitor.run()))],
            None => list.narrow().wants(ctx),
        }
    }

    fn leave(&mut self) -> Vec<Cmd> {
        let followed = self
            .monitor
            .as_ref()
            .map(|monitor| Cmd::Link(LinkCmd::Unfollow(monitor.run())));
        followed.into_iter().collect()
    }

    fn transcript(&self, ctx: &Ctx<'_>) -> Option<String> {
        self.monitor.as_ref().map(|monitor| monitor.transcript(ctx))
    }

    fn keep(&self) -> serde_json::Value {
        self.list.borrow().keep()
    }

    fn take_up(&mut self, kept: &serde_json::Value, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let list = self.list.get_mut();
        list.take_up(kept);
        list.narrow().wants(ctx)
    }

    fn footer(&self) -> &'static [Bind] {
        if self.monitor.is_some() {
            MONITOR_KEYS
        } else if self.list.borrow().narrow().is_open() {
            PANEL_KEYS
        } else {
            LIST_KEYS
        }
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        let panel = self.monitor.is_none() && self.list.borrow().narrow().is_open();
        match (&self.monitor, action) {
            (Some(_), Action::Facets) => Some("facets are of the list".to_owned()),
            (None, Action::Mark | Action::Open) if panel => None,
            (Some(monitor), action) => monitor.why_not(action, ctx),
            (None, Action::Open | Action::Copy | Action::CopyLink)
                if self.list.borrow().selected().is_none() =>
            {
                Some("there is no run".to_owned())
            }
            (
                None,
                Action::View
                | Action::Stop
                | Action::Hold
                | Action::Again
                | Action::Edit
                | Action::Approve
                | Action::Pause
                | Action::Mark
                | Action::Left
                | Action::Right
                | Action::FullPane
                | Action::Wrap
                | Action::PrevTab
                | Action::NextTab
                | Action::ZoomIn
                | Action::ZoomOut
                | Action::ZoomFit
                | Action::PanLeft
                | Action::PanRight
                | Action::CriticalPath
                | Action::FindNext
                | Action::FindPrev,
            ) => Some("open a run first".to_owned()),
            _ => None,
        }
    }

    fn wants_text(&self) -> bool {
        match &self.monitor {
            Some(monitor) => monitor.wants_text(),
            None => self.list.borrow().narrow().typing(),
        }
    }

    fn field_keys(&self) -> &'static [(FieldKey, &'static str)] {
        if self.monitor.is_some() {
            &[(FieldKey::ENTER, "find, start"), (FieldKey::ESC, "no")]
        } else {
            &[(FieldKey::ENTER, "keep the filter"), (FieldKey::ESC, "all runs")]
        }
    }

    fn next_change(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        match &self.monitor {
            Some(monitor) => monitor.next_change(ctx),
            None => {
                let list = self.list.borrow();
                let due = list.narrow().due(ctx);
                list.next_change(ctx).into_iter().chain(due).min()
            }
        }
    }
}
