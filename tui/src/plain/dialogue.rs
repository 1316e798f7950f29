//! The dialogue: a line of the person in, lines out. What a line means depends on what was asked last.
//!
//! It holds the shell and what was said of it; time and news come from outside, effects go back. Pure, like the shell.

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, KeyModifiers};
use dirigent_protocol::id::EntityId;

use super::editor::{Edited, Editor};
use super::menu::Choice;
use super::reader::Reader;
use super::voice::{Voice, spoken};
use crate::keymap::map::KeymapError;
use crate::keymap::{Action, Command, Group};
use crate::model::{LinkCmd, Model, Msg, News, Time};
use crate::nav::Place;
use crate::options::Options;
use crate::pages::{Field, PAGES};
use crate::shell::{Effect, Shell};

/// The shell, and what was said of it.
#[derive(Debug)]
pub struct Dialogue {
    pub(super) shell: Shell,
    pub(super) voice: Voice,
    pub(super) reader: Reader,
    /// The place that was said: page and object.
    pub(super) place: Place,
    /// The page is to be said as soon as it was read.
    pub(super) pending: bool,
    /// The text field that was asked for.
    pub(super) field: Option<Field>,
    editor: Option<Editor>,
    /// The palette asked for words.
    searching: bool,
    /// What the numbers of the last menu take.
    pub(super) menu: Vec<Choice>,
    pub(super) was_live: bool,
    pub(super) was_loaded: bool,
    /// Questions that were told.
    pub(super) known: BTreeSet<EntityId>,
    /// Held decisions that were told.
    pub(super) held: BTreeSet<EntityId>,
    /// Questions answered here that may still wait in the mirror.
    answered: BTreeSet<EntityId>,
    /// Nothing is said unasked.
    pub(super) quiet: bool,
    /// The next line waits for the end of what is under way.
    waiting: bool,
    /// Commands to the daemon whose answer is awaited.
    steering: usize,
}

impl Dialogue {
    /// A dialogue at its first page, nothing said but how it works.
    ///
    /// # Errors
    /// The person's own keys are wrong or in conflict.
    pub fn new(options: &Options, time: Time) -> Result<Self, KeymapError> {
        let mut options = options.clone();
        options.prefs.plain = true;
        // The word that confirms takes the place of the time on the screen.
        options.prefs.guard = std::time::Duration::ZERO;
        let shell = Shell::new(&options, time)?;
        let mut voice = Voice::new(options.theme.ascii);
        voice.say("Dirigent in plain lines. A number chooses, ? says what can be done, q leaves.");
        if options.read_only {
            voice.say("Read-only: nothing is changed.");
        }
        Ok(Self {
            place: base(&shell.place()),
            shell,
            voice,
            reader: Reader::default(),
            pending: true,
            field: None,
            editor: None,
            searching: false,
            menu: Vec::new(),
            was_live: false,
            was_loaded: false,
            known: BTreeSet::new(),
            held: BTreeSet::new(),
            answered: BTreeSet::new(),
            quiet: false,
            waiting: false,
            steering: 0,
        })
    }

    /// The mirror, for tests and for whoever only looks.
    #[must_use]
    pub const fn model(&self) -> &Model {
        self.shell.model()
    }

    /// Where one is.
    #[must_use]
    pub fn place(&self) -> Place {
        self.shell.place()
    }

    /// What there is to write, line by line.
    pub fn take_lines(&mut self) -> Vec<String> {
        self.voice.take()
    }

    /// What stands in front of the next line on a terminal.
    #[must_use]
    pub fn prompt(&self) -> String {
        let what = match (&self.editor, &self.field) {
            (Some(_), _) => "edit",
            (None, Some(_)) => "answer",
            (None, None) if self.searching => "command",
            (None, None) => self.place.page.as_str(),
        };
        format!("{what}> ")
    }

    /// Takes a line of the person.
    pub fn line(&mut self, text: &str, time: Time) -> Vec<Effect> {
        let text = text.trim_end_matches(['\n', '\r']);
        let effects = if self.editor.is_some() {
            self.edit(text, time)
        } else if self.shell.field(time).is_some() {
            self.answer(text, time)
        } else if std::mem::take(&mut self.searching) {
            self.search(text.trim(), time)
        } else {
            self.command(text.trim(), time)
        };
        self.sent(effects)
    }

    /// Takes news of the daemon.
    pub fn news(&mut self, news: News, time: Time) -> Vec<Effect> {
        if matches!(news, News::Done { .. }) {
            self.steering = self.steering.saturating_sub(1);
        }
        if let News::Decided {
            approval,
            result: Err(_),
        } = &news
        {
            self.answered.remove(approval);
        }
        let effects = self.shell.handle(Msg::News(news), time);
        let approvals = &self.shell.model().approvals;
        self.answered
            .retain(|id| approvals.get(id).is_some_and(|approval| approval.is_pending()));
        self.hear(time);
        self.sent(effects)
    }

