//! Which walls stand here.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

use super::super::enter::Room;
use super::super::profile::Profile;
use super::{WALLS, Wall, before};

/// A wall that takes longer than this to do nothing does not stand.
const PATIENCE: Duration = Duration::from_secs(3);

static STANDING: OnceCell<Vec<&'static Wall>> = OnceCell::const_new();

/// The walls that stand on this machine, the outermost first. They are tried when it is asked for the first time, each
/// by itself and with those around it.
pub async fn standing() -> &'static [&'static Wall] {
    STANDING.get_or_init(try_all).await
}

async fn try_all() -> Vec<&'static Wall> {
    let mut standing: Vec<&'static Wall> = Vec::new();
    for wall in WALLS {
        standing.push(wall);
        if !stand(&standing).await {
            tracing::debug!(wall = wall.name, "this wall around sandboxes does not stand here");
            standing.pop();
        }
    }
    let names: Vec<_> = standing.iter().map(|wall| wall.name).collect();
    tracing::info!(walls = names.join(", "), "walls that stand around sandboxes here");
    standing
}

async fn stand(walls: &[&'static Wall]) -> bool {
    let room = Room {
        workspace: PathBuf::from("/"),
        ..Room::default()
    };
    let words = before(walls, Profile::Pure.grant(), &room);
    let Some((first, rest)) = words.split_first() else {
        return true;
    };
    let mut command = Command::new(first);
    command
        .args(rest)
        .arg("true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.status()).await;
    ended.is_ok_and(|ended| ended.is_ok_and(|status| status.success()))
}
