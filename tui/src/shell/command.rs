//! Actions that work everywhere, and the way from page to page.

use std::time::Duration;

use super::state::{Effect, Shell};
use crate::keymap::{Action, Group};
use crate::model::{LinkCmd, Note, Time};
use crate::nav::Place;
use crate::pages::closed::CLOSED;
use crate::pages::{Input, PAGES};

/// A second Esc within this time goes to the page's list.
const TWICE: Duration = Duration::from_millis(500);

/// Names of the five spaces.
pub(super) const SPACES: [&str; 5] = ["Operate", "Build", "Connect", "Observe", "Admin"];

impl Shell {
    /// Takes an action, whoever named it: a key or the palette.
    pub(super) fn take(&mut self, action: Action, time: Time) -> Vec<Effect> {
        if action.group() == Group::Everywhere {
            return self.everywhere(action, time);
        }
        if action == Action::Undo && !self.model.outbox.held().is_empty() {
            self.take_back();
            return Vec::new();
        }
        if let Some(why) = self.why_not(action, time) {
            self.note = Some(Note::refused(why));
            return Vec::new();
        }
        self.tell(Input::Action(action), time)
    }

    /// Why an action of this page cannot be taken now.
    pub(super) fn why_not(&self, action: Action, time: Time) -> Option<String> {
        if action.group() != Group::Everywhere
            && !self
                .page()
                .meta()
                .bindings
                .iter()
                .any(|bind| bind.action == action)
        {
            return Some(format!(
                "{} means nothing on {}",
                action.doc(),
                self.page().meta().title
            ));
        }
        self.page().why_not(action, &self.ctx(time))
    }

    fn everywhere(&mut self, action: Action, time: Time) -> Vec<Effect> {
        match action {
            Action::Help => self.open_help(),
            Action::Palette => self.open_palette(time),
            Action::PrevPage => return self.step_page(false, time),
            Action::NextPage => return self.step_page(true, time),
            Action::Oldest => return self.oldest(time),
            Action::HistoryBack | Action::HistoryForward => return self.history(action, time),
            Action::Redraw => return vec![Effect::Redraw],
            Action::Mouse => return self.switch_mouse(),
            Action::EditOutside => return self.look_outside(time),
            Action::PageOutside => return self.page_outside(time),
            Action::Quit => return self.quit(),
            Action::Interrupt => return self.interrupt(time),
            Action::Suspend => return vec![Effect::Suspend],
            Action::Back => return self.back(time),
            _ => match action.space() {
                Some(space) => return self.go_space(space, time),
                None => return self.tell(Input::Action(action), time),
            },
        }
        Vec::new()
    }

    fn back(&mut self, time: Time) -> Vec<Effect> {
        let twice = self
            .backed
            .is_some_and(|at| time.mono.saturating_sub(at) <= TWICE);
        self.backed = Some(time.mono);
        if twice {
            self.backed = None;
            let cmds = self.with_page(self.here, time, |page, ctx| page.open(&[], ctx));
            return self.run(cmds, time);
        }
        self.tell(Input::Action(Action::Back), time)
    }

    fn oldest(&mut self, time: Time) -> Vec<Effect> {
        match self
            .model
            .oldest(time)
            .map(|approval| Place::approval(approval.id))
        {
            Some(place) => self.go(&place, time),
            None => {
                self.note = Some(Note::info("nothing waits for a decision"));
                Vec::new()
            }
        }
    }

    fn go_space(&mut self, space: u8, time: Time) -> Vec<Effect> {
        match PAGES.iter().find(|meta| meta.space == space) {
            Some(meta) => self.go(&Place::page(meta.id), time),
            None => {
                let name = SPACES.get(usize::from(space) - 1).copied().unwrap_or_default();
                let key = self.keymap.first(Action::Palette);
                self.note = Some(Note::refused(format!(
                    "{name}: no page of it is open yet; {key} lists them all"
                )));
                Vec::new()
            }
        }
    }

    fn step_page(&mut self, forward: bool, time: Time) -> Vec<Effect> {
        let here = self.page().meta();
        let tabs: Vec<_> = PAGES.iter().filter(|meta| meta.space == here.space).collect();
        let at = tabs.iter().position(|meta| meta.id == here.id).unwrap_or(0);
        let next = if forward {
            (at + 1) % tabs.len()
        } else {
            (at + tabs.len() - 1) % tabs.len()
        };
        self.go(&Place::page(tabs[next].id), time)
    }

    fn history(&mut self, action: Action, time: Time) -> Vec<Effect> {
        let here = self.place();
        let place = match action {
            Action::HistoryBack => self.history.back(here),
            _ => self.history.forward(here),
        };
        match place {
            Some(place) => self.show(&place, time).unwrap_or_default(),
            None => {
                self.note = Some(Note::info("no more places in this direction"));
                Vec::new()
            }
        }
    }

    /// Goes to a place and remembers the way back.
    pub(super) fn go(&mut self, place: &Place, time: Time) -> Vec<Effect> {
        let from = self.place();
        if from == *place {
            return Vec::new();
        }
        match self.show(place, time) {
            Some(effects) => {
                self.history.leave(from);
                effects
            }
            None => {
                let closed = CLOSED.iter().find(|closed| closed.id == place.page);
                self.note = Some(Note::refused(match closed {
                    Some(closed) => format!("{} is closed: {}", closed.title, closed.why),
                    None => format!(
                        "there is no page `{}`; {} lists them all",
                        place.page,
                        self.keymap.first(Action::Palette)
                    ),
                }));
                Vec::new()
            }
        }
    }

    fn show(&mut self, place: &Place, time: Time) -> Option<Vec<Effect>> {
        let index = self.pages.iter().position(|page| page.meta().id == place.page)?;
        let mut effects = Vec::new();
        if index != self.here {
            let cmds = self.pages[self.here].leave();
            effects.extend(self.run(cmds, time));
            self.here = index;
            let cmds = self.with_page(index, time, |page, ctx| page.enter(ctx));
            effects.extend(self.run(cmds, time));
        }
        let cmds = self.with_page(index, time, |page, ctx| page.open(&place.path, ctx));
        effects.extend(self.run(cmds, time));
        Some(effects)
    }

    fn quit(&mut self) -> Vec<Effect> {
        let held = self.model.outbox.open();
        let draft = self
            .pages
            .iter()
            .find(|page| page.has_draft())
            .map(|page| page.meta().title);
        if !self.quit_asked && (held > 0 || draft.is_some()) {
            self.quit_asked = true;
            let key = self.keymap.first(Action::Quit);
            self.note = Some(Note::refused(match draft {
                Some(title) => format!("there is an unsaved text on {title}; {key} again quits and drops it"),
                None => format!(
                    "{held} not with the daemon yet; {key} again quits without waiting, and what is held is not sent"
                ),
            }));
            return Vec::new();
        }
        self.end()
    }

    /// Says that nothing was suspended: nobody could continue us.
    pub fn say_no_way_back(&mut self) {
        self.note = Some(Note::refused(
            "no shell with job control started this: there would be no way back",
        ));
    }

    pub(super) fn end(&mut self) -> Vec<Effect> {
        self.left = true;
        vec![Effect::Link(LinkCmd::Close), Effect::Quit]
    }
}