    /// Time went on: held decisions are sent.
    pub fn tick(&mut self, time: Time) -> Vec<Effect> {
        let effects = self.shell.tick(time);
        self.hear(time);
        self.sent(effects)
    }

    /// Ctrl-C: cancels what was asked; the second one leaves.
    pub fn interrupt(&mut self, time: Time) -> Vec<Effect> {
        let asked =
            self.field.is_some() || std::mem::take(&mut self.searching) || std::mem::take(&mut self.waiting);
        self.editor = None;
        self.menu.clear();
        let effects = self.shell.act(Action::Interrupt, time);
        self.field = None;
        if asked {
            self.voice.say("Cancelled.");
        }
        self.report("Ctrl-C", &effects, time);
        self.sent(effects)
    }

    /// The input ended: what is asked is cancelled, nothing more is typed.
    pub fn input_ended(&mut self, time: Time) -> Vec<Effect> {
        self.waiting = false;
        if self.field.take().is_none() && self.editor.take().is_none() {
            return Vec::new();
        }
        self.voice
            .say("The input ended before the answer: nothing was decided by it.");
        self.editor = None;
        let effects = self.shell.press(KeyCode::Esc, KeyModifiers::NONE, time);
        drop(self.shell.notes());
        self.sent(effects)
    }

    /// Whether the next line can be taken: what the last one asked for is there.
    #[must_use]
    pub fn is_settled(&self, time: Time) -> bool {
        let model = self.shell.model();
        let idle = model.outbox.open() == 0 && self.answered.is_empty() && !self.shell.is_busy(time);
        !self.pending && self.steering == 0 && !(self.waiting && !idle && model.connection.is_live())
    }

    /// Waits no longer for an answer; what is there is said.
    pub fn give_up(&mut self, time: Time) {
        if self.waiting {
            return;
        }
        self.steering = 0;
        if self.pending {
            self.voice.say("No answer yet; what comes is said when it comes.");
            self.say_page(time);
        }
    }

    /// A text was written into a file, or was not.
    pub fn wrote(&mut self, result: std::io::Result<std::path::PathBuf>) {
        self.shell.wrote(result);
        self.say_notes();
    }

    /// Says why something is not done.
    pub fn refuse(&mut self, why: &str) {
        self.voice.say(why);
    }

    /// Leaves, as the key that quits would: it asks where something would be lost.
    pub fn leave(&mut self, time: Time) -> Vec<Effect> {
        self.action(Action::Quit, time)
    }

    /// After how long something changes by time alone.
    #[must_use]
    pub fn next_change(&self, time: Time) -> Option<std::time::Duration> {
        self.shell.next_change(time)
    }

    fn command(&mut self, text: &str, time: Time) -> Vec<Effect> {
        let menu = std::mem::take(&mut self.menu);
        match text {
            "" | "more" => {
                if self.reader.has_more() {
                    self.menu = menu;
                    if self.reader.more(&mut self.voice) {
                        self.shell.spoken(true, time);
                    }
                } else {
                    self.say_page(time);
                }
                return Vec::new();
            }
            "quiet" => {
                self.quiet = !self.quiet;
                self.voice.say(if self.quiet {
                    "Quiet: nothing is said unasked. The same word ends it."
                } else {
                    "What happens is said as it happens."
                });
                return Vec::new();
            }
            "wait" => {
                self.waiting = true;
                return Vec::new();
            }
            _ => {}
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.number(text, &menu, time);
        }
        match self.shell.named(text) {
            Some(Command::Action(action)) => self.action(action, time),
            Some(Command::Page(id)) => self.go(&Place::page(id), time),
            None => self.words(text, time),
        }
    }

    /// A command with its words behind it, or a place.
    fn words(&mut self, text: &str, time: Time) -> Vec<Effect> {
        if let Some(query) = text.strip_prefix(':') {
            return self.search(query.trim(), time);
        }
        if let Some(find) = text.strip_prefix('/') {
            let mut effects = self.shell.act(Action::Filter, time);
            if self.shell.field(time).is_some() {
                effects.extend(self.shell.type_line(find, time));
            }
            self.report("find", &effects, time);
            return effects;
        }
        let place = text.parse::<Place>().ok().filter(|_| text.contains('/'));
        match place.filter(|place| PAGES.iter().any(|meta| meta.id == place.page)) {
            Some(place) => self.go(&place, time),
            None => {
                self.voice
                    .say(format!("{text} means nothing here; ? says what can be done."));
                Vec::new()
            }
        }
    }

