//! Which task of one version is which task of another: by name and place, from the outside in.
//!
//! Two tasks are the same when the tasks around them are, they stand in the same part of it (its list, its branches),
//! and they have the same name, or the draft says that one was renamed to the other. Where in a list they stand does
//! not matter here.

use std::collections::HashMap;
use std::sync::Arc;

use dirigent_protocol::run::Moved;

use super::definition::definition;
use crate::document::MigrationRules;
use crate::machine::{TaskIndex, Workflow};

/// Two versions of a workflow, task by task.
pub struct Alignment<'a> {
    /// The version a run is on.
    pub old: &'a Workflow,
    /// The draft.
    pub new: &'a Workflow,
    to: Vec<Option<TaskIndex>>,
    from: Vec<Option<TaskIndex>>,
}

impl<'a> Alignment<'a> {
    /// Holds a draft against the version before.
    #[must_use]
    pub fn of(old: &'a Workflow, new: &'a Workflow) -> Self {
        let mut aligned = Self {
            old,
            new,
            to: vec![None; old.tasks().len()],
            from: vec![None; new.tasks().len()],
        };
        let (before, after) = (children(old), children(new));
        let mut open = vec![(0, 0)];
        while let Some((from, to)) = open.pop() {
            aligned.to[from] = Some(to);
            aligned.from[to] = Some(from);
            let mut places: HashMap<(String, &str), TaskIndex> = HashMap::new();
            for child in &after[to] {
                let task = new.task(*child);
                places.insert((place(new, *child), &*task.name), *child);
            }
            for child in &before[from] {
                let task = old.task(*child);
                let name = renamed(&new.settings().migrate, &task.pointer, &task.name);
                if let Some(same) = places.remove(&(place(old, *child), name)) {
                    open.push((*child, same));
                }
            }
        }
        aligned
    }

    /// The task in the draft.
    #[must_use]
    pub fn to(&self, old: TaskIndex) -> Option<TaskIndex> {
        self.to.get(old).copied().flatten()
    }

    /// The task in the version before.
    #[must_use]
    pub fn from(&self, new: TaskIndex) -> Option<TaskIndex> {
        self.from.get(new).copied().flatten()
    }

    /// Every task that stands elsewhere in the draft, or not at all.
    #[must_use]
    pub fn moved(&self) -> Vec<Moved> {
        let mut moved = Vec::new();
        for (index, task) in self.old.tasks().iter().enumerate() {
            let to: Option<Arc<str>> = self.to(index).map(|to| self.new.task(to).pointer.clone());
            if to.as_ref() != Some(&task.pointer) {
                moved.push(Moved {
                    from: task.pointer.clone(),
                    to,
                });
            }
        }
        moved
    }

    /// A new task that a task which is gone may have become: of its kind, in the same part of the same task, and saying
    /// the same or the only one of that kind there.
    pub(super) fn renamed_like(&self, gone: TaskIndex) -> Option<TaskIndex> {
        let task = self.old.task(gone);
        let around = self.to(task.parent?)?;
        let mut candidates: Vec<TaskIndex> = (0..self.new.tasks().len())
            .filter(|index| {
                let other = self.new.task(*index);
                other.parent == Some(around)
                    && self.from(*index).is_none()
                    && other.label == task.label
                    && place(self.new, *index) == place(self.old, gone)
            })
            .collect();
        let said = definition(self.old, gone);
        let same = candidates
            .iter()
            .copied()
            .find(|index| definition(self.new, *index) == said);
        match (same, candidates.len()) {
            (Some(same), _) => Some(same),
            (None, 1) => candidates.pop(),
            _ => None,
        }
    }

    /// Whether the draft says that a task of it, or its change, does not matter to runs beyond it.
    pub(super) fn passes(&self, new: TaskIndex) -> bool {
        let task = self.new.task(new);
        let pass = &self.new.settings().migrate.pass;
        pass.iter()
            .any(|name| **name == *task.name || **name == *task.pointer)
    }
}

fn renamed<'r>(rules: &'r MigrationRules, pointer: &str, name: &'r str) -> &'r str {
    let now = rules.rename.get(pointer).or_else(|| rules.rename.get(name));
    now.map_or(name, String::as_str)
}

/// The tasks inside each task, in document order.
fn children(workflow: &Workflow) -> Vec<Vec<TaskIndex>> {
    let mut inside = vec![Vec::new(); workflow.tasks().len()];
    for (index, task) in workflow.tasks().iter().enumerate() {
        if let Some(parent) = task.parent {
            inside[parent].push(index);
        }
    }
    inside
}

/// The part of the task around it that a task stands in: `do`, `fork/branches`, `metadata/dirigent/verify`.
fn place(workflow: &Workflow, index: TaskIndex) -> String {
    let task = workflow.task(index);
    let around = task.parent.map_or("", |parent| &*workflow.task(parent).pointer);
    let inside = task.pointer.strip_prefix(around).unwrap_or(&task.pointer);
    let mut segments: Vec<&str> = inside.split('/').filter(|part| !part.is_empty()).collect();
    let own = task
        .name
        .replace('~', "~0")
        .replace('/', "~1")
        .replace('#', "%23");
    if segments.last() == Some(&own.as_str()) {
        segments.pop();
    }
    segments.retain(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()));
    segments.join("/")
}
