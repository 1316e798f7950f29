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
/// by itself and with those around it; one that gave no answer in time is tried again the next time.
pub async fn standing() -> Vec<&'static Wall> {
    match STANDING.get_or_try_init(try_all).await {
        Ok(standing) => standing.clone(),
        Err(so_far) => so_far,
    }
}

/// Those that stand; as an error, those that do while it is not known of another.
async fn try_all() -> Result<Vec<&'static Wall>, Vec<&'static Wall>> {
    let (mut standing, mut sure) = (Vec::new(), true);
    for wall in WALLS {
        standing.push(wall);
        match stand(&standing).await {
            Some(true) => continue,
            Some(false) => {
                tracing::debug!(wall = wall.name, "this wall around sandboxes does not stand here")
            }
            None => {
                tracing::warn!(
                    wall = wall.name,
                    "a wall around sandboxes gives no answer; it is tried again"
                );
                sure = false;
            }
        }
        standing.pop();
    }
    let names: Vec<_> = standing.iter().map(|wall| wall.name).collect();
    tracing::info!(walls = names.join(", "), "walls that stand around sandboxes here");
    if sure { Ok(standing) } else { Err(standing) }
}

/// Whether the last of them stands within the others; none where that is not said in time.
async fn stand(walls: &[&'static Wall]) -> Option<bool> {
    let room = Room {
        workspace: PathBuf::from("/"),
        ..Room::default()
    };
    let words = before(walls, Profile::Pure.grant(), &room);
    let Some((first, rest)) = words.split_first() else {
        return Some(true);
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
    Some(ended.ok()?.is_ok_and(|status| status.success()))
}
