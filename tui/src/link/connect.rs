//! One try to reach a daemon and greet it.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use dirigent_protocol::fault::{Code, Fault};
use dirigent_rpc::{Connection, unix};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::ssh;
use super::target::{Ask, Target};

/// What reaching and greeting may take on this machine.
const LOCAL: Duration = Duration::from_secs(10);

/// Connects and greets, once, and asks nobody for anything.
///
/// # Errors
/// Nobody listens, entry is refused, the greeting is refused or takes too long.
pub async fn connect(target: &Target, client: &str) -> Result<Connection, Fault> {
    connect_asking(target, client, Ask::Nobody).await
}

/// The same where ssh may ask a person.
///
/// # Errors
/// As [`connect`].
pub async fn connect_asking(target: &Target, client: &str, ask: Ask) -> Result<Connection, Fault> {
    let path = match target {
        Target::Ssh(target) => return ssh::open(target, client, ask).await,
        Target::Socket(path) => path,
    };
    timeout(LOCAL, local(path, client)).await.unwrap_or_else(|_| {
        let what = format!(
            "the daemon at {} did not answer within {} s",
            target.describe(),
            LOCAL.as_secs()
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
