//! What is said behind a command: what was noted, what was asked, and what is different on the page.
//!
//! Invariant: every command is answered with at least one line.

use super::dialogue::{Dialogue, base};
use crate::keymap::Action;
use crate::model::{GRACE, NoteKind, Time};
use crate::shell::Effect;

impl Dialogue {
    /// Says what came of a command called `doc`.
    pub(super) fn report(&mut self, doc: &str, effects: &[Effect], time: Time) {
        let mut said = self.say_notes();
        for effect in effects {
            if let Effect::Show(text) = effect {
                said = true;
                self.voice.say("To copy:");
                text.split('\n')
                    .for_each(|line| self.voice.say(format!("| {line}")));
            }
        }
        said |= self.say_held();
        if effects.iter().any(|effect| matches!(effect, Effect::Quit)) {
            self.voice.say("Runs go on in the daemon.");
            return;
        }
        if let Some(field) = self.shell.field(time) {
            self.ask(field);
            return;
        }
        self.field = None;
        let place = base(&self.shell.place());
        if place != self.place {
            self.place = place;
            self.pending = true;
            self.say_when_read(time);
            if self.pending {
                self.voice.say("Reading.");
            }
            return;
        }
        let speech = self.shell.speech(time);
        said |= self.reader.differences(speech, &mut self.voice);
        if !said {
            self.voice.say(format!("{doc}: nothing to hear changed."));
        }
    }

    /// Says the page, unless it is still being read.
    pub(super) fn say_when_read(&mut self, time: Time) {
        let model = self.shell.model();
        let hopeless = matches!(model.connection.link, crate::model::Link::Down { .. });
        if self.pending && (hopeless || model.loaded && !self.shell.is_reading(time)) {
            self.say_page(time);
        }
    }

    /// Says the page anew.
    pub(super) fn say_page(&mut self, time: Time) {
        self.pending = false;
        self.place = base(&self.shell.place());
        if !self.model().connection.is_live() && self.model().loaded {
            let word = self.model().connection.label().1;
            self.voice.say(format!("The last known state, {word}."));
        }
        let end = self.reader.whole(self.shell.speech(time), &mut self.voice);
        self.shell.spoken(end, time);
        drop(self.shell.happened(time));
        if end {
            self.suggest(time);
        }
    }

    /// Says what was noted; true if anything was.
    pub(super) fn say_notes(&mut self) -> bool {
        let notes = self.shell.notes();
        for note in &notes {
            let text = &note.text;
            self.voice.say(match note.kind {
                NoteKind::Info => text.clone(),
                NoteKind::Refused => format!("Not done: {text}"),
                NoteKind::Error => format!("Error: {text}"),
            });
        }
        !notes.is_empty()
    }

    /// Says decisions that are held since the last time.
    pub(super) fn say_held(&mut self) -> bool {
        let undo = self.key_of(Action::Undo);
        let held = self.shell.model().outbox.held();
        let mut lines = Vec::new();
        for held in held
            .iter()
            .filter(|held| !self.held.contains(&held.verdict.approval))
        {
            let reason = held.verdict.reason.as_ref();
            let reason = reason.map_or_else(String::new, |reason| format!(", because: {reason}"));
            lines.push(format!(
                "Held, not sent yet: {}{reason}. It is sent in {} seconds; {undo} takes it back.",
                held.verdict.title,
                GRACE.as_secs()
            ));
        }
        self.held = held.iter().map(|held| held.verdict.approval).collect();
        lines.iter().for_each(|line| self.voice.say(line));
        !lines.is_empty()
    }

    pub(super) fn key_of(&self, action: Action) -> String {
        self.shell.key_of(action)
    }
}
