//! `dirigent events publish`

use std::path::PathBuf;

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::Fault;
use serde_json::{Map, Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::input;
use crate::link::snapshot::unexpected;

/// `dirigent events publish`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The event's type, such as com.example.order.paid
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Where it comes from; the user's name if not said
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,
    /// Its id; the same source and id are taken once
    #[arg(long, value_name = "TEXT")]
    pub id: Option<String>,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    pub subject: Option<String>,
    /// Its data: JSON, @FILE or @-
    #[arg(long, value_name = "JSON")]
    pub data: Option<String>,
    /// Another attribute; the value is JSON, or text where it is none
    #[arg(long = "attribute", short = 'a', value_name = "NAME=VALUE")]
    pub attributes: Vec<String>,
    /// The whole event: a JSON file, or `-` for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// It is no event, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let event = event(&args)?;
    let kind = event["type"].as_str().unwrap_or_default().to_owned();
    let command = Command::EventPublish { event };
    let reply = cx.command("publish an event", command).await?;
    let CommandReply::Published { id, source, existing } = reply else {
        return Err(unexpected("a publication"));
    };
    let value = json!({ "id": id, "source": source, "type": kind, "existing": existing });
    cx.show(&value, |out| {
        if existing {
            out.text(&format!(
                "event {id} of {source} was published before; nothing changed"
            ));
        } else {
            out.text(&format!("event {id} of {source} is on the bus"));
        }
    })?;
    Ok(Exit::Done)
}

fn event(args: &Args) -> Result<Value, Fault> {
    let mut event = match &args.file {
        Some(file) => {
            let from = format!("@{}", file.display());
            match input::json(&from, "--file")? {
                Value::Object(event) => event,
                _ => return Err(usage("the event must be a JSON mapping")),
            }
        }
        None => Map::new(),
    };
    let named = [
        ("type", &args.kind),
        ("source", &args.source),
        ("id", &args.id),
        ("subject", &args.subject),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            event.insert(name.to_owned(), json!(value));
        }
    }
    for attribute in &args.attributes {
        let Some((name, value)) = attribute.split_once('=') else {
            return Err(usage(format!("`{attribute}` is no attribute")).help("write -a name=value"));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        event.insert(name.to_owned(), value);
    }
    if let Some(data) = &args.data {
        event.insert("data".to_owned(), input::json(data, "--data")?);
    }
    if !event.contains_key("type") {
        return Err(usage("the event has no type").help("write --type com.example.happened"));
    }
    Ok(Value::Object(event))
}
