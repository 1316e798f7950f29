//! `dirigent config`: the shipped files, where one's own are, and whether they are right.

use clap::{Subcommand, ValueEnum};
use dirigent_config::{
    CLIENT_DEFAULTS, ConfigErrors, DAEMON_DEFAULTS, FileSource, Loaded, Sources, load_client, load_daemon,
};
use dirigent_protocol::fault::{Code, Fault};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::place::Place;

/// One line for the list of verbs.
pub const ABOUT: &str = "Print, find and check the configuration";

/// `dirigent config`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Action {
    /// Print the shipped, commented file
    Default {
        /// Whose
        #[arg(value_enum, default_value = "daemon")]
        whose: Whose,
    },
    /// Where files, data and socket are
    Path,
    /// Check files and environment: exit 78 when something is wrong
    Check,
    /// Every key with its value and where it comes from
    Show {
        /// Whose
        #[arg(value_enum, default_value = "daemon")]
        whose: Whose,
    },
}

/// Whose configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    /// `daemon.toml`
    Daemon,
    /// `tui.toml`
    Client,
}

/// Does it.
///
/// # Errors
/// The configuration has errors.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action {
        Action::Default { whose } => {
            let text = if whose == Whose::Daemon {
                DAEMON_DEFAULTS
            } else {
                CLIENT_DEFAULTS
            };
            cx.show(&json!({ "default": text }), |out| out.text(text))?;
        }
        Action::Path => path(cx)?,
        Action::Check => {
            let (daemon, client) = (read(cx, Whose::Daemon)?, read(cx, Whose::Client)?);
            let value = json!({ "sound": true, "daemon": daemon.0, "client": client.0 });
            cx.show(&value, |out| out.text("the configuration is sound"))?;
        }
        Action::Show { whose } => {
            let (_, values, origins) = read(cx, whose)?;
            cx.show(&json!({ "values": values, "origins": origins }), |out| {
                let mut rows = Vec::new();
                flatten("", &values, &mut rows);
                for (key, value) in rows {
                    let origin = origins.get(&key).and_then(Value::as_str).unwrap_or_default();
                    out.text(&format!("{key} = {value}  # {origin}"));
                }
            })?;
        }
    }
    Ok(Exit::Done)
}

fn path(cx: &mut Cx) -> Result<(), Fault> {
    let Place { paths, .. } = cx.place()?;
    let file = |source: &FileSource| match source {
        FileSource::None => String::new(),
        FileSource::IfPresent(path) | FileSource::Named(path) => path.display().to_string(),
    };
    let value = json!({
        "daemon": file(&paths.daemon_file),
        "client": file(&paths.client_file),
        "data_dir": paths.data,
        "socket": paths.socket,
    });
    let rows: Vec<String> = ["daemon", "client", "data_dir", "socket"]
        .iter()
        .map(|name| format!("{name:<9} {}", value[name].as_str().unwrap_or_default()))
        .collect();
    cx.show(&value, |out| rows.iter().for_each(|row| out.text(row)))
}

/// The file that was read, the values, and where each comes from.
fn read(cx: &Cx, whose: Whose) -> Result<(Value, Value, Value), Fault> {
    let paths = cx.place()?.paths;
    let file = if whose == Whose::Daemon {
        paths.daemon_file
    } else {
        paths.client_file
    };
    let sources = Sources {
        file,
        environment: cx.environment.clone(),
        flags: Vec::new(),
    };
    match whose {
        Whose::Daemon => load_daemon(&sources).map(parts),
        Whose::Client => load_client(&sources).map(parts),
    }
    .map_err(|errors| fault(&errors))
}

fn parts<T: serde::Serialize>(loaded: Loaded<T>) -> (Value, Value, Value) {
    let origins = loaded
        .origins
        .iter()
        .map(|(key, place)| (key.clone(), Value::String(place.to_string())))
        .collect();
    (
        json!(loaded.file),
        serde_json::to_value(&loaded.config).unwrap_or_default(),
        Value::Object(origins),
    )
}

fn fault(errors: &ConfigErrors) -> Fault {
    Fault::new(Code::Configuration, errors.to_string()).help("`dirigent config default` prints every key")
}

fn flatten(prefix: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if !members.is_empty() || prefix.is_empty() => {
            for (name, value) in members {
                let key = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(&key, value, rows);
            }
        }
        other => rows.push((prefix.to_owned(), other.to_string())),
    }
}
