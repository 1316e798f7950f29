//! A server of the Model Context Protocol as a command: its process group, its pipes, and what it says beside the
//! protocol, which is read as long as it lives: a full pipe would stop it, a closed one end it.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};

use dirigent_protocol::run::WorkflowError;
use dirigent_protocol::watch::StreamSource;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::super::confine::Kept;
use super::super::performer::{Call, failed, refused};
use super::super::process::{self, Group};
use super::super::script::on_path;
use super::super::web::Ended;
use super::lines::{Lines, Trouble};
use crate::sandbox::Room;

/// Bytes that are shown at once.
const PIECE: usize = 4 << 10;

/// What is started.
pub(super) struct Program<'a> {
    pub(super) command: &'a str,
    pub(super) arguments: &'a [String],
    pub(super) environment: &'a BTreeMap<String, String>,
    /// What it is kept to.
    pub(super) kept: Kept,
    pub(super) room: Room,
}

/// Reads what a server says beside the protocol; nothing where it can say nothing.
#[derive(Default)]
pub(super) struct Said(Option<BoxFuture<'static, ()>>);

/// A server that was started.
pub(super) struct Piped {
    pub(super) child: Child,
    pub(super) streams: (Lines<ChildStdout>, ChildStdin),
    pub(super) trouble: Trouble,
    pub(super) said: Said,
}

/// Does something while what the server says beside is read.
pub(super) async fn beside<T>(said: &mut Said, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    if let Some(reading) = &mut said.0 {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = reading => {}
        }
        said.0 = None;
    }
    work.await
}

/// Starts a server. Its process group is noted, so that whatever becomes of this process it can be ended.
pub(super) fn begin(
    program: &Program<'_>,
    (dirigentd, notes): (&Path, &Path),
    call: &Call,
) -> Result<Piped, Ended> {
    let command = program.command;
    let path = if command.contains('/') {
        Some(PathBuf::from(command))
    } else {
        on_path(command)
    };
    let Some(path) = path else {
        let detail = format!("`{command}` is not on the daemon's PATH");
        return Err(Box::new(refused(
            "configuration",
            501,
            "The server cannot be started",
            detail,
        )));
    };
    let not_started = |error: std::io::Error| {
        let problem = WorkflowError::standard("communication", 503, "The server cannot be started");
        Box::new(failed(problem.detail(format!("{command}: {error}")), false))
    };
    let kept = program
        .kept
        .command(dirigentd, &program.room, &path.to_string_lossy());
    let environment = program.kept.environment(program.environment);
    let environment = environment.iter().map(|(name, value)| (name, value));
    let mut started = process::spoken_to(kept, program.arguments, environment, &call.key);
    if program.room.workspace.is_absolute() {
        started.current_dir(&program.room.workspace);
    }
    let mut child = started.spawn().map_err(not_started)?;
    if let Some(group) = child.id().and_then(Group::of) {
        process::note(&process::note_path(notes, call.run, call.effect), &group).map_err(not_started)?;
    }
    let (Some(input), Some(output), Some(mut errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(not_started(std::io::Error::other("it has no pipes")));
    };
    let live = call.live.clone();
    let reading = async move {
        // In pieces, not in lines: a line may have no end.
        let mut piece = vec![0; PIECE];
        while let Ok(count @ 1..) = errors.read(&mut piece).await {
            live.write(StreamSource::Stderr, &String::from_utf8_lossy(&piece[..count]));
        }
    };
    let trouble = Trouble::default();
    Ok(Piped {
        child,
        streams: (Lines::new(output, trouble.clone()), input),
        trouble,
        said: Said(Some(reading.boxed())),
    })
}
