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
use crate::terminal;

/// Starts the thread.
///
/// # Errors
/// The signals cannot be caught or the thread cannot be made.
pub fn listen(inbox: SyncSender<Msg>) -> io::Result<()> {
    let mut signals = Signals::new([
        SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTSTP, SIGCONT, SIGWINCH,
    ])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if let Some(msg) = hear(signal)
                    && inbox.send(msg).is_err()
                {
                    return;
                }
            }
        })?;
    Ok(())
}

/// Asks for a stop, as the shell would.
pub fn stop() {
    let _told = signal_hook::low_level::raise(SIGTSTP);
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
        SIGCONT => terminal::is_taken().then_some(Msg::Signal(Signal::Continue)),
        end => {
            terminal::restore();
            let _ended = emulate_default_handler(end);
            Some(Msg::Signal(Signal::End(end)))
        }
    }
}
