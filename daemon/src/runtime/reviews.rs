//! Looking back: what an agent is shown of its runs, and what its answer leaves behind.
//!
//! Invariant: report and suggestions are written in the commit that ends the run, so they are there once, whatever ends
//! the daemon; figures come from rows that commits counted.

use std::collections::BTreeMap;

use dirigent_engine::state::RunState;
use dirigent_protocol::entity::{
    Agent, AgentSelfReport, AgentSuggestion, Document, Kind, ReviewFigures, Visibility, WorkflowExecution,
};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{EffectOutcome, EventBody, RunEvent, Status, WorkflowError};
use dirigent_store::{Budget, ScanRange, Txn};
use jiff::Timestamp;
use serde_json::Value;

use super::api::{Started, Terms};
use super::error::RuntimeError;
use super::handle::RuntimeHandle;
use super::plans::{body, unread};
use super::rows::{self, UsedRow};
use crate::chance::Chance;
use crate::records::{Actor, Draft, Journal, put};
use crate::review::{Excerpt, LABEL, Reader, Suggested, judge, within};

const DOCUMENT: &str = include_str!("review.yaml");
/// Newest runs of the agent that are counted and chosen from.
const MAX_RUNS: usize = 300;
/// Events of one run that are read.
const EVENTS: usize = 5_000;
/// Labels of runs that are about an agent, not its work.
const BESIDE: [&str; 2] = [LABEL, "dirigent.trial"];

/// What is known of an agent's recent work.
pub(crate) struct Gathered {
    /// What was counted.
    pub(crate) figures: ReviewFigures,
    /// What it is shown, failed and costly runs first.
    pub(crate) excerpts: Vec<Excerpt>,
    /// Something of it is not for everybody.
    pub(crate) narrow: bool,
}

impl RuntimeHandle {
    /// Gathers an agent's recent work: runs since then that `sees` lets through.
    ///
    /// # Errors
    /// A record cannot be read.
    pub(crate) async fn look_back(
        &self,
        (org, agent): (EntityId, &str),
        (since, most): (Timestamp, usize),
        sees: &(dyn Fn(&Document) -> bool + Sync),
    ) -> Result<Gathered, RuntimeError> {
        let core = &self.core;
        let prefix = rows::used_of(org, agent);
        let range = ScanRange::prefix(&prefix).reversed().limited(MAX_RUNS);
        let page = core.store.scan(range)?;
        let mut figures = ReviewFigures {
            since: Some(since),
            complete: page.next.is_none(),
            ..ReviewFigures::default()
        };
        let mut found = Vec::new();
        for (key, value) in &page.items {
            let row: UsedRow = rows::decode(&value.value, "what an agent took")?;
            let Some(run) = run_at_end(key) else { continue };
            if row.at < since {
                continue;
            }
            let stored = core
                .records
                .get(Kind::WorkflowExecution, run.into())
                .map_err(unread)?;
            let document = stored.map(|stored| stored.document);
            let Some(document) = document.filter(|document| is_work(document) && sees(document)) else {
                continue;
            };
            let execution: WorkflowExecution = body(&document)?;
            let mut excerpt = Excerpt::of(run);
            excerpt.workflow.clone_from(&execution.workflow);
            excerpt.status = execution.status.to_string();
            excerpt.counted((row.uses, row.failures), &row.usage);
            figures.runs += 1;
            figures.runs_failed += u64::from(execution.status == Status::Faulted);
            figures.calls += row.uses;
            figures.failures += row.failures;
            figures.usage += row.usage;
            found.push((excerpt, execution, document.metadata.visibility));
            tokio::task::yield_now().await;
        }
        found.sort_by_key(|(excerpt, ..)| excerpt.rank());
        found.truncate(most);
        let narrow = found
            .iter()
            .any(|(.., visibility)| *visibility != Visibility::Organization);
        let mut excerpts = Vec::new();
        for (excerpt, execution, _) in found {
            excerpts.push(self.read(agent, excerpt, &execution)?);
            tokio::task::yield_now().await;
        }
        Ok(Gathered {
            figures,
            excerpts: within(excerpts, most),
            narrow,
        })
    }

    fn read(
        &self,
        agent: &str,
        excerpt: Excerpt,
        execution: &WorkflowExecution,
    ) -> Result<Excerpt, RuntimeError> {
        let core = &self.core;
        let journal = Journal::of(&core.records, excerpt.run, execution.origin.as_ref()).map_err(unread)?;
        let mut reader = Reader::of(agent, excerpt);
        let (mut after, mut read) = (0, 0);
        while read < EVENTS {
            let page = journal
                .page(&*core.store, after, Budget::default())
                .map_err(unread)?;
            if page.is_empty() {
                break;
            }
            read += page.len();
            for (event, _) in page {
                after = event.seq;
                reader.note(&event);
            }
        }
        Ok(reader.done())
    }

