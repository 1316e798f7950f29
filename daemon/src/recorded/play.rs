//! The play of one recording, with the expression worker of the daemon.

use std::sync::Arc;

use dirigent_engine::expression::Answers;
use dirigent_engine::machine::Workflow;
use dirigent_engine::replay::{Played, Player};
use dirigent_engine::upgrade::Alignment;
use dirigent_protocol::recording::{Recording, compare};

use super::agents;
use super::drafts::Drafts;
use super::verdict::Verdict;
use crate::worker::WorkerPool;

/// How often one decision may come back with more expressions.
const MAX_ROUNDS: usize = 1_000;

/// Plays it with `workflow`, behind the versions it was on before, and holds what happens against what was recorded.
pub async fn play(
    recording: &Recording,
    workflow: &Workflow,
    earlier: Vec<Arc<Workflow>>,
    drafts: &Drafts,
    worker: &WorkerPool,
) -> Verdict {
    let moved = moved(recording, workflow);
    let recording = &moved;
    let mut player = Player::new(recording, workflow).after(earlier);
    let (mut answers, mut rounds) = (Answers::default(), 0);
    loop {
        match player.play(&answers) {
            Played::Over => break,
            Played::On => (answers, rounds) = (Answers::default(), 0),
            Played::Ask(requests) => {
                rounds += 1;
                if rounds > MAX_ROUNDS {
                    break;
                }
                for reply in worker.evaluate(requests).await {
                    answers.insert(reply);
                }
            }
        }
    }
    let now = player.expected();
    let mut differences = agents::compare(recording, &drafts.agents);
    differences.extend(compare(recording, &now, player.asked()));
    Verdict {
        workflow: recording.workflow.name.clone(),
        recorded: recording.workflow.digest,
        played: workflow.digest(),
        steps: now.steps.len(),
        moments: player.played(),
        differences,
        strays: player
            .strays()
            .iter()
            .map(|stray| {
                let step = stray
                    .step
                    .as_ref()
                    .map_or_else(String::new, |step| format!("{step}: "));
                format!(
                    "{step}{} was recorded and cannot happen: {}",
                    stray.what, stray.why
                )
            })
            .collect(),
    }
}

/// The recording with its steps where the document has them: a task that is new must not make others of those behind it.
fn moved(recording: &Recording, workflow: &Workflow) -> Recording {
    let own = recording.clone();
    // A run that changed its version has addresses of several: only one document cannot move them all.
    if workflow.digest() == recording.workflow.digest || !recording.earlier.is_empty() {
        return own;
    }
    match dirigent_engine::load(&recording.workflow.name, &recording.workflow.source) {
        Ok(recorded) => own.moved(&Alignment::of(&recorded, workflow).moved()),
        Err(_) => own,
    }
}
