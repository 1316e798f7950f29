//! `dirigent status`: health, versions, counts, lag, disk.

use std::time::Duration;

use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::{DaemonStatus, Query, QueryReply, WallStatus};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::moment;
use crate::cli::out::{Out, Tone};
use crate::link::snapshot::unexpected;
use crate::text::amount::{bytes, count};

/// One line for the list of verbs.
pub const ABOUT: &str = "Health, versions, counts, lag, disk";

/// A daemon that is asked for the first time tries its walls meanwhile: how often, and how soon it is asked again.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// `dirigent status`
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Does it.
///
/// # Errors
/// The daemon cannot be reached.
pub async fn run(_: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut status = read(cx).await?;
    for _ in 0..TRIES {
        if status.walls.iter().all(|wall| wall.stands.is_some()) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        status = read(cx).await?;
    }
    let mut value = serde_json::to_value(&status).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.insert("client_version".into(), env!("CARGO_PKG_VERSION").into());
    }
    cx.show(&value, |out| write(&status, out))?;
    Ok(Exit::Done)
}

/// Asks for it.
///
/// # Errors
/// The daemon cannot be reached.
pub async fn read(cx: &mut Cx) -> Result<DaemonStatus, Fault> {
    match cx.query(Query::Status {}).await? {
        QueryReply::Status(status) => Ok(*status),
        _ => Err(unexpected("`status`")),
    }
}

/// Writes it for people.
pub fn write(status: &DaemonStatus, out: &mut Out) {
    let look = out.look;
    let serve = Some(status.serve.clone()).filter(|serve| !serve.is_empty());
    let serve = serve.map(|serve| ("offers", Tone::Plain, serve));
    let walls = walls(&status.walls).map(|walls| ("walls", Tone::Plain, walls));
    let rows = process(status).into_iter().chain(walls);
    let rows = rows.chain(serve).chain(work(status)).chain(waits(status));
    for (name, tone, text) in rows {
        out.raw_line(&format!("{name:<10} {}", look.paint(tone, &look.line(&text))));
    }
}

type Row = (&'static str, Tone, String);

fn process(status: &DaemonStatus) -> [Row; 6] {
    let trouble = &status.store.trouble;
    let (tone, health) = match trouble.is_empty() {
        true => (Tone::Good, "well"),
        false => (Tone::Bad, trouble.as_str()),
    };
    let since = moment(status.started_at);
    let daemon = format!("{}, process {}, since {since}", status.version, status.pid);
    let private = if status.private { " (private)" } else { "" };
    [
        ("health", tone, health.to_owned()),
        ("daemon", Tone::Plain, daemon),
        ("client", Tone::Plain, env!("CARGO_PKG_VERSION").to_owned()),
        ("data", Tone::Plain, status.data_dir.clone()),
        ("socket", Tone::Plain, format!("{}{private}", status.socket)),
        ("shell", Tone::Plain, status.shell.clone()),
    ]
}

/// What runs wait for that were refused at a door.
fn waits(status: &DaemonStatus) -> Option<Row> {
    let told = status.waits.iter().map(|waits| {
        let (runs, until) = (count(waits.runs), moment(waits.until));
        format!("{runs} until {until} ({})", waits.what)
    });
    let words = told.collect::<Vec<_>>().join(", ");
    (!words.is_empty()).then_some(("waiting", Tone::Ask, words))
}

/// What stands around commands, and why the others do not; none where the daemon says nothing of it.
fn walls(walls: &[WallStatus]) -> Option<String> {
    let word = |wall: &WallStatus| match wall.stands {
        Some(true) => format!("{} stands", wall.name),
        Some(false) => format!("{} does not ({})", wall.name, wall.why),
        None => format!("{} is being tried", wall.name),
    };
    let mut words: Vec<String> = walls.iter().map(word).collect();
    if words.is_empty() {
        return None;
    }
    if walls.iter().all(|wall| wall.stands == Some(false)) {
        words.insert(0, "the three layers of the sandbox alone".to_owned());
    }
    Some(words.join("; "))
}

fn work(status: &DaemonStatus) -> [Row; 5] {
    let runs: Vec<String> = status
        .runs
        .iter()
        .map(|(word, n)| format!("{} {word}", count(*n)))
        .collect();
    let runs = if runs.is_empty() {
        "none".to_owned()
    } else {
        runs.join(", ")
    };
    let asked = match status.approvals_pending {
        0 => Tone::Plain,
        _ => Tone::Ask,
    };
    let models = format!(
        "{} (default {})",
        status.providers.join(", "),
        status.default_model
    );
    let store = &status.store;
    let store = format!(
        "{} commits, {} behind, journal {}, state {}, {} free on disk",
        count(store.commits),
        count(store.lag),
        bytes(store.journal_bytes),
        bytes(store.state_bytes),
        bytes(store.disk_free)
    );
    [
        ("runs", Tone::Plain, runs),
        (
            "approvals",
            asked,
            format!("{} pending", status.approvals_pending),
        ),
        (
            "effects",
            Tone::Plain,
            format!("{} in flight", status.effects_in_flight),
        ),
        ("models", Tone::Plain, models),
        ("store", Tone::Plain, store),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(name: &str, stands: Option<bool>, why: &str) -> WallStatus {
        WallStatus {
            name: name.to_owned(),
            stands,
            why: why.to_owned(),
        }
    }

    #[test]
    fn it_says_which_walls_stand_and_why_the_others_do_not() {
        let one = [
            wall("unit", Some(false), "no bus"),
            wall("bubblewrap", Some(true), ""),
        ];
        assert_eq!(
            walls(&one).as_deref(),
            Some("unit does not (no bus); bubblewrap stands")
        );
        let none = [
            wall("unit", Some(false), "no bus"),
            wall("bubblewrap", Some(false), "not found"),
        ];
        assert_eq!(
            walls(&none).as_deref(),
            Some(
                "the three layers of the sandbox alone; unit does not (no bus); bubblewrap does not (not found)"
            )
        );
        assert_eq!(walls(&[]), None);
    }
}
