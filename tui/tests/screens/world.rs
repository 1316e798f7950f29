//! A client in a made-up world: fixed time, keys pressed by name.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dirigent_protocol::entity::Document;
use dirigent_tui::keymap::Key;
use dirigent_tui::model::{LinkCmd, Msg, News, Time, Verdict};
use dirigent_tui::options::Options;
use dirigent_tui::outside::Sheet;
use dirigent_tui::shell::{Effect, Shell};

pub(crate) use crate::sample::*;
pub(crate) use crate::sample_suggestions::suggestions;
pub(crate) use crate::sample_workflows::*;

/// A client and its time.
pub(crate) struct World {
    pub(crate) shell: Shell,
    pub(crate) mono: Duration,
    pub(crate) sent: Vec<LinkCmd>,
    pub(crate) quit: bool,
    /// What the daemon holds, while it is connected.
    daemon: Option<Vec<Document>>,
    /// What it holds beyond what it tells unasked.
    pub(crate) beyond: Vec<Document>,
    /// What was shown in other programs.
    pub(crate) outside: Vec<Sheet>,
}

impl World {
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        Self::with(&Options::default(), columns, rows)
    }

    pub(crate) fn with(options: &Options, columns: u16, rows: u16) -> Self {
        let mut shell = Shell::new(
            options,
            Time {
                wall: now(),
                mono: Duration::ZERO,
            },
        )
        .unwrap();
        shell.resize(columns, rows);
        let world = Self {
            shell,
            mono: Duration::from_secs(1),
            sent: Vec::new(),
            quit: false,
            daemon: None,
            beyond: versions().into_iter().chain(suggestions()).collect(),
            outside: Vec::new(),
        };
        world.draw();
        world
    }

    /// Connected, with everything, shown for ten seconds.
    pub(crate) fn live(columns: u16, rows: u16) -> Self {
        let mut world = Self::new(columns, rows);
        world.connect(everything());
        world.wait(10_000);
        world
    }

    pub(crate) fn connect(&mut self, documents: Vec<Document>) {
        self.daemon = Some(documents.iter().chain(&self.beyond).cloned().collect());
        self.news(News::Connected(Box::new(welcome())));
        self.news(News::Snapshot(documents));
        self.news(News::Health(Box::new(health(""))));
    }

    pub(crate) fn disconnect(&mut self) {
        self.daemon = None;
        self.news(News::Disconnected {
            fault: Box::new(gone()),
            retry_at: Some(ago(-2)),
        });
    }

    pub(crate) fn time(&self) -> Time {
        let wall =
            now() + jiff::SignedDuration::try_from(self.mono).unwrap() - jiff::SignedDuration::from_secs(1);
        Time {
            wall,
            mono: self.mono,
        }
    }

    pub(crate) fn draw(&self) -> ratatui::buffer::Buffer {
        self.shell.draw(self.time())
    }

    fn effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Link(command) => {
                    let daemon = self.daemon.as_deref();
                    let answer = daemon.and_then(|documents| crate::answers::news(&command, documents));
                    self.sent.push(command);
                    answer.into_iter().for_each(|news| self.msg(Msg::News(news)));
                }
                Effect::Quit => self.quit = true,
                Effect::Outside(sheet) => self.outside.push(sheet),
                Effect::Suspend
                | Effect::Redraw
                | Effect::Mouse(_)
                | Effect::Raw(_)
                | Effect::Show(_)
                | Effect::Write { .. } => {}
            }
        }
    }

    pub(crate) fn msg(&mut self, msg: Msg) {
        let effects = self.shell.handle(msg, self.time());
        self.effects(effects);
    }

    pub(crate) fn news(&mut self, news: News) {
        self.msg(Msg::News(news));
        self.draw();
    }

    /// Time passes, in steps as the loop would wake.
    pub(crate) fn wait(&mut self, ms: u64) {
        let end = self.mono + Duration::from_millis(ms);
        while self.mono < end {
            let step = self
                .shell
                .next_change(self.time())
                .unwrap_or(Duration::from_secs(3_600));
            self.mono = (self.mono + step.max(Duration::from_millis(1))).min(end);
            let effects = self.shell.tick(self.time());
            self.effects(effects);
            self.draw();
        }
    }

    /// Presses keys by name, a frame behind each.
    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.burst(key);
            self.draw();
        }
    }

    /// Presses keys by name with no frame between them.
    pub(crate) fn burst(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.msg(Msg::Key(event(key)));
        }
    }

    /// Types text.
    pub(crate) fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.msg(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
        self.draw();
    }

    pub(crate) fn text(&self) -> String {
        text(&self.draw())
    }

    /// Says yes to publishing; the text that is sent.
    pub(crate) fn published(&mut self) -> String {
        self.press("P a");
        let sent = self.sent.iter().rev().find_map(|cmd| match cmd {
            LinkCmd::Apply { source, .. } => Some(source.clone()),
            _ => None,
        });
        sent.unwrap()
    }

    /// A row says it.
    pub(crate) fn says(&self, row: &str, words: &str) {
        let text = self.text();
        let found = text
            .lines()
            .any(|line| line.contains(row) && line.contains(words));
        assert!(found, "{text}");
    }

    pub(crate) fn decided(&self) -> Vec<&Verdict> {
        fn decide(command: &LinkCmd) -> Option<&Verdict> {
            if let LinkCmd::Decide(verdict) = command {
                Some(verdict)
            } else {
                None
            }
        }
        self.sent.iter().filter_map(decide).collect()
    }

    pub(crate) fn held(&self) -> usize {
        self.shell.model().outbox.held().len()
    }
}

/// What is on the screen is what is kept under that name.
pub(crate) fn check(name: &str, world: &World) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, world.text()));
}

pub(crate) fn event(name: &str) -> KeyEvent {
    let key: Key = name.parse().unwrap();
    let mut modifiers = KeyModifiers::NONE;
    if key.ctrl {
        modifiers |= KeyModifiers::CONTROL;
    }
    if key.alt {
        modifiers |= KeyModifiers::ALT;
    }
    KeyEvent::new(key.code, modifiers)
}

/// The rows of a screen, without blanks at their ends.
pub(crate) fn text(buffer: &ratatui::buffer::Buffer) -> String {
    use unicode_width::UnicodeWidthStr;
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(symbol.width().max(1)).unwrap();
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}
