//! The real program in a real pseudo terminal: it paints at once, asks nothing of the terminal, and gives it back
//! on every way out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longest wait for anything; far more than a loaded machine needs.
const DEADLINE: Duration = Duration::from_secs(30);

struct Client {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    bytes: Vec<u8>,
    input: Box<dyn Write + Send>,
    _home: tempfile::TempDir,
}

impl Client {
    fn start(environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let size = PtySize {
            rows: 40,
            cols: 120,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_dirigent"));
        command.env_clear();
        // A socket nobody listens on, named by hand: no daemon is started.
        command.env("DIRIGENT_SOCKET", home.path().join("none.sock"));
        command.env("HOME", home.path());
        command.env("XDG_RUNTIME_DIR", home.path());
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]
            .iter()
            .chain(environment)
        {
            command.env(name, value);
        }
        command.cwd(home.path());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 65_536];
            while let Ok(read) = reader.read(&mut chunk) {
                if read == 0 || sender.send(chunk[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let input = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(40.try_into().unwrap(), 120.try_into().unwrap(), 0);
        Self {
            child,
            master: pair.master,
            output,
            screen,
            bytes: Vec::new(),
            input,
            _home: home,
        }
    }

    /// Reads until the screen is as wanted.
    fn until(&mut self, what: &str, mut wanted: impl FnMut(&vt100::Screen) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !wanted(self.screen.screen()) {
            match self
                .output
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(chunk) => {
                    self.screen.process(&chunk);
                    self.bytes.extend(chunk);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{what} did not come:\n{}", self.screen.screen().contents());
                }
            }
        }
    }

    /// Waits until the process has stopped, as a shell does: a CONT that comes before the stop is lost.
    fn stopped(&self) {
        let stat = format!("/proc/{}/stat", self.child.process_id().unwrap());
        let end = Instant::now() + DEADLINE;
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
            assert!(Instant::now() < end, "the client did not stop");
            std::thread::yield_now();
        }
    }

    fn painted(&mut self) {
        self.until("the first frame", |screen| {
            screen.contents().contains("Operate › Dashboard")
        });
    }

    fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        let done = std::process::Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// Waits for the end and checks that a shell would find its terminal as it was.
    fn ended(mut self, how: &str) {
        self.until("the end of the alternate screen", |screen| {
            !screen.alternate_screen()
        });
        let screen = self.screen.screen();
        assert!(!screen.hide_cursor(), "{how}: the cursor stays hidden");
        assert!(!screen.bracketed_paste(), "{how}: bracketed paste stays on");
        let end = Instant::now() + DEADLINE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "{how}: it does not end");
            std::thread::yield_now();
        }
        let modes = rustix::termios::tcgetattr(terminal_of(&*self.master)).unwrap();
        assert!(
            modes.local_modes.contains(rustix::termios::LocalModes::ICANON),
            "{how}: the terminal stays raw"
        );
        assert!(
            modes.local_modes.contains(rustix::termios::LocalModes::ECHO),
            "{how}: the terminal stays silent"
        );
    }
}

/// The terminal as a file, by its name.
fn terminal_of(master: &dyn MasterPty) -> std::fs::File {
    let name = master.tty_name().unwrap();
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)
        .unwrap()
}

#[test]
fn the_first_frame_asks_nothing_of_the_terminal() {
    let mut client = Client::start(&[]);
    client.painted();
    let text = String::from_utf8_lossy(&client.bytes).into_owned();
    for query in [
        "\x1b[c", "\x1b[>c", "\x1b[6n", "\x1b[5n", "\x1b[?u", "\x1b]10;", "\x1b]11;", "\x1bP+q", "$p",
    ] {
        assert!(!text.contains(query), "{query:?} was asked");
    }
    client.input.write_all(b"q").unwrap();
    client.ended("q");
}

#[test]
fn every_signal_gives_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT", "QUIT", "ABRT"] {
        let mut client = Client::start(&[]);
        client.painted();
        client.signal(signal);
        client.ended(signal);
    }
}

#[test]
fn a_stop_gives_the_terminal_back_and_a_continue_draws_again() {
    let mut client = Client::start(&[]);
    client.painted();
    client.signal("TSTP");
    client.until("the shell's screen", |screen| !screen.alternate_screen());
    client.stopped();
    client.signal("CONT");
    client.until("the page again", |screen| {
        screen.alternate_screen() && screen.contents().contains("Dashboard")
    });
    client.signal("TERM");
    client.ended("TERM behind a stop");
}

#[test]
fn a_missing_daemon_is_said_and_keys_work_all_the_same() {
    let mut client = Client::start(&[]);
    client.until("the state of the line", |screen| {
        screen.contents().contains("disconnected")
    });
    client.input.write_all(b"ga").unwrap();
    client.until("the inbox", |screen| {
        screen.contents().contains("Operate › Approvals")
    });
    client.input.write_all(b"\x03\x03").unwrap();
    client.ended("Ctrl-C twice");
}

#[test]
fn without_utf8_and_colour_there_is_neither() {
    let mut client = Client::start(&[("LANG", "C"), ("NO_COLOR", "1")]);
    client.until("the first frame", |screen| {
        screen.contents().contains("Operate > Dashboard")
    });
    assert!(client.bytes.is_ascii());
    let text = String::from_utf8(client.bytes.clone()).unwrap();
    for code in (30..=37).chain(90..=97) {
        assert!(!text.contains(&format!("{code}m")), "colour {code}");
    }
    client.input.write_all(b"q").unwrap();
    client.ended("q");
}

#[test]
fn a_dumb_terminal_is_refused_in_words() {
    let mut client = Client::start(&[("TERM", "dumb")]);
    client.until("the reason", |screen| {
        screen.contents().contains("TERM=dumb cannot show a full screen")
    });
    assert!(!client.screen.screen().alternate_screen());
    assert!(!client.child.wait().unwrap().success());
}
