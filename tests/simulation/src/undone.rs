//! What was undone, over all runs: a thing that was done once is undone once, whichever of the runs that go on behind it
//! is cancelled.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, Lineage, RunEvent, Status, StepId};

use crate::must;

/// Something that was done: by which run, with which event.
type Deed = (RunId, u64);

#[derive(Default)]
pub(crate) struct Undone {
    runs: BTreeMap<RunId, Own>,
    by: BTreeMap<Deed, RunId>,
}

#[derive(Default, Clone)]
struct Own {
    /// Everything that was done and can be undone, oldest first.
    done: Vec<(StepId, Deed)>,
    /// Of these so many were undone.
    undone: usize,
    /// What was done up to this event is left to others.
    left: u64,
    ended: Option<Status>,
}

impl Undone {
    /// The events of the next commit.
    pub(crate) fn commit(&mut self, events: &[(RunId, Arc<RunEvent>)]) -> Result<(), String> {
        for (run, event) in events {
            match &event.body {
                EventBody::WorkflowForked { origin, at, how, .. } => {
                    let mut own = self.runs.get(origin).cloned().unwrap_or_default();
                    own.done.retain(|(_, (_, seq))| seq <= at);
                    (own.undone, own.left, own.ended) = (0, 0, None);
                    if *how == Lineage::Forked {
                        own.done.clear();
                    }
                    self.runs.insert(*run, own);
                }
                EventBody::TaskCompleted { step, undo: true, .. } => {
                    let own = self.runs.entry(*run).or_default();
                    own.done.push((step.clone(), (*run, event.seq)));
                }
                EventBody::WorkflowCompensating { left: Some(left) } => {
                    self.runs.entry(*run).or_default().left = *left;
                }
                EventBody::WorkflowCompleted { .. } => self.end(*run, Status::Completed),
                EventBody::WorkflowFaulted { .. } => self.end(*run, Status::Faulted),
                EventBody::WorkflowCancelled { .. } => self.end(*run, Status::Cancelled),
                EventBody::TaskCompensating { step, .. } => self.undo(*run, step)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn end(&mut self, run: RunId, how: Status) {
        self.runs.entry(run).or_default().ended = Some(how);
    }

    /// When everything is over: what all that went on behind it have given up, somebody has undone.
    pub(crate) fn all_undone(&self) -> Result<(), String> {
        let mut behind: BTreeMap<Deed, Vec<(RunId, Option<Status>)>> = BTreeMap::new();
        for (run, own) in &self.runs {
            for (_, deed) in own.done.iter().filter(|(_, deed)| deed.0 != *run) {
                behind.entry(*deed).or_default().push((*run, own.ended));
            }
        }
        for (deed, runs) in behind {
            // Who did it ended with an error, or without having undone it; who failed behind it may be gone on from.
            let doer = self.runs.get(&deed.0).and_then(|own| own.ended);
            let given_up = runs.iter().all(|(_, ended)| *ended == Some(Status::Cancelled));
            let undone = self.by.contains_key(&deed);
            must(undone || !given_up || doer == Some(Status::Completed), || {
                format!("{deed:?} is undone by nobody; behind it went on {runs:?}")
            })?;
        }
        Ok(())
    }

    fn undo(&mut self, run: RunId, step: &StepId) -> Result<(), String> {
        let own = self.runs.entry(run).or_default();
        own.undone += 1;
        let at = own.done.len().checked_sub(own.undone);
        let (known, deed) = &own.done[at.ok_or("nothing is left to undo")?];
        must(known == step, || format!("{run} undoes {step}, not {known}"))?;
        let deed = *deed;
        must(deed.1 > own.left, || {
            format!("{run} undoes {step}, which it left to others")
        })?;
        match self.by.insert(deed, run) {
            None => Ok(()),
            Some(other) => Err(format!("{deed:?} is undone by {other} and by {run}")),
        }
    }
}
