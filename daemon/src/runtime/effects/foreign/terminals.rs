//! Commands an agent has run for it: in its tree, in its sandbox, each in a process group of its own.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::super::confine::Kept;
use super::super::process::{Group, KEY_VARIABLE, spoken_to};
use crate::sandbox::Room;

/// Most terminals of a session at once.
const MOST: usize = 32;
/// Bytes that are kept of one's output where the agent names no limit, and the most it may name.
const KEEPS: (usize, usize) = (256 << 10, 4 << 20);
const READ_BYTES: usize = 16 << 10;
/// Goes to a directory before it becomes the program; what that writes comes in one order, as on a terminal.
const GO_THERE: &str = r#"cd -- "$1" && shift && exec "$@" 2>&1"#;

/// How programs of a session are started.
pub(super) struct Spawner {
    /// This program: it becomes the sandbox.
    pub(super) dirigentd: PathBuf,
    pub(super) kept: Kept,
    pub(super) room: Room,
    pub(super) environment: Vec<(String, String)>,
    /// What all of them carry.
    pub(super) key: String,
}

impl Spawner {
    /// A program with pipes, in a process group of its own.
    pub(super) fn command(&self, program: &str, arguments: &[String]) -> Command {
        let command = self.kept.command(&self.dirigentd, &self.room, program);
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        let environment = self.kept.environment(environment);
        let environment = environment.iter().map(|(name, value)| (name, value));
        let mut command = spoken_to(command, arguments, environment, &self.key);
        command.current_dir(&self.room.workspace);
        command
    }
}

/// The end of what was written, and whether something before it is gone.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    keeps: usize,
    cut: bool,
}

impl Tail {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let over = self.bytes.len().saturating_sub(self.keeps);
        // Characters are kept whole: what continues one is no beginning.
        let over = (over..self.bytes.len())
            .find(|at| over == 0 || self.bytes[*at] & 0xc0 != 0x80)
            .unwrap_or(self.bytes.len());
        if over > 0 {
            self.cut = true;
            self.bytes.drain(..over);
        }
    }
}

struct Terminal {
    tail: Arc<Mutex<Tail>>,
    group: Option<Group>,
    ended: Option<Value>,
    /// Requests that wait for its end.
    waiting: Vec<Value>,
}

/// The terminals of a session.
#[derive(Default)]
pub(super) struct Terminals {
    all: HashMap<String, Terminal>,
    running: FuturesUnordered<BoxFuture<'static, (String, Value)>>,
    last: u32,
}

