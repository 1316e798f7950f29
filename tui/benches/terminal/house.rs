//! Home and daemon of the measured client, in a directory that goes with it.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use tempfile::TempDir;

use crate::bare;
use crate::seat::Seat;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct House {
    daemon: Child,
    dir: TempDir,
}

impl House {
    pub(crate) fn open() -> Result<Self, Box<dyn Error>> {
        let client = Path::new(env!("CARGO_BIN_EXE_dirigent"));
        let program = client.with_file_name("dirigentd");
        if !program.is_file() {
            return Err(format!("{} is not there: cargo build --release --bins", program.display()).into());
        }
        let dir = tempfile::tempdir()?;
        let mut daemon = Command::new(program)
            .arg("--private")
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .arg("--socket")
            .arg(socket(&dir))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let lines = daemon.stderr.take().map(BufReader::new);
        // What it says is read to the end, for it must not be held up.
        std::thread::spawn(move || lines.into_iter().flat_map(BufRead::lines).for_each(drop));
        let end = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(socket(&dir)).is_err() {
            if Instant::now() > end || daemon.try_wait()?.is_some() {
                return Err("the daemon does not come up".into());
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Ok(Self { daemon, dir })
    }

    /// The client's first page.
    pub(crate) fn client(&self) -> Result<Seat, Box<dyn Error>> {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_dirigent"));
        self.furnish(&mut command);
        command.env("DIRIGENT_SOCKET", socket(&self.dir));
        Seat::take(command)
    }

    /// The bare page.
    pub(crate) fn bare(&self) -> Result<Seat, Box<dyn Error>> {
        let mut command = CommandBuilder::new(std::env::current_exe()?);
        self.furnish(&mut command);
        command.env(bare::ASKED, "1");
        Seat::take(command)
    }

    fn furnish(&self, command: &mut CommandBuilder) {
        command.env_clear();
        command.cwd(self.dir.path());
        command.env("HOME", self.dir.path());
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env("LANG", "C.UTF-8");
    }

    pub(crate) fn close(mut self) -> Result<(), Box<dyn Error>> {
        self.daemon.kill()?;
        self.daemon.wait()?;
        Ok(())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _gone = self.daemon.kill();
    }
}

fn socket(dir: &TempDir) -> PathBuf {
    dir.path().join("d.sock")
}
