//! What is said unasked: a line for each thing that happened, never for time that went by.
//!
//! The connection and the person's own decisions always; questions that came and what the page follows unless quiet.

use std::collections::BTreeSet;

use super::dialogue::Dialogue;
use crate::keymap::Action;
use crate::model::{Approval, Link, Time};
use dirigent_protocol::id::EntityId;

/// Questions told one by one; more at once are counted.
const FEW: usize = 5;
/// Lines of what is followed said at once; of more the newest.
const LINES: usize = 200;

impl Dialogue {
    /// Says what happened since the last time.
    pub(super) fn hear(&mut self, time: Time) {
        let first = !self.was_loaded;
        self.say_connection();
        self.say_notes();
        self.say_held();
        self.say_questions(first, time);
        let happened = self.shell.happened(time);
        if !self.quiet && !self.pending {
            let over = happened.len().saturating_sub(LINES);
            if over > 0 {
                self.voice.say(format!("{over} lines passed by."));
            }
            happened.iter().skip(over).for_each(|line| self.voice.say(line));
        }
        self.say_when_read(time);
    }

    fn say_connection(&mut self) {
        let model = self.shell.model();
        let (live, loaded) = (model.connection.is_live(), model.loaded);
        let line = match (self.was_live, live, &model.connection.link) {
            (true, false, Link::Down { fault, .. }) => {
                Some(format!("Disconnected: {fault}. It tries again by itself."))
            }
            (false, true, _) if self.was_loaded => Some("Connected again.".to_owned()),
            _ => None,
        };
        let down = matches!(model.connection.link, Link::Down { .. });
        // Between a connection and its first word there is nothing to say.
        if live || down {
            self.was_live = live;
        }
        if let (Link::Down { fault, .. }, false, true) = (&model.connection.link, loaded, self.pending) {
            self.voice.say(format!(
                "The daemon is not there: {fault}. It tries again by itself."
            ));
        }
        line.into_iter().for_each(|line| self.voice.say(line));
        if loaded && !self.was_loaded {
            self.was_loaded = true;
            self.pending = true;
        }
    }

    fn say_questions(&mut self, first: bool, time: Time) {
        let model = self.shell.model();
        let pending: BTreeSet<EntityId> = model.pending().map(|approval| approval.id).collect();
        let open = self.shell.place();
        let in_sight = |approval: &Approval| {
            open.page == "runs" && open.path.first() == Some(&approval.body.run.to_string())
        };
        let new: Vec<&Approval> = model
            .undecided()
            .filter(|approval| !self.known.contains(&approval.id) && !in_sight(approval))
            .collect();
        // What waits when the first page is said was not new then.
        if !first && !self.quiet && !new.is_empty() {
            let key = self.key_of(Action::Oldest);
            let ctx = self.shell.ctx(time);
            let lines: Vec<String> = if new.len() > FEW {
                vec![format!(
                    "{} new questions wait; {key} opens the oldest.",
                    new.len()
                )]
            } else {
                let word = |approval: &&Approval| crate::pages::wording::request(approval, &ctx);
                let lines = new
                    .iter()
                    .map(|approval| format!("New question: {}.", word(approval)));
                lines.collect()
            };
            lines.iter().for_each(|line| self.voice.say(line));
        }
        self.known = pending;
    }
}
