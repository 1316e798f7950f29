//! `dirigent events watch`

use dirigent_protocol::bus::EventsQuery;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::watch::{Change, Cursor, WatchFilter, WatchRequest};
use serde_json::json;

use super::list::flat;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::cursor_now;

/// Changes of one page.
const PAGE: u32 = 500;
/// How long a poll waits, milliseconds.
const WAIT_MS: u32 = 25_000;

/// `dirigent events watch`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only events of this type; a `*` at its end stands for any rest
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Lifecycle events of runs too
    #[arg(long)]
    pub lifecycle: bool,
    /// Where an earlier watch ended: `cursor` of its last line that has one
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
    /// End after this many events
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

/// Does it until nobody reads any more.
///
/// # Errors
/// A cursor that is not of this store, or the daemon stays away.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let lifecycle = args.lifecycle
        || args
            .kind
            .as_deref()
            .is_some_and(|kind| kind.starts_with(dirigent_protocol::bus::LIFECYCLE));
    let filter = WatchFilter {
        events: true,
        lifecycle,
        ..WatchFilter::default()
    };
    let wanted = EventsQuery {
        kind: args.kind,
        ..EventsQuery::default()
    };
    let mut cursor = match args.cursor {
        Some(text) => Cursor(text),
        None => cursor_now(cx).await?,
    };
    let mut left = args.count.unwrap_or(u64::MAX);
    cx.json_line(&json!({ "change": "start", "cursor": cursor }));
    while left > 0 && cx.out.is_open() {
        let request = WatchRequest {
            cursor: Some(cursor.clone()),
            filter: filter.clone(),
            max: PAGE,
            wait_ms: WAIT_MS,
        };
        let page = cx.caller()?.watch(request).await?;
        cursor = page.next;
        if let Some(reason) = page.resync {
            cx.json_line(&json!({ "change": "resync", "reason": reason, "cursor": cursor }));
            continue;
        }
        let events: Vec<_> = page
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Event(event) if wanted.wants(&event.event) => Some(event),
                _ => None,
            })
            .collect();
        let last = events.len();
        for (at, event) in events.into_iter().enumerate() {
            let mut value = flat(event);
            // Only behind a whole page is there a place to go on from.
            if let (true, Some(members)) = (at + 1 == last, value.as_object_mut()) {
                members.insert("cursor".into(), json!(cursor));
            }
            cx.out.exact(&value.to_string());
            left -= 1;
            if left == 0 {
                break;
            }
        }
        cx.out.flush();
    }
    Ok(Exit::Done)
}
