//! Agents that are tried out: sent as one run, their answers side by side with what differs.
//!
//! Invariant: a trial publishes nothing; what is shown is what that run answered.

use dirigent_protocol::command::TryVariant;
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::source;
use serde_json::{Value, json};
use std::time::Duration;

use super::changed;
use super::page::{Definitions, Depth};
use super::question::Purpose;
use super::side::{self, Side};
use crate::model::{Cmd, LinkCmd, Note, Wish};
use crate::pages::Ctx;
use crate::text::{clean_line, yaml};
use crate::theme::Role;
use crate::widgets::Line;

const TOPIC: &str = "definitions.tried";
/// How soon it is asked anew after something changed.
const REFRESH: Duration = Duration::from_millis(300);

/// A trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tried {
    pub(super) agent: String,
    /// What answers, the newer one first.
    pub(super) names: Vec<String>,
}

impl Tried {
    /// The run that tries it out, or why there is none; none while it is on its way.
    fn outcome<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a Result<RunId, Fault>> {
        ctx.model.granted.get(&Wish::Try(self.agent.clone()))
    }
}

/// The body of the one definition in a text.
pub(super) fn spec_in(text: &str) -> Result<Value, String> {
    let parsed = source::parse(text.as_bytes());
    let spec = parsed
        .documents
        .first()
        .map(|node| node.to_json()["spec"].clone());
    spec.filter(Value::is_object)
        .ok_or_else(|| "the text has no `spec`: mend it first".to_owned())
}

/// An input as a person types it.
pub(super) fn given(text: &str) -> Result<Value, String> {
    match text.trim() {
        "" => Ok(json!({})),
        text => serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}")),
    }
}

impl Definitions {
    pub(super) fn why_no_trial(&self, ctx: &Ctx<'_>) -> Option<String> {
        if self.what.kind != Kind::Agent {
            return Some("only agents are tried by themselves; run it".to_owned());
        }
        if !ctx.model.connection.is_live() {
            return Some("not connected".to_owned());
        }
        let known = self.versions(ctx).is_some_and(|versions| !versions.is_empty());
        (!known).then(|| "no version of it is known here".to_owned())
    }

    /// Opens the text one looks at and asks for an input.
    pub(super) fn ask_trial(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.wanted = true;
        let cmds = self.follow(ctx);
        if let Some(builder) = &mut self.builder {
            builder.ask(Purpose::Trial);
        }
        cmds
    }

    /// Sends what the editor wants tried, beside the newest version, and looks at the answers.
    pub(super) fn send_trial(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(builder) = &mut self.builder else {
            return Vec::new();
        };
        let (Some(definition), Some(input)) = (builder.definition.take(), builder.sent.take()) else {
            return Vec::new();
        };
        let agent = builder.draft.name.clone();
        if let Some(why) = self.why_not_leave() {
            return vec![Cmd::Note(Note::refused(why))];
        }
        self.close_builder(ctx);
        let mut variants = vec![TryVariant {
            name: "draft".to_owned(),
            definition,
        }];
        let versions = self.versions(ctx).unwrap_or_default();
        if let Some(newest) = versions.first() {
            variants.push(TryVariant {
                name: side::mark(newest),
                definition: newest.definition.clone(),
            });
        }
        self.tried = Some(Tried {
            agent: agent.clone(),
            names: variants.iter().map(|variant| variant.name.clone()).collect(),
        });
        (self.depth, self.side, self.scroll) = (Depth::Beside, Side::Tried, 0);
        vec![
            Cmd::Link(LinkCmd::TryOut {
                agent,
                variants,
                input,
            }),
            Cmd::Note(Note::info("trying it out: nothing is published")),
        ]
    }

    fn run_of(&self, ctx: &Ctx<'_>) -> Option<RunId> {
        let tried = self.tried.as_ref()?;
        tried.outcome(ctx)?.as_ref().ok().copied()
    }

    fn tried_query(&self, ctx: &Ctx<'_>) -> Option<Query> {
        Some(Query::Get {
            kind: Kind::WorkflowExecution,
            id: self.run_of(ctx)?.to_string(),
            include: Vec::new(),
        })
    }

    /// The question to put now.
    pub(super) fn wants_tried(&self, ctx: &Ctx<'_>) -> Option<Cmd> {
        if self.side != Side::Tried || !ctx.model.connection.is_live() {
            return None;
        }
        let query = self.tried_query(ctx)?;
        ctx.model.looks.want(TOPIC, &query, Some(REFRESH), ctx.time.mono)
    }

    pub(super) fn tried_lines(&self, ctx: &Ctx<'_>) -> Vec<Line> {
        let dim = |text: String| vec![Line::new().add(Role::Dim, text)];
        let Some(tried) = &self.tried else {
            let key = ctx.keymap.first(crate::keymap::Action::Try);
            return dim(format!("  nothing was tried yet: {key} asks for an input"));
        };
        let answer = self
            .tried_query(ctx)
            .and_then(|query| ctx.model.looks.answer(TOPIC, &query));
        let Some(Ok(QueryReply::Document(document))) = answer else {
            return match tried.outcome(ctx) {
                Some(Err(fault)) => dim(format!("  refused: {fault}")),
                _ => dim("  asking…".to_owned()),
            };
        };
        let Ok(run) = document.body::<WorkflowExecution>() else {
            return Vec::new();
        };
        let head = format!("run {}  {}", document.metadata.id.short(), run.status.as_str());
        let mut out = vec![Line::new().add(Role::Heading, head)];
        if !run.status.is_final() {
            return out;
        }
        let words = |name: &String| match &run.output[name.as_str()] {
            Value::String(text) => text.clone(),
            other => yaml(other),
        };
        for name in &tried.names {
            out.push(Line::new());
            out.push(Line::new().add(Role::Heading, clean_line(name)));
            out.extend(
                words(name)
                    .lines()
                    .map(|line| Line::new().add(Role::Text, clean_line(line))),
            );
        }
        if let [new, old] = tried.names.as_slice() {
            out.push(Line::new());
            out.push(Line::new().add(Role::Heading, format!("{old} → {new}")));
            out.extend(changed::lines(&words(old), &words(new)));
        }
        out
    }
}
