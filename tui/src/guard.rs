//! The keeper of the terminal: a tiny parent that gives it back whatever kills the client.
//!
//! The program starts itself a second time and waits: the first process keeps the terminal, the second is the
//! client. Nothing can stand between a `SIGKILL` and its victim, so only somebody else can clean up. The keeper
//! stops, continues and ends as the client does, so that a shell sees one program; it passes signals on that were
//! meant for both. It runs no thread and never reads the terminal. It decides nothing about what is shown.
//!
//! Invariants: the terminal's modes are on only while it is raw (see `terminal`), so a terminal that is found as it
//! was needs nothing, and one that is not gets all of it back. If the keeper dies, the client ends in good order.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use rustix::termios::{Termios, isatty};
use signal_hook::consts::{SIGABRT, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, raise};

use crate::terminal;

/// Tells the second process who its keeper is; it counts only if that is its parent.
pub const KEEPER: &str = "DIRIGENT_KEEPER";
/// What the keeper is called in lists of processes: other than the client, so that `pkill -9 dirigent` leaves it.
const NAME: &str = "tty-keeper";

/// Flags of the command line whose value is the next word.
pub const VALUED: &[&str] = &[
    "-H",
    "--host",
    "--socket",
    "--data-dir",
    "--config",
    "-o",
    "--output",
];
/// Verbs that may show the full screen; no verb does, too.
pub const SCREENS: &[&str] = &["open", "demo"];

/// Stands guard if this is the process to do so, and says how the client ended; `None` if this process is the client
/// itself (or whatever was asked for needs no guard).
#[must_use]
pub fn stand() -> Option<ExitCode> {
    let keeper = std::env::var(KEEPER).ok().and_then(|text| text.parse().ok());
    if let Some(keeper) = keeper.and_then(Pid::from_raw)
        && rustix::process::getppid() == Some(keeper)
    {
        attend(keeper);
        return None;
    }
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_else(|| "dirigent".into());
    let words: Vec<OsString> = words.collect();
    let term = std::env::var_os("TERM");
    if term.is_none_or(|term| term.is_empty() || term == "dumb")
        || !wants_screen(&words)
        || !isatty(rustix::stdio::stdin())
        || !isatty(rustix::stdio::stdout())
    {
        return None;
    }
    let signals = Signals::new([SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTSTP]).ok()?;
    let before = rustix::termios::tcgetattr(rustix::stdio::stdout()).ok()?;
    // Without a second process the first does the work, unguarded: better than no work.
    let child = start(&name, &words)?;
    let _named = std::fs::write("/proc/self/comm", NAME);
    Some(Keeper { child, before }.keep(signals))
}

/// Whether the words may lead to the full screen. A guard too many costs a millisecond, one too few the terminal.
#[must_use]
pub fn wants_screen(words: &[OsString]) -> bool {
    // Lines need no guard, wherever they are asked for: they leave the terminal as it is.
    if words.iter().any(|word| word == "--plain") {
        return false;
    }
    let mut words = words.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        match word {
            "--help" | "-h" | "--version" | "-V" => return false,
            valued if VALUED.contains(&valued) => {
                words.next();
            }
            flag if flag.starts_with('-') => {}
            verb => return SCREENS.contains(&verb),
        }
    }
    true
}

/// In the client: end when the keeper ends, for then nobody waits for us any more.
fn attend(keeper: Pid) {
    let _asked = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    if rustix::process::getppid() != Some(keeper) {
        let _ended = emulate_default_handler(SIGTERM);
    }
}

fn start(name: &OsStr, words: &[OsString]) -> Option<Child> {
    let me = rustix::process::getpid().as_raw_nonzero().to_string();
    // The path first, for it is what lists of processes show; the link also works when the file was replaced.
    let path = std::env::current_exe().ok();
    let paths = path.into_iter().chain(["/proc/self/exe".into()]);
    paths
        .filter_map(|path| {
            Command::new(path)
                .arg0(name)
                .args(words)
                .env(KEEPER, &me)
                .spawn()
                .ok()
        })
        .next()
}

struct Keeper {
    child: Child,
    before: Termios,
}

impl Keeper {
    fn keep(mut self, mut signals: Signals) -> ExitCode {
        for signal in signals.forever() {
            match signal {
                SIGCHLD => {}
                // A cooked terminal sends these to the whole group: the client has its own already.
                SIGINT | SIGQUIT | SIGTSTP if is_cooked_now() => {}
                other => self.tell(other),
            }
            if let Some(code) = self.look() {
                return code;
            }
        }
        ExitCode::FAILURE
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn tell(&self, signal: i32) {
        if let (Some(pid), Some(signal)) = (self.pid(), Signal::from_named_raw(signal)) {
            let _told = rustix::process::kill_process(pid, signal);
        }
    }

    /// Follows what became of the client; gives the exit code if it ended.
    fn look(&mut self) -> Option<ExitCode> {
        loop {
            let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
            let status = match rustix::process::waitpid(self.pid(), options) {
                Ok(Some((_, status))) => status,
                Ok(None) | Err(rustix::io::Errno::INTR) => return None,
                Err(_) => return Some(ExitCode::FAILURE),
            };
            if status.stopped() {
                // Stopped without a last word (SIGSTOP): the shell is not to find it raw. The client takes it again.
                self.repair();
                stop(&status);
                self.wake();
            } else {
                self.repair();
                return Some(end(&status));
            }
        }
    }

    /// Continues the client behind a stop that only the keeper came back from.
    fn wake(&mut self) {
        if let Ok(now) = rustix::termios::tcgetattr(rustix::stdio::stdout())
            && terminal::is_cooked(&now)
        {
            // Somebody may have changed it while the shell had it.
            self.before = now;
        }
        if self.is_stopped() {
            self.tell(SIGCONT);
        }
    }

    fn is_stopped(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).is_ok_and(|stat| {
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    }

    /// Gives the terminal back if the client could not.
    fn repair(&self) {
        if !is_cooked_now() && terminal::is_cooked(&self.before) && terminal::in_foreground() {
            terminal::put_back(&self.before);
        }
    }
}

/// Whether the terminal is as a shell has it; one that is gone needs nothing.
fn is_cooked_now() -> bool {
    rustix::termios::tcgetattr(rustix::stdio::stdout()).map_or(true, |now| terminal::is_cooked(&now))
}

/// Stops as the client did.
fn stop(status: &WaitStatus) {
    let signal = status.stopping_signal().unwrap_or(SIGTSTP);
    // Signals we listen to have no default of their own left; the others stop in their own name.
    let _stopped = if signal == SIGTSTP {
        emulate_default_handler(SIGTSTP)
    } else {
        raise(signal)
    };
}

/// Ends as the client did: with its code, or of its signal.
fn end(status: &WaitStatus) -> ExitCode {
    if let Some(code) = status.exit_status() {
        return ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1));
    }
    let signal = status.terminating_signal().unwrap_or(SIGTERM);
    // One core file is enough, and it is the client's.
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _limited = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    let _ended = emulate_default_handler(signal);
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(words: &str) -> bool {
        wants_screen(&words.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_screen_is_guarded_and_nothing_else() {
        assert!(wants("") && wants("open run/8f20") && wants("--read-only") && wants("-H ssh://x open a"));
        assert!(
            wants("--socket=/x/s") && wants("--socket runs"),
            "a value is no verb"
        );
        assert!(!wants("runs list") && !wants("-o json status") && !wants("--help") && !wants("--plain"));
    }
}
