//! `dirigent apply`: create or update definitions.

use std::path::PathBuf;

use dirigent_protocol::command::{Applied, ApplyOutcome, Command, CommandReply};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::source::Diagnostic;
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::in_file;
use crate::cli::input::{self, Text};
use crate::cli::out::Tone;
use crate::cli::table::Table;
use crate::link::snapshot::unexpected;

/// One line for the list of verbs.
pub const ABOUT: &str = "Create or update definitions from files";

/// `dirigent apply`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file, a directory of .yaml, .yml and .json files, or `-` for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR|-", required = true)]
    pub files: Vec<PathBuf>,
    /// Say what would happen, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Does it: every file is all or nothing; the first one with errors ends it.
///
/// # Errors
/// A file cannot be read or has errors, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut texts = Vec::new();
    for path in &args.files {
        texts.extend(input::documents(path)?);
    }
    cx.may_start();
    all(texts, args.dry_run, cx).await
}

/// Applies files one after the other and shows what became of each definition.
///
/// # Errors
/// One of them has errors, or the daemon refuses.
pub async fn all(texts: Vec<Text>, dry_run: bool, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut all = Vec::new();
    let mut failed = None;
    for text in texts {
        match file(cx, text, dry_run).await {
            Ok(items) => all.extend(items),
            Err(fault) => {
                failed = Some(fault);
                break;
            }
        }
    }
    // What was applied before an error is said all the same.
    if failed.is_none() || !all.is_empty() {
        show(cx, &all, dry_run)?;
    }
    failed.map_or(Ok(Exit::Done), Err)
}

/// Applies one file; its warnings go to standard error.
///
/// # Errors
/// It has errors, or the daemon refuses.
pub async fn file(cx: &mut Cx, text: Text, dry_run: bool) -> Result<Vec<Applied>, Fault> {
    let what = format!("apply {}", text.name);
    let command = Command::Apply {
        file: text.name.clone(),
        source: text.text,
        dry_run,
    };
    // A dry run changes nothing, so it is no command to --read-only.
    let reply = if dry_run {
        cx.caller()?.command(command).await
    } else {
        cx.command(&what, command).await
    };
    match reply {
        Ok(CommandReply::Applied { items, warnings }) => {
            warn(cx, &text.name, &warnings);
            Ok(items)
        }
        Ok(_) => Err(unexpected("`apply`")),
        Err(fault) => Err(in_file(fault, &text.name)),
    }
}

/// Says what is suspicious in a file.
pub fn warn(cx: &Cx, file: &str, warnings: &[Diagnostic]) {
    for warning in warnings {
        cx.say(Tone::Plain, &warning.render(file));
    }
}

const fn word(outcome: ApplyOutcome) -> (Tone, &'static str) {
    match outcome {
        ApplyOutcome::Created => (Tone::Good, "created"),
        ApplyOutcome::Unchanged => (Tone::Dim, "unchanged"),
        ApplyOutcome::Updated => (Tone::Good, "updated"),
    }
}

fn show(cx: &mut Cx, items: &[Applied], dry_run: bool) -> Result<(), Fault> {
    let value = json!({ "dry_run": dry_run, "items": items });
    cx.show(&value, |out| {
        let mut table = Table::new(&["kind", "name", "outcome", "rev", "digest"]);
        for item in items {
            let (tone, word) = word(item.outcome);
            let word = if dry_run {
                format!("would be {word}")
            } else {
                word.to_owned()
            };
            table.row([
                (Tone::Plain, item.kind.as_str().to_owned()),
                (Tone::Strong, item.name.clone()),
                (tone, word),
                (Tone::Plain, item.revision.to_string()),
                (
                    Tone::Dim,
                    item.digest.map(|digest| digest.short()).unwrap_or_default(),
                ),
            ]);
        }
        table.write(out);
    })
}
