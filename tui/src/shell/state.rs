//! The shell's state, and messages folded into it.

use std::time::Duration;

use super::help::Help;
use super::palette::Palette;
use crate::kept::Kept;
use crate::keymap::map::KeymapError;
use crate::keymap::{Key, Keymap};
use crate::model::{Cmd, LinkCmd, Model, Msg, News, Note, Signal, Time};
use crate::nav::{History, Place};
use crate::options::{Options, Prefs};
use crate::outside::Sheet;
use crate::pages::closed::CLOSED;
use crate::pages::{self, Ctx, Input, PAGES, Page};
use crate::theme::Theme;

/// What the loop does for the shell.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// End.
    Quit,
    /// Stop, as the shell's Ctrl-Z does.
    Suspend,
    /// Paint every cell anew.
    Redraw,
    /// Bytes for the terminal that are not cells: the clipboard.
    Raw(Vec<u8>),
    /// Another program on the terminal.
    Outside(Sheet),
    /// The terminal's mouse reports, on or off.
    Mouse(bool),
    /// A text for a new file where the client was started.
    Write {
        /// The file's name: its beginning, and its ending.
        name: (String, &'static str),
        /// The text.
        text: String,
    },
    /// A text to take from the lines, where there is no clipboard.
    Show(String),
    /// For the link.
    Link(LinkCmd),
}

/// What lies over the page.
#[derive(Debug)]
pub(super) enum Overlay {
    Help(Help),
    Palette(Box<Palette>),
}

/// Everything the client knows and shows.
pub struct Shell {
    pub(super) model: Model,
    pub(super) keymap: Keymap,
    pub(super) theme: Theme,
    pub(super) prefs: Prefs,
    pub(super) pages: Vec<Box<dyn Page>>,
    pub(super) here: usize,
    pub(super) history: History,
    pub(super) overlay: Option<Overlay>,
    pub(super) pending: Vec<Key>,
    pub(super) pending_since: Duration,
    pub(super) note: Option<Note>,
    /// Notes that another one took the place of before anybody heard them; kept where lines are said.
    pub(super) noted: Vec<Note>,
    pub(super) interrupted: Option<Duration>,
    pub(super) backed: Option<Duration>,
    pub(super) quit_asked: bool,
    /// What was kept over the last end, until the daemon has spoken.
    pub(super) returning: Option<Kept>,
    /// The person left.
    pub(super) left: bool,
    /// The mouse reports.
    pub(super) mouse: bool,
    /// Copies go through tmux.
    pub(super) passthrough: bool,
    pub(super) size: (u16, u16),
    pub(super) read_only: bool,
    pub(super) host: Option<String>,
    pub(super) focused: bool,
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell")
            .field("here", &self.place().to_string())
            .finish_non_exhaustive()
    }
}

impl Shell {
    /// A shell on its first page, with an empty mirror.
    ///
    /// # Errors
    /// The person's own keys are wrong or in conflict.
    pub fn new(options: &Options, time: Time) -> Result<Self, KeymapError> {
        let letters: Vec<(char, &'static str)> = PAGES
            .iter()
            .map(|meta| (meta.letter, meta.id))
            .chain(CLOSED.iter().map(|closed| (closed.letter, closed.id)))
            .collect();
        let mut shell = Self {
            model: Model::default(),
            keymap: Keymap::new(options.preset, &options.keys, &letters)?,
            theme: options.theme,
            prefs: options.prefs.clone(),
            pages: pages::all(),
            here: 0,
            history: History::default(),
            overlay: None,
            pending: Vec::new(),
            pending_since: Duration::ZERO,
            note: None,
            noted: Vec::new(),
            interrupted: None,
            backed: None,
            quit_asked: false,
            returning: None,
            left: false,
            mouse: options.mouse,
            passthrough: options.passthrough,
            size: (80, 24),
            read_only: options.read_only,
            host: options.host.clone(),
            focused: true,
        };
        if let Some(place) = &options.place {
            let effects = shell.go(place, time);
            debug_assert!(effects.iter().all(|effect| matches!(effect, Effect::Link(_))));
        }
        Ok(shell)
    }

    /// The terminal has this many columns and rows.
    pub const fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
    }

    /// The line to the person is slow: few frames, nothing that moves for show.
    #[must_use]
    pub const fn is_slow(&self) -> bool {
        self.prefs.slow
    }

    /// The mouse is to report.
    #[must_use]
    pub const fn wants_mouse(&self) -> bool {
        self.mouse
    }

    /// The mirror, for tests and for whoever only looks.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// Where one is.
    #[must_use]
    pub fn place(&self) -> Place {
        self.page().place()
    }

