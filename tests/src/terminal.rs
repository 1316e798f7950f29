//! A terminal that can be typed into and read: a real pty with a real program in it.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::until;

/// A program in a pty, its screen kept up to date.
pub struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    written: Arc<Mutex<Vec<u8>>>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Runs a command in a terminal of that size.
    ///
    /// # Panics
    /// When there is no pty to be had.
    #[must_use]
    pub fn run(command: &Command, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize {
                rows,
                cols: columns,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        let mut inside = CommandBuilder::new(command.get_program());
        inside.args(command.get_args());
        inside.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                inside.env(name, value);
            }
        }
        inside.env("TERM", "xterm-256color");
        if let Some(folder) = command.get_current_dir() {
            inside.cwd(folder);
        }
        let child = pair.slave.spawn_command(inside).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            NonZero::new(rows).unwrap(),
            NonZero::new(columns).unwrap(),
            0,
        )));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let fed = Arc::clone(&screen);
        let written = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                kept.lock().unwrap().extend_from_slice(&bytes[..read]);
                fed.lock().unwrap().process(&bytes[..read]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self {
            screen,
            written,
            writer,
            child,
            _master: pair.master,
        }
    }

    /// Types.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// What is on the screen.
    ///
    /// # Panics
    /// When the reader panicked.
    #[must_use]
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Every byte the program wrote so far.
    ///
    /// # Panics
    /// When the reader panicked.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        self.written.lock().unwrap().clone()
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// The program has the alternate screen.
    ///
    /// # Panics
    /// When the reader panicked.
    #[must_use]
    pub fn alternate(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    /// Waits until a text is on the screen.
    ///
    /// # Panics
    /// When it does not come; the message shows the screen.
    pub fn wait_for(&self, text: &str, deadline: Duration) {
        let shown = || self.text().contains(text).then_some(());
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until(text, deadline, shown)));
        assert!(
            outcome.is_ok(),
            "`{text}` did not appear; the screen is:\n{}",
            self.text()
        );
    }

    /// Waits until the program ended and gives its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_end(&mut self, deadline: Duration) -> u32 {
        until("the program to end", deadline, || self.child.try_wait().unwrap()).exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Already gone is fine.
        drop(self.child.kill());
    }
}
