//! What was undone, over all runs: a thing that was done once is undone once, whichever of the runs that go on behind it
//! is cancelled.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, Lineage, RunEvent, StepId};

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
    how: Option<Lineage>,
    /// Everything that was done and can be undone, oldest first.
    done: Vec<(StepId, Deed)>,
    /// Of these so many were undone.
    undone: usize,
}

impl Undone {
    /// The events of the next commit.
    pub(crate) fn commit(&mut self, events: &[(RunId, Arc<RunEvent>)]) -> Result<(), String> {
        for (run, event) in events {
            match &event.body {
                EventBody::WorkflowForked { origin, at, how, .. } => {
                    let mut own = self.runs.get(origin).cloned().unwrap_or_default();
                    own.done.retain(|(_, (_, seq))| seq <= at);
                    own.undone = 0;
                    own.how = Some(*how);
                    if *how == Lineage::Forked {
                        own.done.clear();
                    }
                    self.runs.insert(*run, own);
                }
                EventBody::TaskCompleted { step, undo: true, .. } => {
                    let own = self.runs.entry(*run).or_default();
                    own.done.push((step.clone(), (*run, event.seq)));
                }
                EventBody::TaskCompensating { step, .. } => self.undo(*run, step)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn undo(&mut self, run: RunId, step: &StepId) -> Result<(), String> {
        let own = self.runs.entry(run).or_default();
        own.undone += 1;
        let at = own.done.len().checked_sub(own.undone);
        let (known, deed) = &own.done[at.ok_or("nothing is left to undo")?];
        must(known == step, || format!("{run} undoes {step}, not {known}"))?;
        let (deed, how) = (*deed, own.how);
        if let Some(other) = self.by.insert(deed, run) {
            // Two retries of one failure each take over from it.
            let both = |run: &RunId| self.runs.get(run).and_then(|own| own.how) == Some(Lineage::Retried);
            let retries = how == Some(Lineage::Retried) && both(&other);
            must(retries, || format!("{deed:?} is undone by {other} and by {run}"))?;
        }
        Ok(())
    }
}
