//! `run: shell`: `/bin/sh -c` with its arguments unchanged, in its own process group, as the daemon's user.
//!
//! The command begins only after its process group is noted: a gate in front of it waits for a line. So after a crash
//! whatever ran can be found and emptied, and a command whose gate never opened never ran.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{
    CommandCall, EffectId, EffectKind, EffectOutcome, EffectRequest, ShellCall, Usage, WorkflowError,
};
use dirigent_protocol::watch::StreamSource;
use futures::future::BoxFuture;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio_util::sync::CancellationToken;

use super::confine::{self, Kept};
use super::container;
use super::performer::{Call, Means, Performer, failed, misdirected, refused};
use super::process::{self, Group, KEY_VARIABLE};
use super::script::{self, Prepared};
use super::shell_output::{Capture, Captured, read};
use super::web::{Ended, Web};
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::sandbox::Room;
use crate::swap::Swap;

/// Waits for the gate's line, then becomes the command. `ulimit -c 0`: no core files with secrets in them;
/// the sandbox has set that already, and lets nobody set limits.
const GATE: &str = r#"ulimit -c 0 2>/dev/null; IFS= read -r _ || exit 125; exec /bin/sh -c "$@""#;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long output may still come after the command itself has ended.
const DRAIN: Duration = Duration::from_millis(500);
/// Most of standard error that an error shows, characters.
const DETAIL_CHARS: usize = 2_000;

/// Runs commands.
pub(super) struct Shell {
    notes: PathBuf,
    work: PathBuf,
    policy: Arc<Swap<Policy>>,
    grace: Duration,
    home: String,
    program: PathBuf,
    web: Web,
}

pub(super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Shell::open(means)?))
}

impl Performer for Shell {
    fn kind(&self) -> EffectKind {
        EffectKind::Shell
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            if !matches!(
                call.request,
                EffectRequest::Shell(_)
                    | EffectRequest::Script(_)
                    | EffectRequest::Container(_)
                    | EffectRequest::Command(_)
            ) {
                return misdirected();
            }
            if !self.policy.get().shell {
                let detail = "[run] shell = \"deny\": this daemon runs no commands";
                return refused("authorization", 403, "Commands are not allowed", detail);
            }
            let kept = match confine::kept(&self.policy.get(), &call.request).await {
                Ok(kept) => kept,
                Err(refusal) => return *refusal,
            };
            let Prepared { call: wanted, files } = match self.prepare(&call).await {
                Ok(prepared) => prepared,
                Err(ended) => return *ended,
            };
            if let Some(bad) = nul_in(&wanted) {
                let detail = format!("{bad} contains a NUL character");
                return refused("validation", 400, "Bad character", detail);
            }
            match &call.request {
                EffectRequest::Command(command) => {
                    let limit = Duration::from_millis(command.timeout_ms);
                    self.run_within(limit, &wanted, call.clone(), kept).await
                }
                _ => self.run(&wanted, &files, &call, kept).await,
            }
        })
    }

    fn abandon(&self) -> BoxFuture<'_, ()> {
        Box::pin(process::end_noted(&self.notes, Duration::from_secs(2)))
    }

    fn clear<'a>(&'a self, run: RunId, effect: EffectId, key: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if !process::empty(&process::note_path(&self.notes, run, effect), key).await {
                tracing::error!(%run, effect = effect.0, "processes of a command cannot be ended");
            }
        })
    }
}

impl Shell {
    /// Ready to run.
    ///
    /// # Errors
    /// Its folders cannot be made.
    pub(super) fn open(means: &Means) -> Result<Self, RuntimeError> {
        let notes = means.data_dir.join("effects");
        let work = means.data_dir.join("work");
        for dir in [&notes, &work] {
            std::fs::create_dir_all(dir).map_err(|source| RuntimeError::Io {
                what: format!("make {}", dir.display()),
                source,
            })?;
        }
        let home = std::env::var("HOME").unwrap_or_else(|_| "/".into());
        Ok(Self {
            notes,
            work,
            policy: means.policy.clone(),
            grace: means.kill_grace,
            home,
            program: means.program.clone(),
            web: Web::open(means)?,
        })
    }

