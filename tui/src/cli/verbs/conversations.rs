//! `dirigent conversations`: every conversation with an agent that one may see, with its last words and what it took.

use clap::Subcommand;
use dirigent_protocol::entity::{Conversation, Document, Kind, WorkflowExecution};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::run::Status;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::{moment, short};
use crate::cli::out::Tone;
use crate::cli::table::Table;
use crate::cli::verbs::get::{PageArgs, hint, page};
use crate::link::snapshot::unexpected;
use crate::model::talk::{TEXTS, only};
use crate::text::amount::{count, usd};

/// One line for the list of verbs.
pub const ABOUT: &str = "List conversations with agents: last words, state, when, tokens, cost";

/// Longest last words of a row, characters.
const WORDS: usize = 60;

/// `dirigent conversations`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with conversations.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List conversations, newest first
    List(ListArgs),
}

/// `dirigent conversations list`
#[derive(Debug, Default, clap::Args)]
pub struct ListArgs {
    /// Only those with this agent
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// Only those in whose first or last words, agent or id each of these words is
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// What to list.
    #[command(flatten)]
    pub page: PageArgs,
}

/// Does it.
///
/// # Errors
/// The condition cannot be read, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let Action::List(args) = args.action.unwrap_or_else(|| Action::List(ListArgs::default()));
    list(args, cx).await
}

/// Lists them; `dirigent chat --list` does so too.
///
/// # Errors
/// As [`run`].
pub async fn list(args: ListArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut all = vec![only()];
    let label = format!("labels.{}", Conversation::LABEL);
    all.extend(args.agent.map(|agent| Filter::eq(&label, agent)));
    for word in args.search.as_deref().unwrap_or_default().split_whitespace() {
        let has = |field: &&str| Filter::Is {
            field: (*field).to_owned(),
            op: Op::Contains,
            value: word.into(),
        };
        all.push(Filter::Or(TEXTS.iter().map(has).collect()));
    }
    let (items, next) = page(
        cx,
        args.page.query(Kind::WorkflowExecution, Some(Filter::And(all)))?,
    )
    .await?;
    let rows: Vec<Row> = items.iter().map(Row::read).collect::<Result<_, _>>()?;
    let flat: Vec<Value> = rows.iter().map(Row::to_json).collect();
    cx.show(&json!({ "items": flat, "next": next }), |out| {
        let mut table = Table::new(&[
            "id",
            "agent",
            "state",
            "answers",
            "tokens",
            "cost",
            "changed",
            "last words",
        ]);
        for row in &rows {
            table.row(row.cells());
        }
        table.write(out);
    })?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

struct Row {
    document: Document,
    body: WorkflowExecution,
    talk: Conversation,
}

impl Row {
    fn read(document: &Document) -> Result<Self, Fault> {
        let body: WorkflowExecution = document.body().map_err(|_| unexpected("a conversation"))?;
        let mut talk = body.conversation.clone().unwrap_or_default();
        // One that an older daemon began says it by its label alone.
        if let Some(agent) = document.metadata.labels.get(Conversation::LABEL) {
            talk.agent.clone_from(agent);
        }
        Ok(Self {
            document: document.clone(),
            body,
            talk,
        })
    }

    /// How it stands, in words for somebody who talks.
    fn state(&self) -> &'static str {
        match self.body.status {
            Status::Waiting => "listens",
            Status::Running => "answers",
            other => other.as_str(),
        }
    }

    fn to_json(&self) -> Value {
        let meta = &self.document.metadata;
        json!({
            "conversation": meta.id,
            "agent": self.talk.agent,
            "title": self.talk.title,
            "last": self.talk.last,
            "turns": self.talk.turns,
            "state": self.state(),
            "status": self.body.status,
            "created_at": meta.created_at,
            "updated_at": meta.updated_at,
            "started_by": self.body.started_by,
            "origin": self.body.origin,
            "usage": self.body.usage,
        })
    }

    fn cells(&self) -> Vec<(Tone, String)> {
        let (meta, usage) = (&self.document.metadata, &self.body.usage);
        let tokens = usage.input_tokens.saturating_add(usage.output_tokens);
        let words = if self.talk.last.is_empty() {
            &self.talk.title
        } else {
            &self.talk.last
        };
        vec![
            (Tone::Plain, meta.id.short()),
            (Tone::Strong, self.talk.agent.clone()),
            (Tone::Plain, self.state().to_owned()),
            (Tone::Plain, self.talk.turns.to_string()),
            (Tone::Plain, count(tokens)),
            (Tone::Plain, usd(usage.cost_micro_usd)),
            (Tone::Dim, moment(meta.updated_at)),
            (Tone::Plain, short(words, WORDS)),
        ]
    }
}
