//! One try to reach a daemon and greet it.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dirigent_protocol::fault::{Code, Fault};
use dirigent_rpc::{Connection, unix};
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::target::{SshTarget, Target};

/// What reaching and greeting may take on this machine.
const LOCAL: Duration = Duration::from_secs(10);
/// What it may take over ssh, where a person may have to type a passphrase.
const REMOTE: Duration = Duration::from_secs(60);

/// Connects and greets, once.
///
/// # Errors
/// Nobody listens, entry is refused, the greeting is refused or takes too long.
pub async fn connect(target: &Target, client: &str) -> Result<Connection, Fault> {
    let (limit, work) = match target {
        Target::Socket(path) => (LOCAL, futures::future::Either::Left(local(path, client))),
        Target::Ssh(ssh) => (REMOTE, futures::future::Either::Right(remote(ssh, client))),
    };
    timeout(limit, work).await.unwrap_or_else(|_| {
        let what = format!(
            "the daemon at {} did not answer within {} s",
            target.describe(),
            limit.as_secs()
        );
        Err(Fault::new(Code::Unreachable, what).help("see `dirigent daemon logs`"))
    })
}

async fn local(path: &Path, client: &str) -> Result<Connection, Fault> {
    let stream = unix::connect(path).await.map_err(|error| refused(path, &error))?;
    Connection::open(stream, client, |task| drop(Handle::current().spawn(task)))
        .await
        .map_err(dirigent_rpc::CallError::into_fault)
}

fn refused(path: &Path, error: &std::io::Error) -> Fault {
    let place = path.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            Fault::new(Code::Unreachable, "no daemon is running there")
                .at(place.to_string())
                .help("start one with `dirigent daemon start`")
        }
        ErrorKind::PermissionDenied => {
            Fault::new(Code::NotPermitted, "this user may not open the daemon's socket")
                .at(place.to_string())
                .help("only the daemon's own user may; use that account, or `-H ssh://user@host`")
        }
        _ => Fault::new(
            Code::Unreachable,
            format!("the daemon cannot be reached: {error}"),
        )
        .at(place.to_string()),
    }
}

async fn remote(ssh: &SshTarget, client: &str) -> Result<Connection, Fault> {
    let mut command = Command::new("ssh");
    command.arg("-T");
    if let Some(port) = ssh.port {
        command.arg("-p").arg(port.to_string());
    }
    command.arg("--").arg(&ssh.login).arg("dirigent").arg("stdio");
    if let Some(socket) = &ssh.socket {
        // The other side's shell reads this: one quoted word.
        command
            .arg("--socket")
            .arg(format!("'{}'", socket.replace('\'', r"'\''")));
    }
    let failed = |what: String| Fault::new(Code::Unreachable, what).at(format!("ssh://{}", ssh.login));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("`ssh` cannot be started: {error}")))?;
    let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
        return Err(failed("`ssh` gave no pipes".into()));
    };
    Connection::open(tokio::io::join(output, input), client, |task| {
        drop(Handle::current().spawn(async move {
            task.await;
            drop(child);
        }));
    })
    .await
    .map_err(|error| {
        failed(error.to_string())
            .help("try `ssh HOST dirigent status`: dirigent and its daemon must be there")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_there_is_unreachable_and_says_how_to_start() {
        let dir = tempfile::tempdir().unwrap();
        let target = Target::Socket(dir.path().join("none.sock"));
        let fault = connect(&target, "test").await.err().unwrap();
        assert_eq!(fault.code, Code::Unreachable);
        assert_eq!(fault.code.exit(), 69);
        assert!(fault.help.unwrap().contains("daemon start"));
    }
}
