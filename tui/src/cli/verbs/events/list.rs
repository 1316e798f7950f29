//! `dirigent events list`

use dirigent_protocol::bus::{BusEvent, EventsQuery};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::{Query, QueryReply};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::clock;
use crate::cli::out::Tone;
use crate::cli::resolve;
use crate::cli::table::Table;
use crate::cli::verbs::get::hint;
use crate::link::snapshot::unexpected;

/// `dirigent events list`
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Only events of this type; a `*` at its end stands for any rest
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only events of this source; a `*` at its end stands for any rest
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,
    /// What this run emitted, and its lifecycle
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Most events
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

/// Does it.
///
/// # Errors
/// No such run, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = match &args.run {
        Some(text) => Some(resolve::run(cx, text).await?),
        None => None,
    };
    let query = EventsQuery {
        kind: args.kind,
        source: args.source,
        run,
        limit: args.limit,
        cursor: args.cursor,
    };
    let QueryReply::BusEvents { items, next } = cx.query(Query::Events(query)).await? else {
        return Err(unexpected("events"));
    };
    let flat: Vec<Value> = items.iter().map(flat).collect();
    let value = json!({ "items": flat, "next": next });
    cx.show(&value, |out| {
        let mut table = Table::new(&["at", "type", "source", "subject", "data"]);
        for item in &items {
            let text = |name: &str| item.event[name].as_str().unwrap_or_default().to_owned();
            let data = match &item.event["data"] {
                Value::Null => String::new(),
                data => data.to_string(),
            };
            table.row(vec![
                (Tone::Dim, clock(item.at)),
                (Tone::Plain, text("type")),
                (Tone::Plain, text("source")),
                (Tone::Plain, text("subject")),
                (Tone::Plain, data),
            ]);
        }
        table.write(out);
    })?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

/// An event for scripts.
pub(super) fn flat(item: &BusEvent) -> Value {
    json!({ "at": item.at, "run": item.run, "by": item.by, "event": item.event })
}