    /// The command that a request means.
    async fn prepare(&self, call: &Call) -> Result<Prepared, Ended> {
        match &call.request {
            EffectRequest::Script(wanted) => tokio::select! {
                biased;
                () = call.cancel.cancelled() => Err(Box::new(EffectOutcome::Cancelled)),
                prepared = script::prepare(&self.web, wanted) => prepared,
            },
            EffectRequest::Container(wanted) => container::prepare(wanted, &call.key),
            EffectRequest::Shell(wanted) => Ok(Prepared {
                call: wanted.clone(),
                files: Vec::new(),
            }),
            EffectRequest::Command(wanted) => Ok(Prepared {
                call: program(wanted),
                files: Vec::new(),
            }),
            _ => Err(Box::new(misdirected())),
        }
    }

    /// A program that is ended when its time is over.
    pub(super) async fn run_within(
        &self,
        limit: Duration,
        wanted: &ShellCall,
        mut call: Call,
        kept: Kept,
    ) -> EffectOutcome {
        let stopped = call.cancel.clone();
        call.cancel = stopped.child_token();
        let running = self.run(wanted, &[], &call, kept);
        tokio::pin!(running);
        tokio::select! {
            biased;
            outcome = &mut running => return outcome,
            () = tokio::time::sleep(limit) => call.cancel.cancel(),
        }
        match running.await {
            EffectOutcome::Cancelled if !stopped.is_cancelled() => {
                let title = format!("The command was ended after {} s", limit.as_secs());
                refused("timeout", 408, &title, wanted.arguments.join(" "))
            }
            outcome => outcome,
        }
    }

    async fn run(
        &self,
        wanted: &ShellCall,
        files: &[(&str, Vec<u8>)],
        call: &Call,
        kept: Kept,
    ) -> EffectOutcome {
        let fresh = self.work.join(format!("{}-{}", call.run, call.effect.0));
        let outcome = match self.begin(wanted, files, call, &fresh, kept) {
            Ok((child, group)) if wanted.detached => self.detach(child, wanted, &group, call).await,
            Ok((child, group)) => self.attend(child, wanted, &group, call).await,
            Err(error) => {
                let problem = WorkflowError::standard("runtime", 500, "The command cannot be started")
                    .detail(error.to_string());
                failed(problem, false)
            }
        };
        if !wanted.detached {
            drop(std::fs::remove_dir_all(&fresh));
        }
        outcome
    }

    /// Starts the gate and notes its group; the command itself has not begun.
    fn begin(
        &self,
        wanted: &ShellCall,
        files: &[(&str, Vec<u8>)],
        call: &Call,
        fresh: &Path,
        kept: Kept,
    ) -> std::io::Result<(Child, Group)> {
        drop(std::fs::remove_dir_all(fresh));
        std::fs::create_dir_all(fresh)?;
        // What works in a directory of somebody's choice leaves nothing of its own in it.
        let (workspace, temporary) = match &wanted.directory {
            Some(directory) => (PathBuf::from(directory), Some(fresh.to_owned())),
            None => (fresh.to_owned(), None),
        };
        let room = Room {
            workspace,
            temporary,
            outlives: wanted.detached,
            ..Room::default()
        };
        let directory = &room.workspace;
        for (name, bytes) in files {
            std::fs::write(directory.join(name), bytes)?;
        }
        let output = || {
            if wanted.detached {
                Stdio::null()
            } else {
                Stdio::piped()
            }
        };
        let child = kept
            .command(&self.program, &room, "/bin/sh")
            .args(["-c", GATE, "sh", &wanted.command, "sh"])
            .args(&wanted.arguments)
            .env_clear()
            .envs([("PATH", PATH), ("LANG", "C.UTF-8"), ("HOME", &self.home)])
            .envs(kept.environment(&wanted.environment))
            .env(KEY_VARIABLE, &*call.key)
            .env("DIRIGENT_RUN", call.run.to_string())
            .env("DIRIGENT_STEP", call.step.to_string())
            .env("DIRIGENT_ATTEMPT", call.attempt.to_string())
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(output())
            .stderr(output())
            .process_group(0)
            .spawn()
            .map_err(|error| {
                std::io::Error::new(error.kind(), format!("{error} (in {})", directory.display()))
            })?;
        let gone = || std::io::Error::other("it ended before it began");
        let group = Group::of(child.id().ok_or_else(gone)?).ok_or_else(gone)?;
        process::note(&process::note_path(&self.notes, call.run, call.effect), &group)?;
        Ok((child, group))
    }

