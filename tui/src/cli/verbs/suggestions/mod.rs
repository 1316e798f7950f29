//! `dirigent suggestions`: what agents suggest of themselves: list, show, accept as a draft, decline.

use clap::Subcommand;
use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::{AgentSuggestion, Document, Kind};
use dirigent_protocol::fault::Fault;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::verbs::get::{PageArgs, hint, page, rows};
use crate::link::snapshot::unexpected;

pub mod show;

/// One line for the list of verbs.
pub const ABOUT: &str = "What agents suggest of themselves: list, show as a diff, accept as a draft, decline";

/// `dirigent suggestions`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with suggestions.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List suggestions, newest first
    List(ListArgs),
    /// Show one: why, its evidence, and its change as a diff against the agent's newest version
    Show(show::Args),
    /// Take one as its agent's draft; nothing is published
    Accept(AcceptArgs),
    /// Do not take one; the agent is told why when it looks back again
    Decline(DeclineArgs),
}

/// `dirigent suggestions list`
#[derive(Debug, Default, clap::Args)]
pub struct ListArgs {
    /// Only those of this agent
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Only those that stand so: `open`, `accepted`, `declined`, `replaced`
    #[arg(long, value_name = "STATUS", value_parser = ["open", "accepted", "declined", "replaced"])]
    pub status: Option<String>,
    /// What to list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// `dirigent suggestions accept`
#[derive(Debug, clap::Args)]
pub struct AcceptArgs {
    /// Id or short id
    #[arg(value_name = "ID")]
    pub id: String,
    /// In the place of a draft that was accepted before
    #[arg(long)]
    pub replace: bool,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}

/// `dirigent suggestions decline`
#[derive(Debug, clap::Args)]
pub struct DeclineArgs {
    /// Id or short id
    #[arg(value_name = "ID")]
    pub id: String,
    /// Why: the agent is told
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Does it.
///
/// # Errors
/// No such suggestion, it is decided or stale, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(ListArgs::default())) {
        Action::List(args) => list(args, cx).await,
        Action::Show(args) => show::run(args, cx).await,
        Action::Accept(args) => accept(args, cx).await,
        Action::Decline(args) => {
            let command = Command::SuggestionDecline {
                suggestion: args.id.clone(),
                reason: args.reason,
            };
            let (document, _) = decided(cx, "decline a suggestion", command).await?;
            cx.show(&flat(&document), |out| {
                out.text("declined; its agent is told why when it looks back")
            })?;
            Ok(Exit::Done)
        }
    }
}

async fn list(args: ListArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut more = Vec::new();
    for (field, wanted) in [("agent", args.agent), ("status", args.status)] {
        if let Some(wanted) = wanted {
            let text = format!("{field} == {}", Value::String(wanted));
            more.push(text.parse().map_err(|_| unexpected("a filter"))?);
        }
    }
    let more = (!more.is_empty()).then_some(dirigent_protocol::filter::Filter::And(more));
    let (items, next) = page(cx, args.page.query(Kind::AgentSuggestion, more)?).await?;
    let all: Vec<Value> = items.iter().map(flat).collect();
    let value = json!({ "items": all, "next": next });
    cx.show(&value, |out| rows(Kind::AgentSuggestion, &items, out))?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

async fn accept(args: AcceptArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let command = Command::SuggestionAccept {
        suggestion: args.id.clone(),
        replace: args.replace,
        reason: args.reason,
    };
    let (document, body) = decided(cx, "accept a suggestion", command).await?;
    cx.show(&flat(&document), |out| {
        out.text(&format!(
            "it is the draft of `{}`; nothing is published",
            body.agent
        ));
        let id = document.metadata.id.to_string();
        out.text(&format!(
            "publish it: dirigent suggestions show {id} --draft | dirigent apply -f -"
        ));
    })?;
    Ok(Exit::Done)
}

async fn decided(cx: &mut Cx, what: &str, command: Command) -> Result<(Document, AgentSuggestion), Fault> {
    let CommandReply::Document(document) = cx.command(what, command).await? else {
        return Err(unexpected("a suggestion"));
    };
    let body = document.body().map_err(|_| unexpected("a suggestion"))?;
    Ok((*document, body))
}

/// A suggestion for scripts.
fn flat(document: &Document) -> Value {
    let mut value = document.spec.clone();
    value["id"] = json!(document.metadata.id);
    value["created_at"] = json!(document.metadata.created_at);
    value
}
