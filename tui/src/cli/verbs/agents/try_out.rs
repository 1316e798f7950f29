//! `dirigent agents try`: an agent answers one input, a draft of it or an earlier version beside it.

use std::path::PathBuf;

use dirigent_protocol::command::{Command, CommandReply, TryVariant};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use serde_json::{Value, json};
use similar::ChangeTag;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::{Ending, Wanted, cursor_now, follow};
use crate::cli::format::{pretty, yaml};
use crate::cli::out::Tone;
use crate::cli::run_text::Run;
use crate::cli::verbs::definitions::{diff, versions};
use crate::cli::{input, resolve};
use crate::link::snapshot::unexpected;
use crate::text::diff::lines;

/// `dirigent agents try`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the agent
    #[arg(value_name = "AGENT")]
    pub name: String,
    /// Its input: JSON, `@FILE`, or `@-` for standard input
    #[arg(short, long, value_name = "JSON|@FILE")]
    pub input: Option<String>,
    /// A draft of it: what this file says answers beside the published version
    #[arg(short = 'f', long, value_name = "FILE|-")]
    pub file: Option<PathBuf>,
    /// Beside this version: its number, or the beginning of its digest
    #[arg(long, value_name = "V")]
    pub against: Option<String>,
    /// With this model in the place of its own, such as `rehearsal/rehearsal`
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
}

/// Does it.
///
/// # Errors
/// No such agent or version, the draft has errors, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let given = match &args.input {
        Some(text) => input::json(text, "--input")?,
        None => json!({}),
    };
    let variants = variants(&args, cx).await?;
    cx.may_start();
    let cursor = cursor_now(cx).await?;
    let command = Command::AgentTry {
        agent: args.name.clone(),
        variants: variants.clone(),
        input: given,
    };
    let reply = cx.command(&format!("try {}", args.name), command).await?;
    let CommandReply::RunStarted { run, .. } = reply else {
        return Err(unexpected("a trial"));
    };
    cx.say(Tone::Dim, &format!("run {} tries it out", run.short()));
    cx.attend(run);
    let ending = follow(cx, run, cursor, Wanted::default(), &mut |_, _| {}).await?;
    let Ending::Over(over) = ending else {
        return Ok(Exit::Done);
    };
    show(cx, &args.name, &variants, &over)?;
    Ok(Exit::of_run(over.body.status))
}

/// The answers, and what differs between the two of them.
fn show(cx: &mut Cx, agent: &str, variants: &[TryVariant], over: &Run) -> Result<(), Fault> {
    let answers = over.body.output.clone();
    let value = json!({
        "run": over.id,
        "agent": agent,
        "status": over.body.status,
        "answers": answers,
        "error": over.body.error,
        "usage": over.body.usage,
    });
    let words = |variant: &TryVariant| match &answers[variant.name.as_str()] {
        Value::String(text) => text.clone(),
        other => yaml(other).unwrap_or_else(|_| pretty(other)),
    };
    cx.show(&value, |out| {
        for variant in variants {
            out.toned(Tone::Strong, &format!("== {}", variant.name));
            out.text(words(variant).trim_end());
        }
        if let [new, old] = variants {
            out.toned(Tone::Dim, &format!("== from {} to {}", old.name, new.name));
            for (tag, line) in lines(&words(old), &words(new)) {
                match tag {
                    ChangeTag::Delete => out.toned(Tone::Bad, &format!("-{line}")),
                    ChangeTag::Insert => out.toned(Tone::Good, &format!("+{line}")),
                    ChangeTag::Equal => {}
                }
            }
        }
    })
}

/// What answers: the draft and the published version, or the published one and an earlier one, or one alone.
async fn variants(args: &Args, cx: &mut Cx) -> Result<Vec<TryVariant>, Fault> {
    let published = match &args.file {
        Some(_) => resolve::document(cx, Kind::Agent, &args.name).await.ok(),
        None => Some(resolve::document(cx, Kind::Agent, &args.name).await?),
    };
    let mut found: Vec<(String, Value)> = Vec::new();
    if let Some(file) = &args.file {
        found.push(("draft".to_owned(), diff::in_file(Kind::Agent, &args.name, file)?));
    }
    match (&args.against, &published) {
        (Some(text), Some(agent)) => {
            if args.file.is_none() {
                found.push(("newest".to_owned(), agent.spec.clone()));
            }
            let version = versions::find(cx, agent, text).await?;
            found.push((
                format!("v{}", version.spec["number"]),
                version.spec["definition"].clone(),
            ));
        }
        (_, Some(agent)) => found.push(("newest".to_owned(), agent.spec.clone())),
        (_, None) => {}
    }
    let variant = |(name, mut definition): (String, Value)| {
        if let Some(model) = &args.model {
            definition["model"] = model.clone().into();
        }
        TryVariant { name, definition }
    };
    Ok(found.into_iter().map(variant).collect())
}