    async fn detach(
        &self,
        mut child: Child,
        wanted: &ShellCall,
        group: &Group,
        call: &Call,
    ) -> EffectOutcome {
        if let Some(stdin) = child.stdin.take() {
            feed(stdin, wanted.stdin.as_deref()).await;
        }
        // It goes on by itself from here: what it becomes is nobody's step any more.
        drop(std::fs::remove_file(process::note_path(
            &self.notes,
            call.run,
            call.effect,
        )));
        let facts = BTreeMap::from([("pid".to_owned(), group.pid.into())]);
        EffectOutcome::Done {
            output: Arc::new(Value::Null),
            usage: Usage::default(),
            facts,
        }
    }

    async fn attend(
        &self,
        mut child: Child,
        wanted: &ShellCall,
        group: &Group,
        call: &Call,
    ) -> EffectOutcome {
        let (Some(out), Some(err), Some(stdin)) =
            (child.stdout.take(), child.stderr.take(), child.stdin.take())
        else {
            return EffectOutcome::Unknown {
                reason: "the command has no pipes".into(),
            };
        };
        let flood = CancellationToken::new();
        let (stdout, stderr) = (Capture::default(), Capture::default());
        let reading = async {
            let (live, limit) = (|| call.live.clone(), self.policy.get().max_output_bytes);
            tokio::join!(
                read(out, stdout.clone(), live(), StreamSource::Stdout, limit, &flood),
                read(err, stderr.clone(), live(), StreamSource::Stderr, limit, &flood),
            );
        };
        let end = watch(
            &mut child,
            stdin,
            wanted.stdin.as_deref(),
            reading,
            &call.cancel,
            &flood,
        );
        let end = Box::pin(end).await;
        let note = process::note_path(&self.notes, call.run, call.effect);
        match end {
            End::Cancelled => {
                self.stop(&mut child, group).await;
                process::empty(&note, &call.key).await;
                EffectOutcome::Cancelled
            }
            End::Flood => {
                process::empty(&note, &call.key).await;
                drop(child.wait().await);
                refused(
                    "runtime",
                    500,
                    "Output limit",
                    "the command wrote more than 100 MiB",
                )
            }
            End::Ended(status) => {
                // What it left running in its group ends with it.
                if group.lives() {
                    process::empty(&note, &call.key).await;
                } else {
                    drop(std::fs::remove_file(&note));
                }
                match status {
                    Ok(status) => told(wanted, status, &stdout.take(), &stderr.take()),
                    Err(error) => EffectOutcome::Unknown {
                        reason: error.to_string(),
                    },
                }
            }
        }
    }

    /// SIGTERM to the group, SIGKILL when the grace is over.
    async fn stop(&self, child: &mut Child, group: &Group) {
        group.signal(Signal::TERM);
        if tokio::time::timeout(self.grace, child.wait()).await.is_err() {
            group.signal(Signal::KILL);
            drop(child.wait().await);
        }
    }
}

