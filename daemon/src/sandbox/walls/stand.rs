//! Which walls stand here.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dirigent_protocol::query::WallStatus;
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::super::enter::Room;
use super::super::profile::Profile;
use super::{WALLS, Wall, before};
use crate::spawn::Supervisor;

/// A wall that takes longer than this to do nothing does not stand.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longest answer of a wall that is kept, bytes.
const MAX_WHY: usize = 300;

static TRIED: OnceCell<Vec<Tried>> = OnceCell::const_new();
static ASKED: AtomicBool = AtomicBool::new(false);

/// A wall that was tried.
#[derive(Debug, Clone)]
struct Tried {
    wall: &'static Wall,
    /// Why it does not stand; none where it does.
    why: Option<String>,
}

/// The walls that stand on this machine, the outermost first. They are tried when it is asked for the first time, each
/// by itself and with those around it; one that gave no answer in time is tried again the next time.
pub async fn standing() -> Vec<&'static Wall> {
    let tried = match TRIED.get_or_try_init(try_all).await {
        Ok(tried) => tried.clone(),
        Err(so_far) => so_far,
    };
    let standing = tried.iter().filter(|tried| tried.why.is_none());
    standing.map(|tried| tried.wall).collect()
}

/// What is known of every wall, without waiting: asked for the first time, they are tried meanwhile.
pub fn known(tasks: &Supervisor) -> Vec<WallStatus> {
    let tried = TRIED.get();
    if tried.is_none() && !ASKED.swap(true, Ordering::SeqCst) {
        tasks.spawn_until_stop("walls", async { drop(standing().await) });
    }
    let one = |wall: &Wall| {
        let own = tried.and_then(|tried| tried.iter().find(|tried| tried.wall.name == wall.name));
        WallStatus {
            name: wall.name.to_owned(),
            stands: own.map(|own| own.why.is_none()),
            why: own.and_then(|own| own.why.clone()).unwrap_or_default(),
        }
    };
    WALLS.iter().map(one).collect()
}

/// None is wanted.
pub fn unwanted() -> Vec<WallStatus> {
    let one = |wall: &Wall| WallStatus {
        name: wall.name.to_owned(),
        stands: Some(false),
        why: "[run] sandbox_walls = \"none\"".to_owned(),
    };
    WALLS.iter().map(one).collect()
}

/// All of them; as an error where it is not known of every one.
async fn try_all() -> Result<Vec<Tried>, Vec<Tried>> {
    let (mut standing, mut tried, mut sure) = (Vec::new(), Vec::new(), true);
    for wall in WALLS {
        standing.push(wall);
        let why = match stand(&standing).await {
            Answer::Stands => None,
            Answer::Not(why) => {
                tracing::debug!(
                    wall = wall.name,
                    why,
                    "this wall around sandboxes does not stand here"
                );
                Some(why)
            }
            Answer::Silent => {
                tracing::warn!(
                    wall = wall.name,
                    "a wall around sandboxes gives no answer; it is tried again"
                );
                sure = false;
                Some("it gave no answer; it is tried again".to_owned())
            }
        };
        if why.is_some() {
            standing.pop();
        }
        tried.push(Tried { wall, why });
    }
    let names: Vec<_> = standing.iter().map(|wall| wall.name).collect();
    tracing::info!(walls = names.join(", "), "walls that stand around sandboxes here");
    if sure { Ok(tried) } else { Err(tried) }
}

/// What became of trying a wall.
enum Answer {
    Stands,
    /// Why not.
    Not(String),
    /// Nothing was said in time.
    Silent,
}

/// Whether the last of them stands within the others.
async fn stand(walls: &[&'static Wall]) -> Answer {
    let room = Room {
        workspace: PathBuf::from("/"),
        ..Room::default()
    };
    let words = before(walls, Profile::Pure.grant(), &room);
    let Some((first, rest)) = words.split_first() else {
        return Answer::Stands;
    };
    let mut command = Command::new(first);
    command
        .args(rest)
        .arg("true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Err(_) => Answer::Silent,
        Ok(Err(error)) => Answer::Not(error.to_string()),
        Ok(Ok(ended)) if ended.status.success() => Answer::Stands,
        Ok(Ok(ended)) => Answer::Not(last_words(&ended.stderr).unwrap_or_else(|| ended.status.to_string())),
    }
}

/// The last line a program said that is not blank.
fn last_words(said: &[u8]) -> Option<String> {
    let from = said.len().saturating_sub(MAX_WHY);
    let text = String::from_utf8_lossy(&said[from..]);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_program_say_why() {
        assert_eq!(
            last_words(b"bwrap: loading\nbwrap: No permissions\n\n").as_deref(),
            Some("bwrap: No permissions")
        );
        assert_eq!(last_words(b"\n"), None);
        assert!(last_words(&[b'x'; 5_000]).is_some_and(|words| words.len() == MAX_WHY));
    }

    #[tokio::test]
    async fn whether_a_wall_stands_is_known_with_a_reason() {
        let standing = standing().await;
        for wall in known(&Supervisor::new()) {
            let stands = standing.iter().any(|one| one.name == wall.name);
            if let Some(known) = wall.stands {
                assert_eq!(known, stands, "{wall:?}");
                assert_eq!(wall.why.is_empty(), stands, "{wall:?}");
            }
        }
    }
}
