//! What a run has behind it: which tasks of its document it began, and at which events.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::run::{EventBody, RunEvent};

/// The tasks a run came to, by their place in the version it is on. Bounded by the document, however long the journal.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    begun: BTreeMap<Arc<str>, Visits>,
}

/// When a run was at a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visits {
    /// The event it first came to it.
    pub(super) first: u64,
    /// The event it last came to it.
    pub(super) last: u64,
}

impl Trace {
    /// Takes the next event of the journal in.
    pub fn note(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::WorkflowStarted { .. } => self.visit(&Arc::from(""), event.seq),
            EventBody::TaskStarted { step, .. } | EventBody::TaskSkipped { step, .. } => {
                self.visit(&step.pointer, event.seq);
            }
            EventBody::WorkflowMigrated { moved, .. } => {
                let mut found = Vec::new();
                for task in moved {
                    if let Some(visits) = self.begun.remove(&task.from) {
                        found.extend(task.to.clone().map(|to| (to, visits)));
                    }
                }
                self.begun.extend(found);
            }
            _ => {}
        }
    }

    fn visit(&mut self, pointer: &Arc<str>, seq: u64) {
        let first = Visits {
            first: seq,
            last: seq,
        };
        self.begun.entry(pointer.clone()).or_insert(first).last = seq;
    }

    pub(super) fn of(&self, pointer: &str) -> Option<Visits> {
        self.begun.get(pointer).copied()
    }
}
