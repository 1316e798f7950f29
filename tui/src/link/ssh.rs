//! A daemon of another machine: `ssh HOST dirigent stdio`, its pipes as the wire.
//!
//! It is just `ssh`: the person's configuration, keys, agent, jumps and known hosts decide. Owns what is asked of it on
//! top, and the words for each way it can fail. Knows no key and no password: whatever ssh asks a person goes over the
//! terminal without us, and only when [`Ask::Person`] allows it.
//!
//! Invariant: the process ends with the connection, however that ends.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dirigent_protocol::fault::{Code, Fault};
use dirigent_rpc::{CallError, Connection, Pulse};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::ssh_explain as explain;
use super::target::{Ask, SshTarget};

/// How long it may take where a person types.
const PERSON: Duration = Duration::from_secs(150);
/// How long it may take alone.
const ALONE: Duration = Duration::from_secs(20);
/// How long a process whose pipes are closed may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Bytes kept of what it says on standard error.
const KEPT: usize = 4 << 10;

/// Connects and greets, once.
///
/// # Errors
/// Each way it can fail, by name: see the `explain` module.
pub(super) async fn open(ssh: &SshTarget, client: &str, ask: Ask) -> Result<Connection, Fault> {
    let limit = match ask {
        Ask::Person => PERSON,
        Ask::Nobody => ALONE,
    };
    let mut child = command(ssh, ask)
        .spawn()
        .map_err(|error| explain::no_program(ssh, &error))?;
    let (Some(output), Some(input), Some(errors)) =
        (child.stdout.take(), child.stdin.take(), child.stderr.take())
    else {
        return Err(Fault::new(Code::Internal, "`ssh` gave no pipes"));
    };
    let words = Words::of(errors);
    let pulse = Pulse::default();
    let io = tokio::io::join(output, input);
    let greeting = Connection::open_within(limit, io, pulse.clone(), client, |task| {
        drop(Handle::current().spawn(task));
    });
    let late = || explain::late(ssh, limit);
    let failed = match timeout(limit, greeting).await {
        Ok(Ok(connection)) => return Ok(connection.keeping(child)),
        // It was greeted, and said no.
        Ok(Err(CallError::Fault(fault))) => return Err(fault.at(ssh.describe())),
        Ok(Err(CallError::Lost(_))) if pulse.noise().is_none() => None,
        Ok(Err(CallError::Lost(_))) => pulse.noise(),
        Err(_) => return Err(late()),
    };
    let ended = ended(&mut child).await;
    match (failed, ended) {
        (Some(noise), _) => Err(explain::noise(ssh, &noise)),
        (None, Some(status)) => Err(explain::ended(ssh, status, &words.all(), ask)),
        (None, None) => Err(late()),
    }
}

/// The command line.
fn command(ssh: &SshTarget, ask: Ask) -> Command {
    let mut command = Command::new("ssh");
    // No terminal, no X11, no agent for the other side; and nothing of the person's configuration that is meant for
    // working there: forwardings that are taken already would refuse the connection.
    command
        .args(["-T", "-x", "-a"])
        .args(["-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none"]);
    if ask == Ask::Nobody {
        command.args(["-o", "BatchMode=yes"]);
        // What is typed into the terminal (Ctrl-C, Ctrl-Z) is not for it.
        command.process_group(0);
    }
    if let Some(port) = ssh.port {
        command.args(["-p", &port.to_string()]);
    }
    command.args(["--", &ssh.login, "dirigent", "stdio"]);
    if let Some(socket) = &ssh.socket {
        // The other side's shell reads this: one quoted word.
        command
            .arg("--socket")
            .arg(format!("'{}'", socket.replace('\'', r"'\''")));
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// How the process ended; it is told to, where it does not by itself.
async fn ended(child: &mut Child) -> Option<ExitStatus> {
    if let Ok(ended) = timeout(LAST_WORDS, child.wait()).await {
        return ended.ok();
    }
    drop(child.start_kill());
    None
}

/// The end of what the process says on standard error. Read to the end, so that it never waits for us.
struct Words(Arc<Mutex<Vec<u8>>>);

impl Words {
    fn of(mut errors: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&kept);
        drop(Handle::current().spawn(async move {
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = errors.read(&mut bytes).await {
                let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&bytes[..read]);
                let over = kept.len().saturating_sub(KEPT);
                kept.drain(..over);
            }
        }));
        Self(kept)
    }

    fn all(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}