impl Terminals {
    /// Starts a command; gives the terminal's name.
    pub(super) fn create(&mut self, spawner: &Spawner, params: &Value) -> Result<Value, String> {
        if self.all.len() >= MOST {
            return Err(format!("at most {MOST} terminals at once"));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = text(&params["command"]);
        let given: Vec<String> = params["args"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect();
        // Some hand over a whole line.
        let whole = given.is_empty() && line.contains(char::is_whitespace);
        let words = if whole {
            vec!["/bin/sh".to_owned(), "-c".to_owned(), line]
        } else {
            [vec![line], given].concat()
        };
        let folder = params["cwd"].as_str().map_or(&*spawner.room.workspace, Path::new);
        let there = ["-c", GO_THERE, "sh"].map(str::to_owned).into_iter();
        let there = there.chain([folder.display().to_string()]).chain(words);
        let mut command = spawner.command("/bin/sh", &there.collect::<Vec<_>>());
        let asked = params["env"].as_array().into_iter().flatten();
        let asked: Vec<_> = asked
            .map(|variable| (text(&variable["name"]), text(&variable["value"])))
            .collect();
        if let Some((name, _)) = asked
            .iter()
            .find(|(name, _)| name.is_empty() || name.contains(['=', '\0']))
        {
            return Err(format!("`{}` is no variable's name", name.escape_debug()));
        }
        let asked = asked.iter().map(|(name, value)| (name, value));
        command
            .envs(spawner.kept.environment(asked))
            .env(KEY_VARIABLE, &spawner.key)
            .stdin(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let asked = params["outputByteLimit"]
            .as_u64()
            .and_then(|most| usize::try_from(most).ok());
        let tail = Arc::new(Mutex::new(Tail {
            keeps: asked.unwrap_or(KEEPS.0).min(KEEPS.1),
            ..Tail::default()
        }));
        self.last += 1;
        let name = format!("terminal-{}", self.last);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (group, kept, whose) = (child.id().and_then(Group::of), tail.clone(), name.clone());
        self.running.push(Box::pin(async move {
            tokio::join!(read(out, &kept), read(err, &kept));
            (whose, exit(child.wait().await.ok()))
        }));
        let terminal = Terminal {
            tail,
            group,
            ended: None,
            waiting: Vec::new(),
        };
        self.all.insert(name.clone(), terminal);
        Ok(json!({ "terminalId": name }))
    }

    fn of(&mut self, params: &Value) -> Result<&mut Terminal, String> {
        let name = params["terminalId"].as_str().unwrap_or_default();
        self.all
            .get_mut(name)
            .ok_or_else(|| format!("there is no terminal `{name}`"))
    }

    pub(super) fn output(&mut self, params: &Value) -> Result<Value, String> {
        let terminal = self.of(params)?;
        let tail = terminal.tail.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(json!({
            "output": String::from_utf8_lossy(&tail.bytes),
            "truncated": tail.cut,
            "exitStatus": terminal.ended,
        }))
    }

    /// How it ended; where it has not, the request is kept until it has.
    pub(super) fn wait(&mut self, params: &Value, request: &Value) -> Result<Option<Value>, String> {
        let terminal = self.of(params)?;
        if terminal.ended.is_none() {
            terminal.waiting.push(request.clone());
        }
        Ok(terminal.ended.clone())
    }

    pub(super) fn kill(&mut self, params: &Value) -> Result<Value, String> {
        let terminal = self.of(params)?;
        if let (Some(group), None) = (&terminal.group, &terminal.ended) {
            group.signal(Signal::KILL);
        }
        Ok(json!({}))
    }

    pub(super) fn release(&mut self, params: &Value) -> Result<Value, String> {
        self.kill(params)?;
        self.all.remove(params["terminalId"].as_str().unwrap_or_default());
        Ok(json!({}))
    }

    /// Whether one runs.
    pub(super) fn any_runs(&self) -> bool {
        !self.running.is_empty()
    }

    /// The next one that ends: how, and which requests waited for it. May be dropped and called again.
    pub(super) async fn next_end(&mut self) -> (Value, Vec<Value>) {
        let Some((name, end)) = self.running.next().await else {
            return (Value::Null, Vec::new());
        };
        let waiting = self.all.get_mut(&name).map(|terminal| {
            terminal.ended = Some(end.clone());
            std::mem::take(&mut terminal.waiting)
        });
        (end, waiting.unwrap_or_default())
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, into: &Mutex<Tail>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        into.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&buffer[..count]);
    }
}

fn exit(status: Option<std::process::ExitStatus>) -> Value {
    let signal = status.and_then(|status| status.signal());
    json!({
        "exitCode": status.and_then(|status| status.code()),
        "signal": signal.map(|number| format!("{number}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_in_whole_characters() {
        let mut tail = Tail {
            keeps: 4,
            ..Tail::default()
        };
        tail.add("ab".as_bytes());
        assert!(!tail.cut);
        tail.add("1€2".as_bytes());
        assert_eq!(
            (String::from_utf8_lossy(&tail.bytes).as_ref(), tail.cut),
            ("€2", true)
        );
        tail.add("xyz".as_bytes());
        assert_eq!(String::from_utf8_lossy(&tail.bytes), "2xyz");
    }
}