/// A program and its arguments, as they are: no shell reads them.
fn program(wanted: &CommandCall) -> ShellCall {
    let words = std::iter::once(&wanted.program).chain(&wanted.arguments);
    ShellCall {
        command: r#"exec "$@""#.to_owned(),
        arguments: words.cloned().collect(),
        stdin: wanted.stdin.clone(),
        directory: Some(wanted.workspace.clone()),
        returns: "all".to_owned(),
        ..ShellCall::default()
    }
}

enum End {
    Cancelled,
    Flood,
    Ended(std::io::Result<ExitStatus>),
}

/// Opens the gate and waits for the end: of the command, and then a little for the end of its output.
async fn watch(
    child: &mut Child,
    stdin: ChildStdin,
    text: Option<&str>,
    reading: impl Future<Output = ()>,
    cancel: &CancellationToken,
    flood: &CancellationToken,
) -> End {
    let work = async {
        let feeding = feed(stdin, text);
        tokio::pin!(feeding);
        // A command need not read what it is given.
        tokio::select! {
            status = child.wait() => return status,
            () = &mut feeding => {}
        }
        child.wait().await
    };
    tokio::pin!(work, reading);
    let mut status = None;
    let mut read = false;
    while status.is_none() {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return End::Cancelled,
            () = flood.cancelled() => return End::Flood,
            ended = &mut work => status = Some(ended),
            () = &mut reading, if !read => read = true,
        }
    }
    if !read {
        // A process in the background may keep the pipes open: what came until then is the output.
        tokio::select! {
            biased;
            () = flood.cancelled() => return End::Flood,
            _ = tokio::time::timeout(DRAIN, &mut reading) => {}
        }
    }
    status.map_or(End::Cancelled, End::Ended)
}

/// Opens the gate, then hands over standard input and closes it.
async fn feed(mut stdin: ChildStdin, text: Option<&str>) {
    if stdin.write_all(b"begin\n").await.is_ok()
        && let Some(text) = text
    {
        // A command that does not read to the end is its own affair.
        drop(stdin.write_all(text.as_bytes()).await);
    }
}

fn told(wanted: &ShellCall, status: ExitStatus, out: &Captured, err: &Captured) -> EffectOutcome {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1);
    let output = match wanted.returns.as_str() {
        "stderr" => Value::String(err.text()),
        "code" => code.into(),
        "all" => json!({ "code": code, "stdout": out.text(), "stderr": err.text() }),
        "none" => Value::Null,
        _ => Value::String(out.text()),
    };
    let judged_by_author = matches!(wanted.returns.as_str(), "code" | "all");
    if code != 0 && !judged_by_author {
        let title = match status.signal() {
            Some(signal) => format!("The command was ended by signal {signal}"),
            None => format!("The command ended with exit code {code}"),
        };
        let said = err.text();
        let skip = said.chars().count().saturating_sub(DETAIL_CHARS);
        let mut error = WorkflowError::standard("runtime", 500, title);
        error.data = json!({ "code": code });
        if !said.trim().is_empty() {
            error = error.detail(said.chars().skip(skip).collect::<String>());
        }
        return failed(error, true);
    }
    let mut facts = BTreeMap::from([("exit_code".to_owned(), code.into())]);
    out.facts("stdout", &mut facts);
    err.facts("stderr", &mut facts);
    EffectOutcome::Done {
        output: Arc::new(output),
        usage: Usage::default(),
        facts,
    }
}

fn nul_in(wanted: &ShellCall) -> Option<&'static str> {
    let has = |text: &String| text.contains('\0');
    if has(&wanted.command) {
        return Some("the command");
    }
    if wanted.arguments.iter().any(has) {
        return Some("an argument");
    }
    let variable =
        |(name, value): (&String, &String)| has(name) || has(value) || name.contains('=') || name.is_empty();
    wanted.environment.iter().any(variable).then_some("a variable")
}
