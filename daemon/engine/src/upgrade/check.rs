//! The findings about one run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dirigent_protocol::run::StepId;
use dirigent_protocol::upgrade::{Finding, Reason};

use super::align::Alignment;
use super::trace::Trace;
use super::{live, past};
use crate::machine::TaskIndex;
use crate::state::{Frame, FrameId, Phase, RunState};

/// A run held against a draft.
pub(super) struct Case<'a> {
    pub(super) versions: &'a Alignment<'a>,
    pub(super) state: &'a RunState,
    pub(super) trace: &'a Trace,
    /// Tasks the run is in, of the version before, each with a frame of it.
    pub(super) live: BTreeMap<TaskIndex, FrameId>,
    pub(super) found: Vec<Finding>,
}

/// What the draft would mean for a run: its state at the end of the journal that was traced.
#[must_use]
pub fn check(versions: &Alignment<'_>, state: &RunState, trace: &Trace) -> Vec<Finding> {
    let mut case = Case {
        versions,
        state,
        trace,
        live: BTreeMap::new(),
        found: Vec::new(),
    };
    if state.cancelling() {
        let finding = case.finding(StepId::new(""), state.seq(), Reason::Cancelling, true);
        finding.detail = "the run is being cancelled".to_owned();
        return case.found;
    }
    for (id, frame) in state.frames() {
        if frame.phase != Phase::Done
            && let Some(task) = versions.old.task_at(&frame.step.pointer)
        {
            case.live.insert(task, id);
        }
    }
    live::look(&mut case);
    past::look(&mut case);
    case.found.sort_by_key(|finding| (!finding.breaks, finding.event));
    case.found
}

/// Tasks the run would go without, as the draft declares: what a breaking finding would otherwise name.
#[must_use]
pub fn passed(findings: &[Finding]) -> Vec<Arc<str>> {
    let passes = |finding: &&Finding| !finding.breaks && finding.reason == Reason::Inserted;
    let names: BTreeSet<Arc<str>> = findings
        .iter()
        .filter(passes)
        .map(|finding| finding.step.pointer.clone())
        .collect();
    names.into_iter().collect()
}

impl<'a> Case<'a> {
    /// Adds a finding, whose words are filled in by whoever found it.
    pub(super) fn finding(&mut self, step: StepId, event: u64, reason: Reason, breaks: bool) -> &mut Finding {
        let at = self.found.len();
        self.found.push(Finding {
            step,
            event,
            reason,
            breaks,
            detail: String::new(),
            help: None,
        });
        &mut self.found[at]
    }

    /// Frames of the run, those that are only kept for their output among them.
    pub(super) fn frames(&self) -> impl Iterator<Item = (FrameId, &'a Frame, TaskIndex)> + use<'a> {
        let (versions, state) = (self.versions, self.state);
        state.frames().filter_map(move |(id, frame)| {
            let task = versions.old.task_at(&frame.step.pointer)?;
            Some((id, frame, task))
        })
    }
}
