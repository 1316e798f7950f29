//! A program in a pseudo terminal of its own: what it writes, and when.
//!
//! It answers the one question a client asks, whether the terminal has read everything, as terminals do.
//!
//! Invariant: a frame is over at the end of a synchronized update, which both programs send.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dirigent_tui::cli::bench::process;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// "Have you read all of this?", and the answer.
const ASKS: &[u8] = b"\x1b[5n";
const ANSWER: &[u8] = b"\x1b[0n";
/// Between two keys of somebody who types fast.
const TYPING: Duration = Duration::from_millis(50);
/// End of a frame.
const FRAME: &[u8] = b"\x1b[?2026l";
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(10);
/// A program that wrote nothing for so long has done what it was asked for.
const QUIET: Duration = Duration::from_millis(400);

type Input = Arc<Mutex<Box<dyn Write + Send>>>;

/// What was read, and when.
type Chunk = (Instant, Vec<u8>);

pub(crate) struct Seat {
    child: Box<dyn Child + Send + Sync>,
    begun: Instant,
    output: Receiver<Chunk>,
    input: Input,
    _master: Box<dyn MasterPty + Send>,
}

impl Seat {
    pub(crate) fn take(command: CommandBuilder) -> Result<Self, Box<dyn Error>> {
        let pair = native_pty_system().openpty(PtySize {
            rows: 40,
            cols: 120,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let mut reader = pair.master.try_clone_reader()?;
        let input: Input = Arc::new(Mutex::new(pair.master.take_writer()?));
        let (sender, output) = channel();
        let answers = Arc::clone(&input);
        std::thread::spawn(move || {
            let mut chunk = vec![0; 65_536];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                if chunk[..read].windows(ASKS.len()).any(|bytes| bytes == ASKS)
                    && send(&answers, ANSWER).is_err()
                {
                    return;
                }
                if sender.send((Instant::now(), chunk[..read].to_vec())).is_err() {
                    return;
                }
            }
        });
        let begun = Instant::now();
        let child = pair.slave.spawn_command(command)?;
        Ok(Self {
            child,
            begun,
            output,
            input,
            _master: pair.master,
        })
    }

    /// From the start until the first frame is whole.
    pub(crate) fn frame(&mut self) -> Result<Duration, Box<dyn Error>> {
        Ok(self.until_frame()?.duration_since(self.begun))
    }

    /// From a key until the next frame is whole.
    pub(crate) fn key(&mut self, key: &[u8]) -> Result<Duration, Box<dyn Error>> {
        self.bytes_within(TYPING)?;
        let pressed = Instant::now();
        send(&self.input, key)?;
        Ok(self.until_frame()?.duration_since(pressed))
    }

    fn until_frame(&mut self) -> Result<Instant, Box<dyn Error>> {
        let mut seen = Vec::new();
        loop {
            let (at, chunk) = self.output.recv_timeout(PATIENCE)?;
            seen.extend(chunk);
            if seen.windows(FRAME.len()).any(|bytes| bytes == FRAME) {
                return Ok(at);
            }
        }
    }

    /// Until nothing has come for a while.
    pub(crate) fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + PATIENCE;
        while self.bytes_within(QUIET)? > 0 {
            if Instant::now() > end {
                return Err("the screen does not come to rest".into());
            }
        }
        Ok(())
    }

    /// Bytes that are written within this time.
    pub(crate) fn bytes_within(&mut self, time: Duration) -> Result<usize, Box<dyn Error>> {
        let (end, mut bytes) = (Instant::now() + time, 0);
        loop {
            match self
                .output
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok((_, chunk)) => bytes += chunk.len(),
                Err(RecvTimeoutError::Timeout) => return Ok(bytes),
                Err(RecvTimeoutError::Disconnected) => return Err("the program ended".into()),
            }
        }
    }

    /// Processes at this terminal: the program, and the client behind its keeper.
    fn processes(&self) -> Vec<u32> {
        let Some(first) = self.child.process_id() else {
            return Vec::new();
        };
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        std::iter::once(first).chain(children).collect()
    }

    /// What they have taken so far.
    pub(crate) fn cpu(&self) -> Duration {
        let used = |pid: u32| process::since(&process::Used::default(), &process::cpu(pid));
        self.processes().into_iter().map(used).sum()
    }

    /// Their memory, bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.processes().into_iter().map(process::resident).sum()
    }

    /// A start that is not measured.
    pub(crate) fn warm(mut self) -> Result<(), Box<dyn Error>> {
        self.frame()?;
        self.settle()?;
        self.end()
    }

    /// Leaves as a person does.
    pub(crate) fn end(mut self) -> Result<(), Box<dyn Error>> {
        send(&self.input, b"q")?;
        self.child.wait()?;
        Ok(())
    }
}

fn send(input: &Input, bytes: &[u8]) -> std::io::Result<()> {
    let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
    input.write_all(bytes)?;
    input.flush()
}
