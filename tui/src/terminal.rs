//! The terminal, taken and given back.
//!
//! Taking it means raw mode, the alternate screen, bracketed paste, focus reports and no cursor. It is given back
//! on every way out: quit, error, panic, TERM, HUP, INT, QUIT, ABRT, and for the time of a stop (Ctrl-Z, TSTP). What
//! kills without a last word is the keeper's (see `guard`). Before the first frame nothing is asked of the terminal.
//!
//! Invariants: after [`restore`] no frame is written until [`enter`]; the modes are on only while the terminal is
//! raw; in the background the terminal is not touched.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use signal_hook::consts::SIGTTOU;

use crate::options::NoScreen;

const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[m\x1b[2J\x1b[H";
const LEAVE: &[u8] = b"\x1b[?1004l\x1b[?2004l\x1b[m\x1b[?25h\x1b[?1049l";
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";
/// Ends whatever sequence or frame was left half written.
const BREAK_OFF: &[u8] = b"\x18\x1b[?2026l";

/// Tries to get the output from a frame that is being written, before it is taken anyway.
const PATIENCE: u32 = 20_000;
/// Stops asked for in the background before it is clear that nobody will bring us back.
const STOPS: u32 = 16;

/// The question whose answer says that everything before it was read.
const ASK: &[u8] = b"\x1b[5n";
/// How long the end waits for an answer that is under way; it would land in the shell's next line.
const OWED: Duration = Duration::from_millis(300);

static TAKEN: AtomicBool = AtomicBool::new(false);
static MOUSE: AtomicBool = AtomicBool::new(false);
/// An answer is under way.
static ASKED: Mutex<bool> = Mutex::new(false);
/// Told when [`TAKEN`] turns true and when [`ASKED`] turns false.
static CHANGED: Condvar = Condvar::new();
static OUTPUT: Mutex<()> = Mutex::new(());
/// How the terminal was before it was taken.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

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

/// Takes the terminal; stops first, as any program does, while it belongs to somebody else.
///
/// # Errors
/// Its modes cannot be set, or nobody brings a background process back.
pub fn enter() -> io::Result<()> {
    await_foreground()?;
    let stdin = rustix::stdio::stdin();
    let before = tcgetattr(stdin)?;
    let mut raw = before.clone();
    raw.make_raw();
    {
        let mut kept = lock(&BEFORE);
        if is_cooked(&before) || kept.is_none() {
            *kept = Some(before);
        }
    }
    tcsetattr(stdin, OptionalActions::Now, &raw)?;
    // Who gives it back at this moment, from another thread, waits until all of it is taken.
    let _guard = lock(&OUTPUT);
    {
        let mut asked = lock(&ASKED);
        TAKEN.store(true, Ordering::SeqCst);
        *asked = false;
        CHANGED.notify_all();
    }
    write_all(ENTER)?;
    if MOUSE.load(Ordering::SeqCst) {
        write_all(MOUSE_ON)?;
    }
    Ok(())
}

/// Gives the terminal back; does nothing if it is not taken. Callable from any thread and from a panic.
pub fn restore() {
    if !TAKEN.load(Ordering::SeqCst) {
        return;
    }
    await_answer();
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
    let interrupted = guard.is_none();
    // Without the keeper a shell has the terminal again already: the modes are still ours to reset, the rest is its.
    let before = lock(&BEFORE).clone().filter(|_| in_foreground());
    give_back(interrupted, before.as_ref(), OptionalActions::Now);
}

/// Puts the terminal back as it was before a client that is dead, and forgets what was typed for it.
pub fn put_back(before: &Termios) {
    MOUSE.store(true, Ordering::SeqCst);
    give_back(true, Some(before), OptionalActions::Flush);
}

fn give_back(interrupted: bool, before: Option<&Termios>, how: OptionalActions) {
    // A terminal that reads nothing must not keep the process from ending.
    if writable(200) {
        let mut bytes = Vec::new();
        if interrupted {
            bytes.extend_from_slice(BREAK_OFF);
        }
        if MOUSE.load(Ordering::SeqCst) {
            bytes.extend_from_slice(MOUSE_OFF);
        }
        bytes.extend_from_slice(LEAVE);
        let _gone = write_all(&bytes);
    }
    if let Some(before) = before {
        let _gone = tcsetattr(rustix::stdio::stdin(), how, before);
    }
}

/// Whether the terminal edits lines and echoes, as a shell has it.
#[must_use]
pub fn is_cooked(modes: &Termios) -> bool {
    modes.local_modes.contains(LocalModes::ICANON)
}

/// Whether the terminal is ours to touch: true in the foreground, and where there is no job control.
#[must_use]
pub fn in_foreground() -> bool {
    rustix::termios::tcgetpgrp(rustix::stdio::stdout())
        .map_or(true, |group| group == rustix::process::getpgrp())
}

/// Waits, stopped, until the shell gives us the terminal.
fn await_foreground() -> io::Result<()> {
    for _ in 0..STOPS {
        if in_foreground() {
            return Ok(());
        }
        signal_hook::low_level::raise(SIGTTOU)?;
    }
    Err(io::Error::other("the terminal belongs to another program"))
}

/// Writes a frame, unless the terminal was given back meanwhile.
///
/// # Errors
/// The terminal is gone.
pub fn frame(bytes: &[u8]) -> io::Result<()> {
    let _guard = lock(&OUTPUT);
    if bytes.is_empty() || !TAKEN.load(Ordering::SeqCst) {
        return Ok(());
    }
    write_all(bytes)
}

/// Asks the terminal to say when it has read everything sent so far; [`answered`] is to be called when it does.
///
/// # Errors
/// The terminal is gone.
pub fn ask() -> io::Result<()> {
    *lock(&ASKED) = true;
    frame(ASK)
}

/// The answer came.
pub fn answered() {
    *lock(&ASKED) = false;
    CHANGED.notify_all();
}

/// It is clear that no answer will come.
pub fn unanswered() {
    *lock(&ASKED) = false;
}

fn await_answer() {
    let asked = lock(&ASKED);
    if *asked {
        drop(CHANGED.wait_timeout_while(asked, OWED, |asked| *asked));
    }
}

/// Waits until the terminal is ours; says whether it was not.
pub(crate) fn await_taken() -> bool {
    if is_taken() {
        return false;
    }
    let asked = lock(&ASKED);
    drop(CHANGED.wait_while(asked, |_| !is_taken()));
    true
}

/// Whether the terminal is ours now.
#[must_use]
pub fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Has the terminal report the mouse, or not any more. Its own selection works only while it does not.
///
/// # Errors
/// The terminal is gone.
pub fn mouse(on: bool) -> io::Result<()> {
    MOUSE.store(on, Ordering::SeqCst);
    frame(if on { MOUSE_ON } else { MOUSE_OFF })
}

/// Gives the terminal back before a panic is reported.
pub fn hook_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        report(panic);
    }));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
