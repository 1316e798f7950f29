//! The loop: one thread owns the terminal; keys, signals, time and news come in, frames go out.
//!
//! It decides when to draw, never what. The first frame is painted before anything else is started. Messages are
//! drained before drawing; frames come as [`crate::pace`] says, and only if something visible changed. Invariant: with nothing changing there is no timer and no byte.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::clock::Clock;
use crate::kept::Keeper;
use crate::keymap::map::KeymapError;
use crate::model::{LinkCmd, Msg, Time};
use crate::options::{NoScreen, Options};
use crate::pace::Pace;
use crate::screen::Painter;
use crate::shell::{Effect, Shell};
use crate::{input, outside, signals, terminal};

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
    let mut keeper = options.state.as_ref().map(|path| Keeper::at(path.clone()));
    if let Some(kept) = keeper.as_mut().and_then(|keeper| keeper.take_up(options.resume)) {
        shell.take_up(kept, options.place.is_some(), clock.now());
    }
    let mut painter = Painter::new(columns, rows, options.theme.depth);
    terminal::hook_panics();
    let caught = signals::catch()?;
    terminal::enter()?;
    if shell.wants_mouse() {
        terminal::mouse(true)?;
    }
    let done = attended(&mut shell, &mut painter, &mut keeper, clock, caught, connect);
    terminal::restore();
    if shell.has_left()
        && let Some(keeper) = &mut keeper
    {
        keeper.keep(shell.keep());
        keeper.close();
    }
    done
}

fn attended(
    shell: &mut Shell,
    painter: &mut Painter,
    keeper: &mut Option<Keeper>,
    clock: Clock,
    caught: signal_hook::iterator::Signals,
    connect: impl FnOnce(SyncSender<Msg>) -> io::Result<Commands>,
) -> Result<(), AppError> {
    let mut pace = Pace::new(shell.is_slow());
    let bytes = painter.paint(shell.draw(clock.now()));
    terminal::frame(&bytes)?;
    let ask = pace.sent(bytes.len(), clock.now().mono);
    let (inbox, messages) = sync_channel(INBOX);
    signals::listen(caught, inbox.clone())?;
    input::listen(inbox.clone())?;
    if ask {
        terminal::ask()?;
    }
    let mut commands = connect(inbox)?;
    loop {
        if draw(shell, painter, &mut pace, clock)?
            && let Some(keeper) = keeper
        {
            keeper.keep(shell.keep());
        }
        let wait = shorter(pace.wait(clock.now().mono), shell.next_change(clock.now()));
        let Some(first) = receive(&messages, wait) else {
            return Ok(());
        };
        if first.is_none() {
            pace.hurry();
        }
        let mut next = first;
        for _ in 0..BATCH {
            let Some(msg) = next else { break };
            match msg {
                Msg::Answer => pace.answered(),
                Msg::Focus(focused) => pace.focus(focused),
                _ => pace.want(!matches!(msg, Msg::News(_)), clock.now().mono),
            }
            match msg {
                Msg::Resize(columns, rows) => painter.reset(columns, rows),
                Msg::Signal(_) => {
                    painter.again();
                    pace.forget();
                }
                _ => {}
            }
            for effect in shell.handle(msg, clock.now()) {
                if perform(effect, shell, painter, &mut pace, &mut commands, clock.now())? {
                    return Ok(());
                }
            }
            next = messages.try_recv().ok();
        }
        for effect in shell.tick(clock.now()) {
            pace.hurry();
            if perform(effect, shell, painter, &mut pace, &mut commands, clock.now())? {
                return Ok(());
            }
        }
    }
}

/// Draws, if a frame is due; says whether one was.
fn draw(shell: &Shell, painter: &mut Painter, pace: &mut Pace, clock: Clock) -> io::Result<bool> {
    let now = clock.now();
    if !pace.is_due(now.mono) || !terminal::is_taken() {
        return Ok(false);
    }
    let bytes = painter.paint(shell.draw(now));
    terminal::frame(&bytes)?;
    if pace.sent(bytes.len(), clock.now().mono) {
        terminal::ask()?;
    } else if pace.is_silent() {
        terminal::unanswered();
    }
    Ok(true)
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
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
fn perform(
    effect: Effect,
    shell: &mut Shell,
    painter: &mut Painter,
    pace: &mut Pace,
    commands: &mut Commands,
    now: Time,
) -> io::Result<bool> {
    match effect {
        Effect::Quit => return Ok(true),
        Effect::Suspend => {
            if !signals::stop() {
                shell.say_no_way_back();
            }
        }
        Effect::Redraw => painter.again(),
        Effect::Raw(bytes) => terminal::frame(&bytes)?,
        Effect::Outside(sheet) => {
            let shown = outside::show(&sheet);
            // It drew over everything.
            painter.again();
            pace.forget();
            match shown {
                Ok(Some(text)) => {
                    for effect in shell.returned(&text, now) {
                        if let Effect::Link(command) = effect {
                            commands(command);
                        }
                    }
                }
                Ok(None) => {}
                Err(error) => shell.complain(&error.to_string()),
            }
        }
        Effect::Mouse(on) => terminal::mouse(on)?,
        Effect::Write { name, text } => shell.wrote(outside::write_new(&name.0, name.1, &text)),
        // The clipboard takes such texts here.
        Effect::Show(_) => {}
        Effect::Link(command) => commands(command),
    }
    Ok(false)
}