    fn number(&mut self, text: &str, menu: &[Choice], time: Time) -> Vec<Effect> {
        let number: usize = text.parse().unwrap_or(usize::MAX);
        if let Some(choice) = number.checked_sub(1).and_then(|at| menu.get(at)) {
            return self.choose(choice.clone(), time);
        }
        let known = if menu.is_empty() {
            self.reader.numbers()
        } else {
            menu.len()
        };
        let Some(goes) = self.reader.chosen(number).filter(|_| menu.is_empty()).cloned() else {
            self.voice.say(match known {
                0 => "There is nothing to choose by number here.".to_owned(),
                known => format!("There is no {text}: the numbers go to {known}."),
            });
            return Vec::new();
        };
        let mut effects = self.shell.go_to(&goes.place, time);
        if let Some(action) = goes
            .then
            .filter(|_| base(&self.shell.place()) == base(&goes.place))
        {
            effects.extend(self.shell.act(action, time));
        }
        self.report(text, &effects, time);
        effects
    }

    pub(super) fn go(&mut self, place: &Place, time: Time) -> Vec<Effect> {
        let effects = self.shell.go_to(place, time);
        self.report("going there", &effects, time);
        effects
    }

    /// Takes an action, whoever named it.
    pub(super) fn action(&mut self, action: Action, time: Time) -> Vec<Effect> {
        match action {
            Action::Help => {
                self.help(time);
                return Vec::new();
            }
            Action::Palette => {
                self.searching = true;
                self.voice
                    .say("Type a few letters of a page, an object or an action. An empty line goes back.");
                return Vec::new();
            }
            Action::Redraw => {
                self.say_page(time);
                return Vec::new();
            }
            Action::Interrupt => return self.interrupt(time),
            _ => {}
        }
        let doc = if action.group() == Group::Everywhere || !self.shell.means(action) {
            action.doc()
        } else {
            let offered = self.shell.offered(time);
            offered
                .iter()
                .find(|offer| offer.action == action)
                .map_or(action.doc(), |offer| offer.doc)
        };
        let effects = self.shell.act(action, time);
        self.report(&spoken(doc), &effects, time);
        effects
    }

    /// A line for the text field.
    fn answer(&mut self, text: &str, time: Time) -> Vec<Effect> {
        self.field = None;
        let effects = if text.is_empty() {
            self.shell.press(KeyCode::Esc, KeyModifiers::NONE, time)
        } else {
            self.shell.type_line(text, time)
        };
        // A field that stays open goes on with the next line, once what this one began is over.
        self.waiting = !text.is_empty() && self.shell.field(time).is_some();
        let doc = if text.is_empty() { "Back" } else { "The answer" };
        self.report(doc, &effects, time);
        effects
    }

    /// A line for the editor.
    fn edit(&mut self, text: &str, time: Time) -> Vec<Effect> {
        let Some(editor) = &mut self.editor else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        match editor.take(text, &mut self.voice) {
            Edited::Stay => return effects,
            Edited::Leave => effects.extend(self.shell.press(KeyCode::Esc, KeyModifiers::NONE, time)),
            Edited::Save(text) => {
                effects.extend(self.shell.hand_text(&text, time));
                effects.extend(self.shell.act(Action::Save, time));
            }
        }
        if matches!(self.shell.field(time), Some(Field::Text { .. })) {
            // Not taken: the text stays as it is, with the reason.
            self.say_notes();
        } else {
            self.editor = None;
            self.field = None;
            self.report("The edit", &effects, time);
        }
        effects
    }

    /// Asks for what the text field wants.
    pub(super) fn ask(&mut self, field: Field) {
        if self.field.as_ref() == Some(&field) {
            return;
        }
        match &field {
            Field::Line(lines) => lines.iter().for_each(|line| self.voice.say(line)),
            Field::Text { about, text } => self.editor = Some(Editor::new(text, about, &mut self.voice)),
        }
        self.field = Some(field);
    }

    /// Counts the commands whose answers are awaited.
    fn sent(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let steers = |effect: &&Effect| {
            matches!(
                effect,
                Effect::Link(LinkCmd::Steer { .. } | LinkCmd::Apply { .. } | LinkCmd::Run { .. })
            )
        };
        self.steering += effects.iter().filter(steers).count();
        for effect in &effects {
            if let Effect::Link(LinkCmd::Decide(verdict)) = effect {
                self.voice.say(format!("Sent: {}.", verdict.title));
                self.answered.insert(verdict.approval);
            }
        }
        effects
    }
}

/// The page and the object of a place: what is said anew when it changes.
pub(super) fn base(place: &Place) -> Place {
    Place {
        page: place.page.clone(),
        path: place.path.iter().take(1).cloned().collect(),
    }
}
