//! What can be done, and what the palette finds: numbered lines, each with its key and, where it is closed, the reason.

use super::dialogue::Dialogue;
use super::voice::spoken;
use crate::keymap::{Action, Command};
use crate::model::Time;
use crate::shell::{Effect, Item, Offered, Target};

/// Most hits of the palette.
const HITS: usize = 20;

/// What a number of a menu takes.
#[derive(Debug, Clone)]
pub(super) enum Choice {
    /// An action.
    Action(Action),
    /// A hit of the palette.
    Item(Box<Item>),
}

impl Dialogue {
    /// Everything that can be done here, the rest of the dialogue's own words behind it.
    pub(super) fn help(&mut self, time: Time) {
        let offered = self.shell.offered(time);
        let mut lines = vec![format!(
            "{} actions. A number takes one, so does its key.",
            offered.len()
        )];
        lines.extend(offered.iter().enumerate().map(|(at, offer)| numbered(at, offer)));
        lines.push(
            "Without a number: g and a letter: a page. / and words: find. : and words: command.".to_owned(),
        );
        lines.push(
            "A place: run/ID, approval/ID. An empty line: reads on, or says the page again.".to_owned(),
        );
        lines.push(
            "wait: the next line waits until what is held is sent and the run ends or asks.".to_owned(),
        );
        lines.push("quiet: nothing is said unasked.".to_owned());
        self.reader.list(lines, &mut self.voice);
        self.menu = offered
            .into_iter()
            .map(|offer| Choice::Action(offer.action))
            .collect();
    }

    /// What the palette finds.
    pub(super) fn search(&mut self, query: &str, time: Time) -> Vec<Effect> {
        if query.is_empty() {
            self.voice.say("No command.");
            return Vec::new();
        }
        let found = self.shell.search(query, time);
        let all = found.len();
        let shown: Vec<Item> = found.into_iter().take(HITS).collect();
        let mut lines = vec![match all {
            0 => format!("Nothing is called {query}."),
            all if all > shown.len() => {
                format!("{all} found, the first {}. A number takes one.", shown.len())
            }
            all => format!("{all} found. A number takes one."),
        }];
        for (at, item) in shown.iter().enumerate() {
            let why = item
                .why
                .as_ref()
                .map_or_else(String::new, |why| format!(", not now: {why}"));
            lines.push(format!("{}: {}, {}{why}", at + 1, spoken(&item.label), item.kind));
        }
        self.reader.list(lines, &mut self.voice);
        self.menu = shown
            .into_iter()
            .map(|item| Choice::Item(Box::new(item)))
            .collect();
        Vec::new()
    }

    /// Takes what a number of a menu means.
    pub(super) fn choose(&mut self, choice: Choice, time: Time) -> Vec<Effect> {
        match choice {
            Choice::Action(action) => self.action(action, time),
            Choice::Item(item) => match (item.why, item.target) {
                (Some(why), _) => {
                    self.voice.say(format!("Not done: {}: {why}.", item.label));
                    Vec::new()
                }
                (None, Target::Command(Command::Action(action))) => self.action(action, time),
                (None, Target::Command(Command::Page(id))) => self.go(&crate::nav::Place::page(id), time),
                (None, Target::Place(place)) => self.go(&place, time),
            },
        }
    }

    /// What matters most here, in one line.
    pub(super) fn suggest(&mut self, time: Time) {
        let offered = self.shell.suggested(time);
        let own = offered
            .iter()
            .map(|offer| format!("{} {}", offer.key, spoken(offer.doc)));
        let always = ["? all".to_owned(), "q quit".to_owned()];
        let keys: Vec<String> = own.chain(always).collect();
        self.voice.say(format!("Keys: {}.", keys.join("; ")));
    }
}

fn numbered(at: usize, offer: &Offered) -> String {
    let key = match offer.key.as_str() {
        // Digits choose here; these actions go by their names.
        key if key.bytes().all(|byte| byte.is_ascii_digit()) => offer.action.name(),
        key => key,
    };
    let why = offer
        .why
        .as_ref()
        .map_or_else(String::new, |why| format!(", not now: {why}"));
    format!("{}: {key}: {}{why}", at + 1, spoken(offer.doc))
}
