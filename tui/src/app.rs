//! The loop: one thread owns the terminal; keys, signals, time and news come in, frames go out.
//!
//! It decides when to draw, never what. The first frame is painted before anything else is started. Messages are
//! drained before drawing; a frame comes at most 16 ms after a key and 66 ms after news, and only if something
//! visible changed. Invariant: with nothing changing there is no timer and no byte.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::clock::Clock;
use crate::keymap::map::KeymapError;
use crate::model::{LinkCmd, Msg, Time};
use crate::options::{NoScreen, Options};
use crate::screen::Painter;
use crate::shell::{Effect, Shell};
use crate::{input, signals, terminal};

/// Least time between two frames after keys.
pub const KEY_FRAME: Duration = Duration::from_millis(16);
/// Least time between two frames after news.
pub const DATA_FRAME: Duration = Duration::from_millis(66);
/// Messages that may wait for the loop; whoever sends more waits.
pub const INBOX: usize = 4_096;
/// Messages handled before the next look at the screen.
const BATCH: usize = 1_024;

/// Where the link takes what pages want; dropping it ends the link.
pub type Commands = Box<dyn FnMut(LinkCmd)>;

/// Why the client could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No full screen here.
    #[error("{0}")]
    NoScreen(#[from] NoScreen),
    /// The keymap is wrong.
    #[error("{0}")]
    Keymap(#[from] KeymapError),
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
}

/// Runs the client until the person quits. `connect` starts the link, once, behind the first frame: it gets where to
/// send `Msg::News` (this blocks while the loop is behind, so that a flood waits at the daemon) and gives back where
/// to send commands.
///
/// # Errors
/// There is no terminal, the keymap has conflicts, or the terminal fails.
pub fn run(
    options: &Options,
    connect: impl FnOnce(SyncSender<Msg>) -> io::Result<Commands>,
) -> Result<(), AppError> {
    terminal::check()?;
    if let Some(reason) = options.refused {
        return Err(reason.into());
    }
    let clock = Clock::start();
    let (columns, rows) = terminal::size();
    let mut shell = Shell::new(options, clock.now())?;
    shell.resize(columns, rows);
    let mut painter = Painter::new(columns, rows, options.theme.depth);
    terminal::hook_panics();
    let caught = signals::catch()?;
    terminal::enter()?;
    let done = attended(&mut shell, &mut painter, clock, caught, connect);
    terminal::restore();
    done
}

fn attended(
    shell: &mut Shell,
    painter: &mut Painter,
    clock: Clock,
    caught: signal_hook::iterator::Signals,
    connect: impl FnOnce(SyncSender<Msg>) -> io::Result<Commands>,
) -> Result<(), AppError> {
    terminal::frame(&painter.paint(shell.draw(clock.now())))?;
    let (inbox, messages) = sync_channel(INBOX);
    signals::listen(caught, inbox.clone())?;
    input::listen(inbox.clone())?;
    let mut commands = connect(inbox)?;
    let mut pace = Pace {
        last: clock.now().mono,
        due: None,
    };
    loop {
        let now = clock.now();
        if pace.is_due(now) && terminal::is_taken() {
            terminal::frame(&painter.paint(shell.draw(now)))?;
            pace = Pace {
                last: clock.now().mono,
                due: None,
            };
        }
        let Some(first) = receive(&messages, pace.wait(shell, clock.now())) else {
            return Ok(());
        };
        if first.is_none() {
            pace.due.get_or_insert(Duration::ZERO);
        }
        let mut next = first;
        for _ in 0..BATCH {
            let Some(msg) = next else { break };
            pace.want(&msg, clock.now());
            if let Msg::Resize(columns, rows) = msg {
                painter.reset(columns, rows);
            }
            if matches!(msg, Msg::Signal(_)) {
                let area = painter.area();
                painter.reset(area.width, area.height);
            }
            for effect in shell.handle(msg, clock.now()) {
                if perform(effect, painter, &mut commands)? {
                    return Ok(());
                }
            }
            next = messages.try_recv().ok();
        }
        for effect in shell.tick(clock.now()) {
            pace.due = Some(Duration::ZERO);
            if perform(effect, painter, &mut commands)? {
                return Ok(());
            }
        }
    }
}

/// Waits for a message; `Some(None)` is the end of the wait, `None` the end of all senders.
fn receive(messages: &Receiver<Msg>, wait: Option<Duration>) -> Option<Option<Msg>> {
    match wait {
        None => messages.recv().ok().map(Some),
        Some(wait) => match messages.recv_timeout(wait) {
            Ok(msg) => Some(Some(msg)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        },
    }
}

/// Does what the shell wants; says whether that is the end.
fn perform(effect: Effect, painter: &mut Painter, commands: &mut Commands) -> io::Result<bool> {
    match effect {
        Effect::Quit => return Ok(true),
        Effect::Suspend => signals::stop(),
        Effect::Redraw => {
            let area = painter.area();
            painter.reset(area.width, area.height);
        }
        Effect::Raw(bytes) => terminal::frame(&bytes)?,
        Effect::Link(command) => commands(command),
    }
    Ok(false)
}

/// When the next frame is due.
struct Pace {
    last: Duration,
    due: Option<Duration>,
}

impl Pace {
    fn want(&mut self, msg: &Msg, now: Time) {
        let gap = match msg {
            Msg::News(_) => DATA_FRAME,
            Msg::Key(_)
            | Msg::Paste(_)
            | Msg::Resize(..)
            | Msg::Focus(_)
            | Msg::Signal(_)
            | Msg::InputLost => KEY_FRAME,
        };
        let at = (self.last + gap).max(now.mono);
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    fn is_due(&self, now: Time) -> bool {
        self.due.is_some_and(|due| due <= now.mono)
    }

    /// How long to wait: for the frame, for the next visible change by time, or for ever.
    fn wait(&mut self, shell: &Shell, now: Time) -> Option<Duration> {
        let frame = self.due.map(|due| due.saturating_sub(now.mono));
        let change = shell.next_change(now);
        match (frame, change) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }
}
