//! `dirigent watch`: the event feed as JSON lines, resumable.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::watch::{Change, Cursor, WatchFilter, WatchRequest};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::cursor_now;
use crate::cli::resolve;

/// Changes of one page.
const PAGE: u32 = 500;
/// How long a poll waits, milliseconds.
const WAIT_MS: u32 = 25_000;

/// One line for the list of verbs.
pub const ABOUT: &str = "The event feed as JSON lines, resumable";

/// `dirigent watch`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where an earlier watch ended: `cursor` of its last line that has one
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// Only documents of these kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<String>,
    /// Only events of these runs
    #[arg(long, value_name = "RUN", value_delimiter = ',')]
    pub run: Vec<String>,
    /// End after this many changes
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

/// Does it until nobody reads any more.
///
/// # Errors
/// No such kind or run, a cursor that is not of this store, or the daemon stays away.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let filter = filter(&args, cx).await?;
    let mut cursor = match args.cursor {
        Some(text) => Cursor(text),
        None => cursor_now(cx).await?,
    };
    let mut left = args.count.unwrap_or(u64::MAX);
    // The first line says where it begins, so that even an empty watch can be resumed.
    cx.json_line(&json!({ "change": "start", "cursor": cursor }));
    while left > 0 && cx.out.is_open() {
        let max = PAGE.min(u32::try_from(left).unwrap_or(PAGE));
        let request = WatchRequest {
            cursor: Some(cursor.clone()),
            filter: filter.clone(),
            max,
            wait_ms: WAIT_MS,
        };
        let page = cx.caller()?.watch(request).await?;
        cursor = page.next;
        if let Some(reason) = page.resync {
            cx.json_line(&json!({ "change": "resync", "reason": reason, "cursor": cursor }));
            continue;
        }
        let last = page.changes.len();
        for (at, change) in page.changes.iter().enumerate() {
            let mut value = line(change);
            // Only behind a whole page is there a place to go on from.
            if let (true, Some(members)) = (at + 1 == last, value.as_object_mut()) {
                members.insert("cursor".into(), json!(cursor));
            }
            cx.out.exact(&value.to_string());
        }
        cx.out.flush();
        left = left.saturating_sub(last as u64);
    }
    Ok(Exit::Done)
}

async fn filter(args: &Args, cx: &mut Cx) -> Result<WatchFilter, Fault> {
    let kinds: Vec<Kind> = args
        .kind
        .iter()
        .map(|text| resolve::kind(text))
        .collect::<Result<_, _>>()?;
    let mut runs = Vec::new();
    for text in &args.run {
        runs.push(resolve::run(cx, text).await?);
    }
    let all = kinds.is_empty() && runs.is_empty();
    Ok(WatchFilter {
        kinds: if all { Kind::ALL.to_vec() } else { kinds },
        runs,
        all_runs: all,
        ..WatchFilter::default()
    })
}

fn line(change: &Change) -> Value {
    match change {
        Change::Put(document) => json!({ "change": "put", "kind": document.kind, "document": document }),
        Change::Gone { kind, id } => json!({ "change": "gone", "kind": kind, "id": id }),
        Change::Event(event) => {
            json!({ "change": "event", "at": event.at, "run": event.run, "event": event.event })
        }
        Change::Run { run, event } => json!({ "change": "run", "run": run, "event": event.to_json() }),
    }
}
