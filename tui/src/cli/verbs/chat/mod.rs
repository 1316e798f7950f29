//! `dirigent chat`: a conversation with an agent. It is a run: it goes on in the daemon, can be taken up again, forked at
//! any turn and exported.

use std::path::PathBuf;

use dirigent_protocol::command::{Changed, Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::{io, usage};
use crate::cli::out::Tone;
use crate::cli::verbs::conversations;
use crate::cli::{input, resolve};
use crate::link::snapshot::unexpected;
use crate::model::talk::{MAX_SAID, Tell, Turn, markdown};

mod turns;

/// One line for the list of verbs.
pub const ABOUT: &str = "Talk with an agent; resume, fork and export conversations";

/// `dirigent chat`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the agent
    #[arg(value_name = "AGENT", required_unless_present_any = ["resume", "fork", "list"])]
    pub agent: Option<String>,
    /// Say this and end; may be given several times. Without it what is typed is said, line by line
    #[arg(long, value_name = "TEXT")]
    pub say: Vec<String>,
    /// Go on with this conversation
    #[arg(long, value_name = "ID", conflicts_with = "agent")]
    pub resume: Option<String>,
    /// Go on from its N-th turn, as a conversation of its own
    #[arg(long, value_name = "ID@N", conflicts_with_all = ["agent", "resume"])]
    pub fork: Option<String>,
    /// The fork goes on with this agent; what was said before it reads as its own past
    #[arg(long = "agent", value_name = "NAME", requires = "fork")]
    pub other: Option<String>,
    /// List conversations, as `dirigent conversations list` does; with an agent's name those with it
    #[arg(long, conflicts_with_all = ["resume", "fork", "say", "export", "end"])]
    pub list: bool,
    /// What the agent's instructions are written over: JSON, or `@FILE`
    #[arg(short, long, value_name = "JSON|@FILE")]
    pub input: Option<String>,
    /// Write the conversation into this file at the end: Markdown, or JSON where its name ends so
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// End it for good when this call ends; otherwise it goes on waiting
    #[arg(long)]
    pub end: bool,
}

/// Does it.
///
/// # Errors
/// No such agent or conversation, it is over, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    cx.may_start();
    if args.list {
        let args = conversations::ListArgs {
            agent: args.agent,
            ..conversations::ListArgs::default()
        };
        return conversations::list(args, cx).await;
    }
    let run = conversation(&args, cx).await?;
    let plain = !cx.globals.is_json();
    let show = |cx: &mut Cx, past: turns::Past<'_>| {
        if plain {
            turns::show(cx, past);
        }
    };
    let (mut turns, mut after) = turns::read(cx, run, show).await?;
    if args.say.is_empty() && args.export.is_none() {
        cx.say(
            Tone::Dim,
            "type what you want to say; an empty line or Ctrl-D leaves, the conversation stays",
        );
        let mut typed = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = typed.next_line().await {
            if line.trim().is_empty() {
                break;
            }
            turns.push(say(cx, run, &mut after, &line, true).await?);
        }
    }
    for text in &args.say {
        turns.push(say(cx, run, &mut after, text, plain).await?);
    }
    if let Some(file) = &args.export {
        export(run, &turns, file)?;
        cx.say(Tone::Dim, &format!("written to {}", file.display()));
    }
    if args.end {
        tell(cx, run, Tell::End).await?;
    }
    let failed = turns.last().is_some_and(|turn| turn.answer.is_none());
    let value = json!({ "conversation": run, "turns": turns });
    if plain {
        cx.say(
            Tone::Dim,
            &format!(
                "conversation {}: dirigent chat --resume {}",
                run.short(),
                run.short()
            ),
        );
    } else {
        cx.show(&value, |_| {})?;
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// The run that is the conversation: found, forked or begun.
async fn conversation(args: &Args, cx: &mut Cx) -> Result<RunId, Fault> {
    if let Some(text) = &args.resume {
        return resolve::run(cx, text).await;
    }
    let (what, command) = if let Some(text) = &args.fork {
        let wrong = || usage(format!("`{text}` names no turn")).help("write ID@N, such as 8f20@2");
        let (id, turn) = text.split_once('@').ok_or_else(wrong)?;
        let number: usize = turn.parse().map_err(|_| wrong())?;
        let run = resolve::run(cx, id).await?;
        let (turns, _) = turns::read(cx, run, |_, _| {}).await?;
        let at = number.checked_sub(1).and_then(|at| turns.get(at));
        let at = at.map(|turn| turn.event).ok_or_else(|| {
            let words = format!("the conversation has {} turns", turns.len());
            Fault::new(Code::NotFound, words).at(text.clone())
        })?;
        let input = match &args.other {
            Some(agent) => Some(Box::new(Changed {
                value: other(agent, args, run, cx).await?,
            })),
            None => None,
        };
        let command = Command::RunFork { run, at, input };
        (format!("fork {text}"), command)
    } else {
        let agent = args.agent.clone().unwrap_or_default();
        let input = match &args.input {
            Some(text) => input::json(text, "--input")?,
            None => json!({}),
        };
        (
            format!("talk with {agent}"),
            Command::ConversationStart { agent, input },
        )
    };
    match cx.command(&what, command).await? {
        CommandReply::RunStarted { run, .. } => Ok(run),
        _ => Err(unexpected("a conversation")),
    }
}

/// What a conversation begins with that goes on with another agent: the other's name, and what the first one was given
/// unless something else is said.
async fn other(agent: &str, args: &Args, run: RunId, cx: &mut Cx) -> Result<Value, Fault> {
    let get = |kind, id: String| Query::Get {
        kind,
        id,
        include: Vec::new(),
    };
    let agents = cx.query(get(Kind::Agent, agent.to_owned())).await?;
    let QueryReply::Document(agent) = agents else {
        return Err(unexpected("an agent"));
    };
    let input = match &args.input {
        Some(text) => input::json(text, "--input")?,
        None => {
            let QueryReply::Document(found) = cx.query(get(Kind::WorkflowExecution, run.to_string())).await?
            else {
                return Err(unexpected("a run"));
            };
            let given = &found.spec["input"];
            if !given["agent"].is_string() {
                let words = "what the conversation was begun with is too large to be taken over";
                return Err(usage(words).help("say it again: --input '{…}'"));
            }
            given["input"].clone()
        }
    };
    Ok(json!({ "agent": agent.metadata.name, "input": input }))
}

/// Says something and waits for the answer.
async fn say(cx: &mut Cx, run: RunId, after: &mut u64, text: &str, plain: bool) -> Result<Turn, Fault> {
    if text.len() > MAX_SAID {
        return Err(usage(format!("this is longer than {MAX_SAID} bytes")));
    }
    let heard = turns::heard(cx, run).await?;
    tell(cx, run, Tell::Say(text.to_owned())).await?;
    turns::next(cx, run, (after, heard), plain).await
}

async fn tell(cx: &mut Cx, run: RunId, what: Tell) -> Result<(), Fault> {
    let event = what.event(run, &std::env::var("USER").unwrap_or_default());
    cx.command(what.word(), Command::EventPublish { event })
        .await
        .map(drop)
}

fn export(run: RunId, turns: &[Turn], file: &std::path::Path) -> Result<(), Fault> {
    let is_json = file
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let text = if is_json {
        let value = json!({ "conversation": run, "turns": turns });
        crate::cli::format::pretty(&value)
    } else {
        markdown(run, turns)
    };
    std::fs::write(file, text).map_err(|error| io("cannot write the conversation", file.display(), &error))
}
