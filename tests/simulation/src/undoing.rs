//! What a cancelled run has to undo: each thing that was done and declares it, newest first, one after the other.

use dirigent_protocol::run::{EventBody, Lineage, RunEvent, StepId};

use crate::must;

#[derive(Debug, Default)]
pub(crate) struct Undoing {
    /// What was done and can be undone, oldest first.
    done: Vec<(StepId, u64)>,
    /// What is being undone, by which step.
    at: Option<(StepId, StepId)>,
    failed: Vec<StepId>,
    pub(crate) on: bool,
}

impl Undoing {
    /// Any event of the run.
    pub(crate) fn note(&mut self, event: &RunEvent) -> Result<(), String> {
        match &event.body {
            EventBody::TaskCompleted { step, .. } if self.ends(step) => self.at = None,
            EventBody::TaskCompleted { step, undo: true, .. } => self.done.push((step.clone(), event.seq)),
            EventBody::TaskFaulted { step, .. } | EventBody::TaskCancelled { step, .. }
                if self.ends(step) =>
            {
                self.failed.extend(self.at.take().map(|(step, _)| step));
            }
            // It was done by another run, which may have to undo it, or has.
            EventBody::WorkflowForked {
                how: Lineage::Forked, ..
            } => self.done.clear(),
            EventBody::WorkflowCompensating { left } => {
                must(!self.on && !self.done.is_empty(), || {
                    "nothing is to be undone".into()
                })?;
                self.done.retain(|(_, seq)| *seq > left.unwrap_or(0));
                self.on = true;
            }
            EventBody::TaskCompensating { step, by } => {
                must(self.on && self.at.is_none(), || {
                    "something else is being undone".into()
                })?;
                let newest = self.done.pop().map(|(step, _)| step);
                must(newest.as_ref() == Some(step), || {
                    format!("{step} is undone, the newest that was done is {newest:?}")
                })?;
                self.at = Some((step.clone(), by.clone()));
            }
            EventBody::TaskStarted { step, .. } if self.on => {
                let within = self.at.as_ref().is_some_and(|(_, by)| {
                    let below = step.pointer.strip_prefix(&*by.pointer);
                    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                });
                must(within, || format!("{step} begins while {:?} is undone", self.at))?;
            }
            EventBody::WorkflowCancelled { uncompensated } => {
                must(self.done.is_empty() && self.at.is_none(), || {
                    format!("{:?} is not undone, {:?} is being undone", self.done, self.at)
                })?;
                must(*uncompensated == self.failed, || {
                    format!("{uncompensated:?} are said to be left, {:?} are", self.failed)
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn ends(&self, step: &StepId) -> bool {
        self.at.as_ref().is_some_and(|(_, by)| by == step)
    }
}
