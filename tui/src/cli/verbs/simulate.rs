//! `dirigent simulate`: what a workflow would do with sample outcomes. The daemon's program knows the engine, so it is
//! run instead; no daemon is needed, nothing is performed and nothing is stored.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::{Command, Stdio};

use dirigent_protocol::dry_run::{DryEnding, DryRun};
use dirigent_protocol::fault::{Code, Fault};
use serde_json::{Map, Value, json};

use crate::cli::cx::Cx;
use crate::cli::dry_steps::steps;
use crate::cli::event_line::EventLines;
use crate::cli::exit::Exit;
use crate::cli::faults::{io, usage};
use crate::cli::input;
use crate::cli::out::{Out, Tone, complain};
use crate::link::locate::daemon_program;

/// One line for the list of verbs.
pub const ABOUT: &str =
    "What a workflow would do with sample outcomes: nothing is performed; needs no daemon";

/// `dirigent simulate`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file, or `-` for standard input
    #[arg(
        value_name = "FILE|-",
        required_unless_present = "named",
        conflicts_with = "named"
    )]
    pub file: Option<OsString>,
    /// The same
    #[arg(short = 'f', long = "file", value_name = "FILE|-", id = "named")]
    pub named: Option<OsString>,
    /// Its input: JSON, `@FILE`, or `@-`; otherwise the document's own sample
    #[arg(short, long, value_name = "JSON|@FILE")]
    pub input: Option<String>,
    /// What a task gives, by its name or JSON pointer: `fetch={"a":1}`, `fetch={"$error":{"status":503}}`,
    /// `ask={"decision":"denied"}`; may be given several times
    #[arg(long = "sample", value_name = "TASK=JSON", value_parser = sample)]
    pub samples: Vec<(String, Value)>,
}

fn sample(text: &str) -> Result<(String, Value), String> {
    let (task, value) = text.split_once('=').ok_or("write TASK=JSON")?;
    let value =
        serde_json::from_str(value).map_err(|error| format!("what stands behind `=` is no JSON: {error}"))?;
    Ok((task.trim().to_owned(), value))
}

/// Does it.
///
/// # Errors
/// The daemon's program is missing, or an argument cannot be read.
#[expect(clippy::unused_async, reason = "every verb is called the same way")]
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let Some(file) = args.named.as_ref().or(args.file.as_ref()) else {
        return Err(usage("what is to be simulated?").help("name a file"));
    };
    let mut words: Vec<OsString> = vec!["simulate".into(), "-f".into(), file.clone()];
    if let Some(text) = &args.input {
        words.extend(["--input".into(), input::json(text, "--input")?.to_string().into()]);
    }
    if !args.samples.is_empty() {
        let all: Map<String, Value> = args.samples.into_iter().collect();
        words.extend(["--samples".into(), Value::Object(all).to_string().into()]);
    }
    let told = tried(&words)?;
    let name = if file == "-" {
        "<stdin>".to_owned()
    } else {
        file.to_string_lossy().into_owned()
    };
    for finding in &told.findings {
        let tone = if finding.is_error() { Tone::Bad } else { Tone::Ask };
        complain(&cx.err.paint(tone, &cx.err.text(&finding.render(&name))));
    }
    cx.show(&to_json(&told), |out| show(&told, out))?;
    Ok(match told.ending {
        DryEnding::Refused => Exit::Other(Code::Invalid.exit()),
        DryEnding::Ended { status } => Exit::of_run(status),
        DryEnding::Waits { .. } => Exit::NeedsPerson,
        DryEnding::Cut {} => Exit::Failed,
    })
}

/// Has the daemon's program try it.
fn tried(words: &[OsString]) -> Result<DryRun, Fault> {
    let program = daemon_program()?;
    let failed = |error: &std::io::Error| io("the daemon's program cannot be run", program.display(), error);
    let mut child = Command::new(&program)
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let mut text = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut text).map_err(|error| failed(&error))?;
    }
    child.wait().map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| {
        Fault::new(
            Code::Internal,
            format!("{} answered something else: {error}", program.display()),
        )
        .help("both programs must be of one version: `dirigentd --version`")
    })
}

fn ending(told: &DryRun) -> (Tone, String) {
    match &told.ending {
        DryEnding::Refused => (Tone::Bad, "nothing was tried: the text has errors".to_owned()),
        DryEnding::Ended { status } => (Tone::Strong, format!("it would end: {}", status.as_str())),
        DryEnding::Waits { steps } => {
            let all: Vec<String> = steps
                .iter()
                .map(|(step, what)| format!("{step} for {what}"))
                .collect();
            (Tone::Ask, format!("it would wait: {}", all.join("; ")))
        }
        DryEnding::Cut {} => (Tone::Ask, "cut: it goes on for longer than is shown".to_owned()),
    }
}

fn show(told: &DryRun, out: &mut Out) {
    if !told.events.is_empty() {
        let look = out.look;
        out.text("SIMULATED: nothing is performed or stored; effects take 1 s, people and events 1 min");
        let mut lines = EventLines::new(false);
        for line in told.events.iter().filter_map(|event| lines.line(event, look)) {
            out.raw_line(&line);
        }
    }
    let (tone, words) = ending(told);
    let line = out.look.paint(tone, &out.look.line(&words));
    out.raw_line(&line);
}

fn to_json(told: &DryRun) -> Value {
    let (_, words) = ending(told);
    let events: Vec<Value> = told
        .events
        .iter()
        .map(dirigent_protocol::run::RunEvent::to_json)
        .collect();
    json!({
        "simulated": true,
        "findings": told.findings,
        "ending": told.ending,
        "summary": words,
        "steps": steps(&told.events),
        "events": events,
    })
}
