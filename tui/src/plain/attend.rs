//! The loop of the dialogue: lines, Ctrl-C and news come in on one channel, lines go out, and nothing wakes it but those
//! and the end of a grace time.
//!
//! A line is read only when the one before it was answered, so a pipe may hold a whole conversation. When a pipe ends,
//! what was decided is still sent; on a terminal the end of the input is the wish to quit.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTSTP};
use signal_hook::iterator::Signals;

use super::Dialogue;
use crate::app::{AppError, Commands, INBOX};
use crate::clock::Clock;
use crate::model::{News, Time};
use crate::options::Options;
use crate::outside;
use crate::shell::Effect;

/// Longest line taken, bytes.
const MAX_LINE: u64 = 64 * 1024;
/// How long an answer of the daemon is waited for before the next line is taken.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the end of a pipe waits for what was decided.
const FAREWELL: Duration = Duration::from_secs(30);
/// A change by time as near as this is part of the command before it; what is later ticks and is not waited for.
const SOON: Duration = Duration::from_millis(100);

/// What can reach the loop.
#[derive(Debug)]
pub enum Heard {
    /// A line of the person.
    Line(String),
    /// A line too long to be meant.
    TooLong,
    /// The input ended.
    End,
    /// Ctrl-C.
    Interrupt,
    /// News of the daemon.
    News(News),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Everything that was decided is with the daemon, or was taken back.
    Done,
    /// Something was decided and could not be sent.
    Unsent,
}

/// Runs the dialogue until the person leaves or the input ends. `connect` starts the link, as for the full screen.
///
/// # Errors
/// The keymap has conflicts, or standard output cannot be written.
pub fn attend(
    options: &Options,
    connect: impl FnOnce(SyncSender<Heard>) -> io::Result<Commands>,
) -> Result<Farewell, AppError> {
    let clock = Clock::start();
    let dialogue = Dialogue::new(options, clock.now())?;
    let (inbox, heard) = sync_channel(INBOX);
    let (permit, permits) = sync_channel(1);
    let typed = io::stdin().is_terminal();
    listen_to_signals(inbox.clone())?;
    listen_to_lines(inbox.clone(), permits, typed)?;
    let commands = connect(inbox)?;
    let talk = Talk {
        dialogue,
        clock,
        commands,
        permit,
        typed,
        prompts: typed && io::stdout().is_terminal(),
        reading: false,
        prompted: false,
        since: None,
        ended: None,
    };
    talk.go_on(&heard)
}

struct Talk {
    dialogue: Dialogue,
    clock: Clock,
    commands: Commands,
    permit: SyncSender<()>,
    /// The input is a terminal.
    typed: bool,
    prompts: bool,
    /// A line is awaited.
    reading: bool,
    /// The prompt stands at the end of the output.
    prompted: bool,
    /// Since when an answer is awaited.
    since: Option<Duration>,
    /// When the input ended.
    ended: Option<Duration>,
}

impl Talk {
    fn go_on(mut self, heard: &Receiver<Heard>) -> Result<Farewell, AppError> {
        loop {
            let now = self.clock.now();
            self.write()?;
            if let Some(farewell) = self.farewell(now) {
                self.perform(vec![Effect::Link(crate::model::LinkCmd::Close)]);
                self.write()?;
                return Ok(farewell);
            }
            self.next_line(now)?;
            let next = match self.wait(now) {
                None => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => heard.recv_timeout(wait),
            };
            let now = self.clock.now();
            let effects = match next {
                Ok(heard) => self.hear(heard, now),
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return Ok(Farewell::Done),
            };
            if self.perform(effects) {
                self.write()?;
                return Ok(Farewell::Done);
            }
            let effects = self.dialogue.tick(self.clock.now());
            self.perform(effects);
        }
    }

    fn hear(&mut self, heard: Heard, now: Time) -> Vec<Effect> {
        match heard {
            Heard::News(news) => return self.dialogue.news(news, now),
            Heard::Interrupt => {
                self.prompted = false;
                return self.dialogue.interrupt(now);
            }
            Heard::Line(line) => {
                (self.reading, self.prompted) = (false, false);
                return self.dialogue.line(&line, now);
            }
            Heard::TooLong => {
                (self.reading, self.prompted) = (false, false);
                self.dialogue.refuse("That line is too long; it was not taken.");
            }
            Heard::End => {
                (self.reading, self.prompted) = (false, false);
                let mut effects = self.dialogue.input_ended(now);
                if self.typed {
                    effects.extend(self.dialogue.leave(now));
                } else {
                    self.ended = Some(now.mono);
                }
                return effects;
            }
        }
        Vec::new()
    }

