//! The client as it is, link and screen, over a terminal that reads everything at once: how long each token took to the
//! mirror and to a frame, how many frames of how many bytes, and what both threads took of a processor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;

use super::server::Server;
use crate::app::INBOX;
use crate::cli::bench::process;
use crate::cli::faults::io;
use crate::clock::Clock;
use crate::keymap::map::KeymapError;
use crate::link::{First, LinkHandle, Settings, Target, spawn};
use crate::model::{Msg, News};
use crate::nav::Place;
use crate::options::Options;
use crate::pace::Pace;
use crate::screen::Painter;
use crate::shell::{Effect, Shell};

/// The terminal.
const SIZE: (u16, u16) = (120, 40);
/// News taken before the next look at the screen.
const BATCH: usize = 1_024;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// From the server to the mirror, by token.
    pub(super) model_ms: Vec<f64>,
    /// From the server to the end of the frame behind it, by token.
    pub(super) screen_ms: Vec<f64>,
    pub(super) frames: usize,
    pub(super) bytes: usize,
    /// Pages of live text.
    pub(super) pages: usize,
    /// From the first token to the last.
    pub(super) time: Duration,
    /// What the link and the screen took of a processor meanwhile.
    pub(super) cpu: Duration,
    /// What of that the link took.
    pub(super) link_cpu: Duration,
}

/// Looks at a run with a client of its own until so many tokens are on the screen.
///
/// # Errors
/// The system gives no thread, or the client panicked.
pub(super) fn watch(
    target: Target,
    run: RunId,
    server: Arc<Server>,
    (tokens, patience): (usize, Duration),
) -> Result<Shown, Fault> {
    let wrong = |error: std::io::Error| io("cannot start", "the client of the bench", &error);
    let gone = |what: String| Fault::new(Code::Internal, format!("the client of the bench: {what}"));
    let (inbox, news) = sync_channel(INBOX);
    let settings = Settings {
        target,
        client: "dirigent bench".to_owned(),
        launch: None,
        first: First::default(),
    };
    let link = spawn(settings, move |news| inbox.send(news).is_ok()).map_err(wrong)?;
    let watcher = move || {
        let watcher = Watcher::new(run, link, server).map_err(|error| error.to_string())?;
        Ok(watcher.watch(&news, tokens, patience))
    };
    let thread = std::thread::Builder::new().name("screen".into()).spawn(watcher);
    let ended = thread.map_err(wrong)?.join();
    ended.map_err(|_| gone("it panicked".to_owned()))?.map_err(gone)
}

struct Watcher {
    shell: Shell,
    link: LinkHandle,
    server: Arc<Server>,
    clock: Clock,
    painter: Painter,
    pace: Pace,
    shown: Shown,
    /// Tokens that are in the mirror and in no frame.
    waiting: Vec<Instant>,
    begun: Option<(Instant, [Duration; 2])>,
    /// Token that came in part, by speaker's step.
    parts: BTreeMap<String, String>,
}

impl Watcher {
    fn new(run: RunId, link: LinkHandle, server: Arc<Server>) -> Result<Self, KeymapError> {
        let options = Options {
            place: Some(Place::run(run)),
            ..Options::default()
        };
        let clock = Clock::start();
        let mut shell = Shell::new(&options, clock.now())?;
        shell.resize(SIZE.0, SIZE.1);
        Ok(Self {
            shell,
            link,
            server,
            clock,
            painter: Painter::new(SIZE.0, SIZE.1, options.theme.depth),
            pace: Pace::new(false),
            shown: Shown::default(),
            waiting: Vec::new(),
            begun: None,
            parts: BTreeMap::new(),
        })
    }

    fn watch(mut self, news: &Receiver<News>, tokens: usize, patience: Duration) -> Shown {
        let until = Instant::now() + patience;
        while self.shown.screen_ms.len() < tokens && Instant::now() < until {
            self.draw();
            let now = self.clock.now();
            let change = self.shell.next_change(now);
            let waits = [self.pace.wait(now.mono), change, Some(Duration::from_secs(1))];
            let wait = waits.into_iter().flatten().min().unwrap_or_default();
            let mut next = match news.recv_timeout(wait) {
                Ok(news) => Some(news),
                Err(RecvTimeoutError::Timeout) => {
                    if change.is_some_and(|change| change <= wait) {
                        self.pace.hurry();
                    }
                    None
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            for _ in 0..BATCH {
                let Some(one) = next else { break };
                self.take(one);
                next = news.try_recv().ok();
            }
            let effects = self.shell.tick(self.clock.now());
            self.perform(effects);
        }
        if let Some((begun, before)) = self.begun {
            let now = taken();
            self.shown.time = begun.elapsed();
            self.shown.link_cpu = now[0].saturating_sub(before[0]);
            self.shown.cpu = self.shown.link_cpu + now[1].saturating_sub(before[1]);
        }
        self.shown
    }

    fn take(&mut self, news: News) {
        if matches!(news, News::RunEvents { .. }) {
            // It is followed: from here on whatever is said is said to somebody.
            self.server.go();
        }
        let tokens = self.tokens(&news);
        let now = self.clock.now();
        self.pace.want(false, now.mono);
        let effects = self.shell.handle(Msg::News(news), now);
        self.perform(effects);
        let at = Instant::now();
        self.shown.pages += usize::from(!tokens.is_empty());
        for written in tokens {
            self.begun.get_or_insert_with(|| (at, taken()));
            self.shown.model_ms.push(ms(at, written));
            self.waiting.push(written);
        }
    }

    /// When the tokens were written that a piece of news brings whole.
    fn tokens(&mut self, news: &News) -> Vec<Instant> {
        let News::Stream { chunks, .. } = news else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for chunk in chunks {
            let part = self.parts.entry(chunk.step.to_string()).or_default();
            part.push_str(&chunk.text);
            let whole = part.rfind(' ').map_or(0, |at| at + 1);
            let rest = part.split_off(whole);
            let words = part.split_whitespace();
            all.extend(words.filter_map(|token| self.server.written(token)));
            *part = rest;
        }
        all
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Link(command) = effect {
                self.link.send(command);
            }
        }
    }

    fn draw(&mut self) {
        let now = self.clock.now();
        if !self.pace.is_due(now.mono) {
            return;
        }
        let bytes = self.painter.paint(self.shell.draw(now));
        let at = Instant::now();
        if self.pace.sent(bytes.len(), self.clock.now().mono) {
            self.pace.answered();
        }
        let written = self.waiting.drain(..).map(|written| ms(at, written));
        self.shown.screen_ms.extend(written);
        if self.begun.is_some() {
            self.shown.frames += 1;
            self.shown.bytes += bytes.len();
        }
    }
}

fn ms(now: Instant, then: Instant) -> f64 {
    now.saturating_duration_since(then).as_secs_f64() * 1e3
}

/// What the link and the screen have taken of a processor so far.
fn taken() -> [Duration; 2] {
    ["link", "screen"].map(process::cpu_of_thread)
}
