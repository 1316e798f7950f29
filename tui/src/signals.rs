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
            let mut stopped = false;
            for signal in signals.forever() {
                // The end of a stop was handled with the stop; its own signal would draw everything a second time.
                if signal == SIGCONT && std::mem::take(&mut stopped) {
                    continue;
                }
                stopped = signal == SIGTSTP;
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
