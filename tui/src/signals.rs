//! The thread that hears the operating system.
//!
//! On a signal that ends the process it gives the terminal back by itself, without the loop: a loop that is stuck
//! in a write must not keep the terminal. On a stop it gives it back, stops, and takes it again when continued.

use std::io;
use std::sync::mpsc::SyncSender;

use signal_hook::consts::{SIGABRT, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::model::{Msg, Signal};
use crate::{outside, terminal};

/// Catches the signals. Done before the terminal is taken: from then on none can end the client without it being
/// given back; what comes before the thread runs waits for it.
///
/// # Errors
/// The system refuses.
pub fn catch() -> io::Result<Signals> {
    Signals::new([
        SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTSTP, SIGCONT, SIGWINCH,
    ])
}

/// Starts the thread.
///
/// # Errors
/// The thread cannot be made.
pub fn listen(mut signals: Signals, inbox: SyncSender<Msg>) -> io::Result<()> {
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            loop {
                let heard: Vec<i32> = signals.wait().collect();
                let mut wishes: Vec<Msg> = heard.into_iter().filter_map(hear).collect();
                if matches!(wishes.last(), Some(Msg::Signal(Signal::Continue))) {
                    // The keeper and the shell both speak to us: what belongs to the stop that is over is dropped,
                    // or it would stop us again, or draw everything twice.
                    let late = signals
                        .pending()
                        .filter(|signal| ![SIGTSTP, SIGCONT].contains(signal));
                    wishes.extend(late.collect::<Vec<_>>().into_iter().filter_map(hear));
                }
                for msg in wishes {
                    if inbox.send(msg).is_err() {
                        return;
                    }
                }
            }
        })?;
    Ok(())
}

/// Asks for a stop, as Ctrl-Z does in any terminal: of the whole group, so that a script around us stops as well.
/// Says no where nobody could ever continue us.
#[must_use]
pub fn stop() -> bool {
    can_return() && rustix::process::kill_current_process_group(rustix::process::Signal::TSTP).is_ok()
}

/// Whether a shell with job control stands above us: an ancestor in our session, but in another group.
fn can_return() -> bool {
    let Some(own) = Standing::of("self") else {
        return false;
    };
    let mut above = Standing::of(own.parent);
    while let Some(process) = above.filter(|process| process.session == own.session) {
        if process.group != own.group {
            return true;
        }
        above = Standing::of(process.parent);
    }
    false
}

/// Where a process stands, as `proc_pid_stat(5)` tells it. Kept as plain numbers: a group or session whose leader
/// lives outside of our PID namespace is 0 there, which no process id may be.
struct Standing {
    parent: i32,
    group: i32,
    session: i32,
}

impl Standing {
    fn of(process: impl std::fmt::Display) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ').skip(1).map_while(|field| field.parse().ok());
        Some(Self {
            parent: fields.next()?,
            group: fields.next()?,
            session: fields.next()?,
        })
    }
}

fn hear(signal: i32) -> Option<Msg> {
    match signal {
        SIGWINCH => {
            let (columns, rows) = terminal::size();
            Some(Msg::Resize(columns, rows))
        }
        SIGTSTP => {
            let taken = terminal::is_taken();
            terminal::restore();
            let _stopped = emulate_default_handler(SIGTSTP);
            if taken && terminal::enter().is_err() {
                return Some(Msg::InputLost);
            }
            Some(Msg::Signal(Signal::Continue))
        }
        // Behind a stop nobody can catch the keeper has given the terminal back: take it again, modes and all.
        SIGCONT if terminal::is_taken() => Some(match terminal::enter() {
            Ok(()) => Msg::Signal(Signal::Continue),
            Err(_) => Msg::InputLost,
        }),
        SIGCONT => None,
        // Another program has the terminal: an interrupt is for it.
        SIGINT | SIGQUIT if outside::is_lent() => None,
        end => {
            terminal::restore();
            let _ended = emulate_default_handler(end);
            Some(Msg::Signal(Signal::End(end)))
        }
    }
}
