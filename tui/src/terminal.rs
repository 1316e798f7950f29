//! The terminal, taken and given back.
//!
//! Taking it means raw mode, the alternate screen, bracketed paste, focus reports and no cursor. It is given back
//! on every way out: quit, error, panic, TERM, HUP, INT, QUIT, ABRT, and for the time of a stop (Ctrl-Z, TSTP).
//! Nothing is ever asked of the terminal. Invariant: after [`restore`] no frame is written until [`enter`].

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, TryLockError};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::termios::isatty;

use crate::options::NoScreen;

const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[m\x1b[2J\x1b[H";
const LEAVE: &[u8] = b"\x1b[?1004l\x1b[?2004l\x1b[m\x1b[?25h\x1b[?1049l";

/// Tries to get the output from a frame that is being written, before it is taken anyway.
const PATIENCE: u32 = 20_000;

static TAKEN: AtomicBool = AtomicBool::new(false);
static OUTPUT: Mutex<()> = Mutex::new(());

/// Whether input and output are a terminal.
///
/// # Errors
/// One of them is not.
pub fn check() -> Result<(), NoScreen> {
    if isatty(rustix::stdio::stdin()) && isatty(rustix::stdio::stdout()) {
        Ok(())
    } else {
        Err(NoScreen::NotATerminal)
    }
}

/// Columns and rows, asked of the kernel only.
#[must_use]
pub fn size() -> (u16, u16) {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout());
    match size {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

/// Takes the terminal.
///
/// # Errors
/// Its modes cannot be set.
pub fn enter() -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    write_all(ENTER)
}

/// Gives the terminal back; does nothing if it is not taken. Callable from any thread and from a panic.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut guard = None;
    for _ in 0..PATIENCE {
        match OUTPUT.try_lock() {
            Ok(lock) => guard = Some(lock),
            Err(TryLockError::Poisoned(lock)) => guard = Some(lock.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
        if guard.is_some() {
            break;
        }
    }
    // A terminal that reads nothing must not keep the process from ending.
    if writable(200) {
        let _gone = write_all(LEAVE);
    }
    let _gone = crossterm::terminal::disable_raw_mode();
    drop(guard);
}

/// Writes a frame, unless the terminal was given back meanwhile.
///
/// # Errors
/// The terminal is gone.
pub fn frame(bytes: &[u8]) -> io::Result<()> {
    let _guard = OUTPUT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if bytes.is_empty() || !TAKEN.load(Ordering::SeqCst) {
        return Ok(());
    }
    write_all(bytes)
}

/// Whether the terminal is ours now.
#[must_use]
pub fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Gives the terminal back before a panic is reported.
pub fn hook_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        report(panic);
    }));
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                writable(1_000);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn writable(ms: i64) -> bool {
    let stdout = rustix::stdio::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
    let wait = Timespec {
        tv_sec: ms / 1_000,
        tv_nsec: ms % 1_000 * 1_000_000,
    };
    matches!(rustix::event::poll(&mut fds, Some(&wait)), Ok(ready) if ready > 0)
}
