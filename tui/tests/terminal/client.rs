//! The program in a pseudo terminal, seen by a terminal emulator.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Longest wait for anything; far more than a loaded machine needs.
const DEADLINE: Duration = Duration::from_secs(30);

/// Columns and rows of a terminal, where a test does not say others.
const USUAL: (u16, u16) = (120, 40);

pub(crate) struct Client {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    output: Receiver<Vec<u8>>,
    pub(crate) screen: vt100::Parser,
    pub(crate) bytes: Vec<u8>,
    input: Arc<Mutex<Box<dyn Write + Send>>>,
    pub(crate) home: Arc<tempfile::TempDir>,
}

impl Client {
    /// The client alone, as the leader of its own session.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        Self::start_at(USUAL, environment)
    }

    /// The same at a terminal of so many columns and rows.
    pub(crate) fn start_at(size: (u16, u16), environment: &[(&str, &str)]) -> Self {
        let command = CommandBuilder::new(env!("CARGO_BIN_EXE_dirigent"));
        Self::spawn_in(
            Arc::new(tempfile::tempdir().unwrap()),
            command,
            environment,
            None,
            size,
        )
    }

    /// An interactive shell with job control, to start the client in.
    pub(crate) fn shell() -> Self {
        let mut command = CommandBuilder::new("sh");
        command.arg("-i");
        let mut shell = Self::spawn(command, &[("PS1", "shell> ")]);
        shell.until("the prompt", |screen| screen.contents().contains("shell>"));
        shell
    }

    /// The client in a home of an earlier one.
    pub(crate) fn again(home: Arc<tempfile::TempDir>, environment: &[(&str, &str)]) -> Self {
        let command = CommandBuilder::new(env!("CARGO_BIN_EXE_dirigent"));
        Self::spawn_in(home, command, environment, None, USUAL)
    }

    /// The client at a terminal that reads so many bytes a second, and says so when asked.
    pub(crate) fn slow(rate: usize, environment: &[(&str, &str)]) -> Self {
        let home = Arc::new(tempfile::tempdir().unwrap());
        let command = CommandBuilder::new(env!("CARGO_BIN_EXE_dirigent"));
        Self::spawn_in(home, command, environment, Some(rate), USUAL)
    }

    fn spawn(command: CommandBuilder, environment: &[(&str, &str)]) -> Self {
        Self::spawn_in(
            Arc::new(tempfile::tempdir().unwrap()),
            command,
            environment,
            None,
            USUAL,
        )
    }

    fn spawn_in(
        home: Arc<tempfile::TempDir>,
        mut command: CommandBuilder,
        environment: &[(&str, &str)],
        rate: Option<usize>,
        (cols, rows): (u16, u16),
    ) -> Self {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        command.env_clear();
        // A socket nobody listens on, named by hand: no daemon is started.
        command.env("DIRIGENT_SOCKET", home.path().join("none.sock"));
        command.env("HOME", home.path());
        command.env("XDG_RUNTIME_DIR", home.path());
        let mut path = std::path::Path::new(env!("CARGO_BIN_EXE_dirigent"))
            .parent()
            .unwrap()
            .as_os_str()
            .to_owned();
        path.push(":/usr/bin:/bin");
        command.env("PATH", path);
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
        let input = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let answers = Arc::clone(&input);
        std::thread::spawn(move || {
            let mut chunk = vec![0; rate.map_or(65_536, |rate| rate / 20)];
            let mut asked = Vec::new();
            while let Ok(read) = reader.read(&mut chunk) {
                if read == 0 || sender.send(chunk[..read].to_vec()).is_err() {
                    return;
                }
                // The plain terminal of the other tests never answers anything.
                let Some(rate) = rate else { continue };
                carry(read, rate);
                asked.extend_from_slice(&chunk[..read]);
                while let Some(at) = asked.windows(4).position(|bytes| bytes == b"\x1b[5n") {
                    asked.drain(..at + 4);
                    let _gone = answers.lock().unwrap().write_all(b"\x1b[0n");
                }
                let kept = asked.len().saturating_sub(3);
                asked.drain(..kept);
            }
        });
        let screen = vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0);
        Self {
            child,
            master: pair.master,
            output,
            screen,
            bytes: Vec::new(),
            input,
            home,
        }
    }

    /// Reads until the client has the screen again.
    pub(crate) fn back_on_the_page(&mut self) {
        self.until("the page", |screen| {
            screen.alternate_screen() && screen.contents().contains("Dashboard")
        });
    }

    /// Reads until the screen is as wanted.
    pub(crate) fn until(&mut self, what: &str, mut wanted: impl FnMut(&vt100::Screen) -> bool) {
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

    /// Takes what comes within so many milliseconds.
    pub(crate) fn read_for(&mut self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        while let Ok(chunk) = self
            .output
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.screen.process(&chunk);
            self.bytes.extend(chunk);
        }
    }

    /// Waits until a file in a directory holds a text.
    pub(crate) fn file_with(&mut self, dir: &std::path::Path, text: &str) {
        let end = Instant::now() + DEADLINE;
        loop {
            let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
            let mut texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
            if texts.any(|held| held.contains(text)) {
                return;
            }
            assert!(Instant::now() < end, "no file in {} holds {text}", dir.display());
            self.read_for(5);
        }
    }

    /// Starts the client in the shell, and waits for its first frame.
    pub(crate) fn start_client(&mut self) {
        self.type_keys("dirigent\n");
        self.until("the first frame", |screen| {
            screen.alternate_screen() && screen.contents().contains("Operate › Dashboard")
        });
    }

    /// Waits until a process is gone, or waits to be buried.
    pub(crate) fn gone(id: u32) {
        let end = Instant::now() + DEADLINE;
        while std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < end, "{id} does not end");
            std::thread::yield_now();
        }
    }

    /// The process that was started: the keeper, or the shell.
    pub(crate) fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// The only child of a process.
    pub(crate) fn child_of(id: u32) -> u32 {
        let path = format!("/proc/{id}/task/{id}/children");
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(child) = std::fs::read_to_string(&path)
                .unwrap()
                .split(' ')
                .find_map(|id| id.parse().ok())
            {
                return child;
            }
            assert!(Instant::now() < end, "{id} has no child");
            std::thread::yield_now();
        }
    }

    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.input.lock().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.screen
            .screen_mut()
            .set_size(rows.try_into().unwrap(), columns.try_into().unwrap());
        self.master.resize(size).unwrap();
    }

    /// Waits until a process has stopped, as a shell does: a CONT that comes before the stop is lost.
    pub(crate) fn stopped(id: u32) {
        let stat = format!("/proc/{id}/stat");
        let end = Instant::now() + DEADLINE;
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
            assert!(Instant::now() < end, "the client did not stop");
            std::thread::yield_now();
        }
    }

    pub(crate) fn painted(&mut self) {
        self.until("the first frame", |screen| {
            screen.contents().contains("Operate › Dashboard")
        });
    }

    /// The whole process is told, not one of its threads.
    pub(crate) fn kill(id: u32, name: &str) {
        let done = std::process::Command::new("kill")
            .args([&format!("-{name}"), &id.to_string()])
            .status()
            .unwrap();
        assert!(done.success());
    }

    pub(crate) fn signal(&self, name: &str) {
        Self::kill(self.id(), name);
    }

    /// Waits for the end and checks that a shell would find its terminal as it was; gives how it ended,
    /// in words.
    pub(crate) fn ended(mut self, how: &str) -> String {
        self.given_back(how);
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.to_string();
            }
            assert!(Instant::now() < end, "{how}: it does not end");
            std::thread::yield_now();
        }
    }

    /// Waits until the terminal is as a shell wants it.
    pub(crate) fn given_back(&mut self, how: &str) {
        self.modes_reset(how);
        // The sequences go out before the terminal is cooked again.
        let end = Instant::now() + DEADLINE;
        loop {
            let modes = rustix::termios::tcgetattr(terminal_of(&*self.master))
                .unwrap()
                .local_modes;
            if modes.contains(rustix::termios::LocalModes::ICANON | rustix::termios::LocalModes::ECHO) {
                return;
            }
            assert!(Instant::now() < end, "{how}: the terminal stays raw: {modes:?}");
            std::thread::yield_now();
        }
    }

    /// Waits until no mode of the client's is on any more.
    pub(crate) fn modes_reset(&mut self, how: &str) {
        // One write of the client's may come to us in pieces.
        let end = Instant::now() + DEADLINE;
        loop {
            let left = self.left_on();
            if left.is_empty() {
                return;
            }
            match self
                .output
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(chunk) => {
                    self.screen.process(&chunk);
                    self.bytes.extend(chunk);
                }
                Err(_) => panic!("{how}: {left:?} stays on:\n{}", self.screen.screen().contents()),
            }
        }
    }

    /// What of the client's is on still.
    fn left_on(&self) -> Vec<&'static str> {
        let screen = self.screen.screen();
        let mut left = Vec::from([
            (screen.alternate_screen(), "the alternate screen"),
            (screen.hide_cursor(), "the hidden cursor"),
            (screen.bracketed_paste(), "bracketed paste"),
        ]);
        let modes = ["?1000", "?1002", "?1004", "?1006", "?2004", "?2026"];
        left.extend(modes.map(|mode| (self.is_on(mode), mode)));
        left.retain(|(on, _)| *on);
        left.into_iter().map(|(_, what)| what).collect()
    }

    /// Whether a private mode was set last, and not reset.
    fn is_on(&self, mode: &str) -> bool {
        let text = String::from_utf8_lossy(&self.bytes);
        text.rfind(&format!("\x1b[{mode}h")) > text.rfind(&format!("\x1b[{mode}l"))
    }
}

/// As long as a line of so many bytes a second takes for these.
#[expect(clippy::disallowed_methods, reason = "the line of this terminal is slow")]
fn carry(bytes: usize, rate: usize) {
    std::thread::sleep(Duration::from_micros((bytes * 1_000_000 / rate) as u64));
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