    /// Lets the next line be read once the one before it was answered.
    fn next_line(&mut self, now: Time) -> Result<(), AppError> {
        if self.reading || self.ended.is_some() {
            return Ok(());
        }
        if !self.dialogue.is_settled(now) {
            let since = *self.since.get_or_insert(now.mono);
            if now.mono.saturating_sub(since) < PATIENCE {
                return Ok(());
            }
            self.dialogue.give_up(now);
            self.write()?;
            if !self.dialogue.is_settled(now) {
                return Ok(());
            }
        }
        self.since = None;
        self.reading = self.permit.try_send(()).is_ok();
        if self.prompts {
            print(self.dialogue.prompt().as_bytes())?;
            self.prompted = true;
        }
        Ok(())
    }

    /// The end, once the input has ended and what was decided is with the daemon.
    fn farewell(&mut self, now: Time) -> Option<Farewell> {
        let ended = self.ended?;
        let open = self.dialogue.model().outbox.open();
        let late = now.mono.saturating_sub(ended) > FAREWELL;
        let live = self.dialogue.model().connection.is_live();
        if open > 0 && (late || !live && self.dialogue.is_settled(now)) {
            self.dialogue.refuse(&format!(
                "{open} decided and not with the daemon: it is not known to count."
            ));
            return Some(Farewell::Unsent);
        }
        (open == 0 && (late || self.dialogue.is_settled(now))).then_some(Farewell::Done)
    }

    /// How long until something has to be done without being asked: sending what is held, or giving up a wait.
    fn wait(&self, now: Time) -> Option<Duration> {
        let left = |at: Duration| at.saturating_sub(now.mono);
        let model = self.dialogue.model();
        let held = model.outbox.held().first().filter(|_| model.connection.is_live());
        let patience = self.since.map(|since| left(since + PATIENCE));
        let farewell = self.ended.map(|ended| left(ended + FAREWELL) + SOON);
        let soon = self.dialogue.next_change(now).filter(|wait| *wait <= SOON);
        let least = Duration::from_millis(1);
        let waits = [held.map(|held| left(held.due)), patience, farewell, soon];
        waits.into_iter().flatten().min().map(|wait| wait.max(least))
    }

    /// Does what the dialogue wants; true if that is the end.
    fn perform(&mut self, effects: Vec<Effect>) -> bool {
        let mut over = false;
        for effect in effects {
            match effect {
                Effect::Quit => over = true,
                Effect::Link(command) => (self.commands)(command),
                Effect::Write { name, text } => {
                    self.dialogue.wrote(outside::write_new(&name.0, name.1, &text));
                }
                Effect::Suspend if self.typed => {
                    // No mode was changed, so there is none to change back.
                    let _stopped = signal_hook::low_level::emulate_default_handler(SIGTSTP);
                }
                Effect::Suspend => self.dialogue.refuse("There is no shell to go back to."),
                // The shell shows texts as lines here, and there is no pointer.
                Effect::Redraw | Effect::Raw(_) | Effect::Show(_) | Effect::Outside(_) | Effect::Mouse(_) => {
                }
            }
        }
        over
    }

    fn write(&mut self) -> io::Result<()> {
        let lines = self.dialogue.take_lines();
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        if std::mem::take(&mut self.prompted) {
            text.push('\n');
        }
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        if self.reading && self.prompts {
            text.push_str(&self.dialogue.prompt());
            self.prompted = true;
        }
        print(text.as_bytes())
    }
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn listen_to_signals(inbox: SyncSender<Heard>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for _ in signals.forever() {
                if inbox.send(Heard::Interrupt).is_err() {
                    return;
                }
            }
        })?;
    Ok(())
}

/// Reads a line for every permit.
fn listen_to_lines(inbox: SyncSender<Heard>, permits: Receiver<()>, typed: bool) -> io::Result<()> {
    std::thread::Builder::new().name("input".into()).spawn(move || {
        let mut input = io::stdin().lock();
        while permits.recv().is_ok() {
            let heard = read_line(&mut input);
            // A terminal goes on behind its Ctrl-D; anything else that ends has ended.
            let over = matches!(heard, Heard::End) && !typed;
            if inbox.send(heard).is_err() || over {
                return;
            }
        }
    })?;
    Ok(())
}

fn read_line(input: &mut impl BufRead) -> Heard {
    let mut bytes = Vec::new();
    match input.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes) {
        Ok(0) | Err(_) => return Heard::End,
        Ok(_) => {}
    }
    if bytes.len() as u64 == MAX_LINE && !bytes.ends_with(b"\n") {
        // The rest of it is passed over; a line that never ends is passed over for ever.
        let _rest = input.skip_until(b'\n');
        return Heard::TooLong;
    }
    Heard::Line(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_one_by_one_whatever_is_in_them() {
        let long = "x".repeat(200_000);
        let text = format!("a\r\n\n\u{fffd}b\n{long}\nlast");
        let mut input = text.as_bytes();
        let mut heard = || match read_line(&mut input) {
            Heard::Line(line) => line,
            other => format!("{other:?}"),
        };
        assert_eq!(heard(), "a\r\n");
        assert_eq!(heard(), "\n");
        assert_eq!(heard(), "\u{fffd}b\n");
        assert_eq!(heard(), "TooLong");
        assert_eq!(heard(), "last");
        assert_eq!(heard(), "End");
    }
}
