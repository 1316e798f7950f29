//! `dirigent status`: health, versions, counts, lag, disk.

use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::{DaemonStatus, Query, QueryReply};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::moment;
use crate::cli::out::{Out, Tone};
use crate::link::snapshot::unexpected;
use crate::text::amount::{bytes, count};

/// One line for the list of verbs.
pub const ABOUT: &str = "Health, versions, counts, lag, disk";

/// `dirigent status`
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Does it.
///
/// # Errors
/// The daemon cannot be reached.
pub async fn run(_: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let status = read(cx).await?;
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
    let rows = process(status)
        .into_iter()
        .chain(serve)
        .chain(work(status))
        .chain(waits(status));
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
