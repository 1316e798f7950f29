//! A home for one daemon: data, configuration and socket in a folder that goes away.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::{LONG, client_path, daemon_path, until};

/// Two agents, a document each: `reader` and `writer`.
pub const AGENTS: &str = "\
kind: Agent
metadata: { name: reader }
spec: { description: Reads., model: rehearsal/rehearsal, prompt: 'List what went wrong in: {{ input.text }}' }
---
kind: Agent
metadata: { name: writer }
spec: { description: Writes., model: rehearsal/rehearsal, prompt: 'Summarise: {{ input }}' }
---
";

/// A folder with everything one daemon owns.
pub struct Home {
    folder: TempDir,
}

/// A daemon under test. Killed when dropped.
pub struct Daemon {
    child: Child,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|wrong| panic!("no JSON ({wrong}): {self:#?}"))
    }

    /// Standard output as JSON, if it ended with that code.
    #[must_use]
    pub fn json_if(&self, code: i32) -> Option<Value> {
        (self.code == Some(code)).then(|| self.json())
    }

    /// Standard output as JSON lines.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn json_lines(&self) -> Vec<Value> {
        let read =
            |line| serde_json::from_str(line).unwrap_or_else(|wrong| panic!("no JSON ({wrong}): {line}"));
        self.stdout.lines().map(read).collect()
    }

    /// Itself, if it ended with that code.
    ///
    /// # Panics
    /// When it ended otherwise.
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

impl Home {
    /// A new home whose daemon may run commands and reach the given `host:port`s.
    ///
    /// # Panics
    /// When the folder cannot be made.
    #[must_use]
    pub fn new(egress: &[String]) -> Self {
        let folder = tempfile::Builder::new().prefix("dg-").tempdir().unwrap();
        let allow: Vec<_> = egress.iter().map(|place| format!("{place:?}")).collect();
        let config = format!(
            "[run]\nshell = \"allow\"\n\n[egress]\nallow = [{}]\n",
            allow.join(", ")
        );
        fs::write(folder.path().join("daemon.toml"), config).unwrap();
        Self { folder }
    }

    /// A path in the home.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds to the daemon's configuration.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn configure(&self, more: &str) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.path("daemon.toml"))
            .unwrap();
        file.write_all(more.as_bytes()).unwrap();
    }

    /// Writes a file of the home and gives its path.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Publishes the definitions of a text under a file's name; what is said of it.
    ///
    /// # Panics
    /// When they are refused.
    pub fn apply(&self, name: &str, text: &str) -> String {
        let file = self.write(name, text);
        let file = file.display().to_string();
        self.client(&["apply", "-f", &file]).expect_code(0).stdout
    }

    /// Where the daemon listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path("d.sock")
    }

    /// A command line in this home, ready to be changed and run.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("DIRIGENT_HOME", self.path("data"))
            .env("DIRIGENT_SOCKET", self.socket())
            .env("DIRIGENT_CONFIG", self.path("daemon.toml"))
            .env("LANG", "C.UTF-8")
            .current_dir(self.folder.path());
        command
    }

    /// Starts the daemon and waits for nothing.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_quietly(&self) -> Daemon {
        self.start_as(self.daemon_command())
    }

    /// The daemon's command line, ready to be changed and run.
    #[must_use]
    pub fn daemon_command(&self) -> Command {
        let mut command = self.command(&daemon_path());
        command.arg("--foreground").stdin(Stdio::null());
        command
    }

    /// Starts a daemon by that command line and waits for nothing.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_as(&self, mut command: Command) -> Daemon {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("daemon.log"))
            .unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Daemon { child }
    }

    /// Starts the daemon and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(&self) -> Daemon {
        let mut daemon = self.start_quietly();
        until("the daemon to answer", LONG, || {
            if let Ok(Some(status)) = daemon.child.try_wait() {
                panic!("the daemon ended with {status}:\n{}", self.log());
            }
            let answers = self.socket().exists() && self.client(&["status", "--json"]).code == Some(0);
            answers.then_some(())
        });
        daemon
    }

    /// What the daemon logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    /// A client's command line, ready to be changed and run.
    #[must_use]
    pub fn client_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&client_path());
        command.args(arguments);
        command
    }

    /// Runs the client to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn client(&self, arguments: &[&str]) -> Output {
        self.client_with_input(arguments, "")
    }

    /// Runs the client with text on standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn client_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .client_command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A client that does not read its input closes it early; that is its right.
        drop(
            child
                .stdin
                .take()
                .map(|mut stdin| stdin.write_all(input.as_bytes())),
        );
        output(child.wait_with_output().unwrap())
    }
}

/// What a finished process printed.
pub(crate) fn output(ended: std::process::Output) -> Output {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output {
        code: ended.status.code(),
        stdout: text(ended.stdout),
        stderr: text(ended.stderr),
    }
}

impl Daemon {
    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn stop(mut self) {
        let pid = self.pid().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        until("the daemon to end", Duration::from_secs(40), || {
            self.child.try_wait().unwrap().map(drop)
        });
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already gone is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
