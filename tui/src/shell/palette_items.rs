//! What the palette offers: actions of this page, pages, and the newest objects.

use super::palette::{Item, Target};
use super::state::Shell;
use crate::keymap::{Action, Command, Group};
use crate::model::Time;
use crate::nav::Place;
use crate::pages::PAGES;
use crate::pages::closed::CLOSED;

/// Most objects of a kind on offer.
const OBJECTS: usize = 200;

impl Shell {
    pub(super) fn palette_items(&self, time: Time) -> Vec<Item> {
        let mut items = Vec::new();
        for bind in self.page().meta().bindings {
            items.push(self.action(bind.action, bind.doc, self.why_not(bind.action, time)));
        }
        for meta in PAGES {
            items.push(Item {
                kind: "page",
                label: format!("{}: {}", meta.title, meta.about),
                key: self.page_key(meta.id),
                why: None,
                target: Target::Place(Place::page(meta.id)),
            });
        }
        for approval in self.model.undecided().take(OBJECTS) {
            items.push(Item {
                kind: "approval",
                label: format!("{} ({})", approval.body.title, approval.body.risk.as_str()),
                key: String::new(),
                why: None,
                target: Target::Place(Place::approval(approval.id)),
            });
        }
        for run in self.model.newest_runs().into_iter().take(OBJECTS) {
            items.push(Item {
                kind: "run",
                label: format!("{} {} {}", run.id.short(), run.body.workflow, run.status()),
                key: String::new(),
                why: None,
                target: Target::Place(Place::run(run.id)),
            });
        }
        for action in Action::ALL
            .iter()
            .filter(|action| action.group() == Group::Everywhere)
        {
            items.push(self.action(*action, action.doc(), None));
        }
        for closed in CLOSED {
            items.push(Item {
                kind: "page",
                label: closed.title.to_owned(),
                key: self.page_key(closed.id),
                why: Some(format!("closed: {}", closed.why)),
                target: Target::Place(Place::page(closed.id)),
            });
        }
        items
    }

    fn action(&self, action: Action, doc: &str, why: Option<String>) -> Item {
        let target = Target::Command(Command::Action(action));
        Item {
            kind: "action",
            label: doc.to_owned(),
            key: self.keymap.first(action),
            why,
            target,
        }
    }

    fn page_key(&self, id: &'static str) -> String {
        self.keymap
            .keys(Command::Page(id))
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    }
}