    /// Starts the run in which an agent looks back.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) async fn review(
        &self,
        agent: &str,
        input: Value,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        let labels = BTreeMap::from([(LABEL.to_owned(), agent.to_owned())]);
        self.start_text(
            ("review.yaml", DOCUMENT),
            (input, Terms::default()),
            labels,
            actor,
        )
        .await
    }
}

/// What a run leaves behind in which an agent looked back, in the commit that ends it.
pub(crate) fn file(
    txn: &mut Txn,
    (base, state): (&Document, &RunState),
    events: &[RunEvent],
    chance: &dyn Chance,
    now: Timestamp,
) -> Result<(), RuntimeError> {
    let status = state.status();
    if !base.metadata.labels.contains_key(LABEL) || !matches!(status, Status::Completed | Status::Faulted) {
        return Ok(());
    }
    let input = &**state.input();
    let Ok(agent) = serde_json::from_value::<Agent>(input["base"].clone()) else {
        return Ok(());
    };
    let shown: Vec<RunId> = read(&input["shown"]);
    let known: Vec<Value> = read(&input["known"]);
    let (model, rehearsal) = answered_by(events);
    let judged = state.output().map(|answer| judge(&agent, &shown, &known, answer));
    let judged = judged.unwrap_or_default();
    let report = EntityId(chance.id());
    let mut made = Vec::new();
    for one in judged.suggested {
        let spec = suggestion(one, (&agent, report), input);
        let document = beside(
            base,
            Draft::of(Kind::AgentSuggestion, "", spec),
            chance.id(),
            now,
            input,
        );
        made.push(document.metadata.id);
        put(txn, None, &document).map_err(unread)?;
    }
    let report_of = AgentSelfReport {
        agent: text(&input["agent"]),
        number: input["number"].as_u64().unwrap_or_default(),
        digest: text(&input["digest"]),
        run: base.metadata.id,
        figures: serde_json::from_value(input["figures"].clone()).unwrap_or_default(),
        shown: shown.into_iter().map(EntityId::from).collect(),
        summary: judged.summary,
        measures: judged.measures,
        good: judged.good,
        bad: judged.bad,
        suggestions: made,
        refused: judged.refused,
        problem: state.error().map(problem).unwrap_or_default(),
        model,
        rehearsal,
    };
    let spec = serde_json::to_value(report_of).unwrap_or_default();
    let document = beside(
        base,
        Draft::of(Kind::AgentSelfReport, "", spec),
        report.0,
        now,
        input,
    );
    put(txn, None, &document).map_err(unread)
}

fn suggestion(one: Suggested, (base, report): (&Agent, EntityId), input: &Value) -> Value {
    let suggestion = AgentSuggestion {
        agent: text(&input["agent"]),
        number: input["number"].as_u64().unwrap_or_default(),
        digest: text(&input["digest"]),
        base: base.clone(),
        report,
        title: one.title,
        reason: one.reason,
        evidence: one.evidence,
        change: one.change,
        ..AgentSuggestion::default()
    };
    serde_json::to_value(suggestion).unwrap_or_default()
}

/// A document that those see who see the agent; where not all of what it is made from is for everybody, who asked.
fn beside(base: &Document, draft: Draft, id: uuid::Uuid, now: Timestamp, input: &Value) -> Document {
    let meta = &base.metadata;
    let mut document = draft
        .id(EntityId(id))
        .org(meta.org)
        .owner(meta.owner)
        .document(now);
    document.metadata.visibility = read(&input["visibility"]);
    document.metadata.team = read(&input["team"]);
    document
}

/// Who answered, and whether it was the rehearsal.
fn answered_by(events: &[RunEvent]) -> (String, bool) {
    let facts = events.iter().rev().find_map(|event| match &event.body {
        EventBody::EffectSettled {
            outcome: EffectOutcome::Done { facts, .. },
            ..
        } => Some(facts),
        _ => None,
    });
    let fact = |name: &str| {
        facts
            .and_then(|facts| facts.get(name))
            .cloned()
            .unwrap_or_default()
    };
    let model = match (fact("provider").as_str(), fact("model").as_str()) {
        (Some(provider), Some(model)) => format!("{provider}/{model}"),
        _ => String::new(),
    };
    (model, fact("rehearsal") == true)
}

fn problem(error: &WorkflowError) -> String {
    let detail = error.detail.as_deref().unwrap_or_default();
    format!("{error} {detail}").trim().chars().take(2_000).collect()
}

fn is_work(document: &Document) -> bool {
    let labels = &document.metadata.labels;
    !BESIDE.iter().any(|label| labels.contains_key(*label))
}

fn run_at_end(key: &[u8]) -> Option<RunId> {
    let from = key.len().checked_sub(16)?;
    let id = <[u8; 16]>::try_from(key.get(from..)?).ok()?;
    Some(RunId(uuid::Uuid::from_bytes(id)))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read<T: Default + serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_a_workflow() {
        let workflow = dirigent_engine::load("review", super::DOCUMENT);
        workflow.unwrap_or_else(|found| panic!("{found:?}"));
    }
}