    /// Takes one message.
    pub fn handle(&mut self, msg: Msg, time: Time) -> Vec<Effect> {
        match msg {
            Msg::Key(key) => self.key(&key, time),
            Msg::Paste(text) => self.paste(&text, time),
            Msg::Resize(columns, rows) => {
                self.resize(columns, rows);
                Vec::new()
            }
            Msg::Answer => Vec::new(),
            Msg::Mouse(mouse) => self.pointed(mouse, time),
            Msg::Focus(focused) => {
                self.focused = focused;
                Vec::new()
            }
            Msg::Signal(Signal::Continue | Signal::Stop) => vec![Effect::Redraw],
            Msg::Signal(Signal::End(_)) | Msg::InputLost => vec![Effect::Quit],
            Msg::News(news) => {
                let live = self.model.connection.is_live();
                let whole = matches!(news, News::Snapshot(_));
                let cmds = self.model.apply(news, time);
                if live != self.model.connection.is_live() {
                    // What was said under the other state of the connection may be untrue now.
                    self.note = None;
                }
                let mut effects = self.run(cmds, time);
                effects.extend(self.tell(Input::Data, time));
                if whole {
                    effects.extend(self.return_kept(time));
                }
                effects
            }
        }
    }

    /// Time went on: grace times end, details follow the cursor, countdowns count.
    pub fn tick(&mut self, time: Time) -> Vec<Effect> {
        let cmds = self.model.tick(time);
        let mut effects = self.run(cmds, time);
        effects.extend(self.tell(Input::Tick, time));
        effects
    }

    /// How long until something visible changes by time alone.
    #[must_use]
    pub fn next_change(&self, time: Time) -> Option<Duration> {
        let page = self.page().next_change(&self.ctx(time));
        let prefix = super::prefix::wait(&self.pending, self.pending_since, time);
        let grace = self
            .model
            .outbox
            .held()
            .first()
            .filter(|_| self.model.connection.is_live())
            .map(|held| {
                let left = held.due.saturating_sub(time.mono);
                let into_second = Duration::from_nanos(u64::from(left.subsec_nanos()));
                if into_second.is_zero() {
                    left.min(Duration::from_secs(1))
                } else {
                    into_second
                }
            });
        [page, prefix, grace].into_iter().flatten().min()
    }

    pub(super) fn page(&self) -> &dyn Page {
        self.pages[self.here].as_ref()
    }

    pub(crate) const fn ctx(&self, time: Time) -> Ctx<'_> {
        Ctx {
            model: &self.model,
            theme: &self.theme,
            prefs: &self.prefs,
            keymap: &self.keymap,
            time,
        }
    }

    /// Lets a page do something, with all it may look at.
    pub(super) fn with_page<R>(
        &mut self,
        index: usize,
        time: Time,
        act: impl FnOnce(&mut dyn Page, &Ctx<'_>) -> R,
    ) -> R {
        let ctx = Ctx {
            model: &self.model,
            theme: &self.theme,
            prefs: &self.prefs,
            keymap: &self.keymap,
            time,
        };
        act(&mut *self.pages[index], &ctx)
    }

    /// Tells the page something and does what it wants.
    pub(super) fn tell(&mut self, input: Input<'_>, time: Time) -> Vec<Effect> {
        let cmds = self.with_page(self.here, time, |page, ctx| page.update(input, ctx));
        self.run(cmds, time)
    }

    /// Does what pages and the mirror want.
    pub(super) fn run(&mut self, cmds: Vec<Cmd>, time: Time) -> Vec<Effect> {
        let mut effects = Vec::new();
        for cmd in cmds {
            match cmd {
                Cmd::Go(place) => effects.extend(self.go(&place, time)),
                Cmd::Note(note) => {
                    let before = self.note.replace(note);
                    self.noted.extend(before.filter(|_| self.prefs.plain));
                }
                Cmd::Hold(_) | Cmd::HoldAll(_) if self.read_only => {
                    self.note = Some(Note::refused("read-only: nothing is decided"))
                }
                Cmd::Hold(verdict) => self.model.outbox.hold(verdict, time.mono),
                Cmd::HoldAll(verdicts) => self.model.outbox.hold_all(verdicts, time.mono),
                Cmd::Snooze(approval) => self.model.snooze(approval, time.mono),
                Cmd::TakeBack => self.take_back(),
                Cmd::Copy(text) if self.prefs.plain => effects.push(Effect::Show(text)),
                Cmd::Copy(text) => effects.extend(self.copy(&text)),
                Cmd::Write { name, text } => effects.push(Effect::Write { name, text }),
                Cmd::Link(
                    LinkCmd::Steer { .. }
                    | LinkCmd::Ask { .. }
                    | LinkCmd::Apply { .. }
                    | LinkCmd::Handle { .. }
                    | LinkCmd::Restore { .. }
                    | LinkCmd::TryOut { .. }
                    | LinkCmd::Talk { .. }
                    | LinkCmd::Run { .. }
                    | LinkCmd::Tell { .. },
                ) if self.read_only => {
                    self.note = Some(Note::refused("read-only: nothing is changed"));
                }
                Cmd::Link(command) => {
                    self.model.sends(&command, time);
                    effects.push(Effect::Link(command));
                }
            }
        }
        effects
    }

    pub(super) fn take_back(&mut self) {
        let back = self.model.outbox.take_back();
        self.note = Some(match back.as_slice() {
            [] => Note::refused("nothing to take back: decisions are sent after 5 s"),
            [verdict] => Note::info(format!("taken back, nothing was sent: {}", verdict.title)),
            all => Note::info(format!(
                "the whole sheet is taken back, nothing was sent: {} decisions",
                all.len()
            )),
        });
    }
}
