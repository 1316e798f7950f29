//! What a run has behind it: new tasks it is beyond, tasks on the other side of it now, flow that would have led
//! elsewhere, compensations that are gone.

use std::collections::BTreeSet;

use dirigent_protocol::run::StepId;
use dirigent_protocol::upgrade::Reason;
use serde_json::Value;

use super::check::Case;
use super::definition::field;
use super::trace::Visits;
use crate::machine::{TaskIndex, TaskList};

pub(super) fn look(case: &mut Case<'_>) {
    for new in 0..case.versions.new.tasks().len() {
        let Some(old) = case.versions.from(new) else {
            continue;
        };
        let Some(visits) = visits(case, old) else { continue };
        inserted(case, (old, new), visits);
        moved(case, (old, new));
        if old != 0 {
            flow(case, (old, new), visits);
        }
    }
    compensations(case);
}

fn visits(case: &Case<'_>, old: TaskIndex) -> Option<Visits> {
    case.trace.of(&case.versions.old.task(old).pointer)
}

fn lists(case: &Case<'_>, new: TaskIndex) -> Vec<TaskList> {
    let body = &case.versions.new.task(new).body;
    body.lists().into_iter().map(|(_, list)| list.clone()).collect()
}

/// New tasks inside a task that the run has come to: is it beyond them?
fn inserted(case: &mut Case<'_>, (old, new): (TaskIndex, TaskIndex), around: Visits) {
    let live = case.live.contains_key(&old);
    if live && matches!(&*case.versions.old.task(old).keyword, "fork" | "extension") {
        // Said of them as a whole.
        return;
    }
    for list in lists(case, new) {
        let came_to = |task: &TaskIndex| case.versions.from(*task).and_then(|old| visits(case, old));
        if !list.tasks.iter().any(|task| came_to(task).is_some()) {
            // What handles an error that never came.
            continue;
        }
        for (place, task) in list.tasks.iter().enumerate() {
            if case.versions.from(*task).is_some() {
                continue;
            }
            let later = list.tasks[place + 1..].iter();
            let begun = later
                .filter_map(|later| case.versions.from(*later))
                .filter_map(|later| Some((later, visits(case, later)?)))
                .next();
            let (event, before) = match begun {
                Some((task, visits)) => {
                    let name = case.versions.old.task(task).name.clone();
                    (
                        visits.first,
                        format!("it stands before `{name}`, which has begun"),
                    )
                }
                None if !live => (around.last, "the task around it is done".to_owned()),
                None => continue,
            };
            let (name, step) = (
                case.versions.new.task(*task).name.clone(),
                StepId::new(case.versions.new.task(*task).pointer.clone()),
            );
            let passes = case.versions.passes(*task);
            let finding = case.finding(step, event, Reason::Inserted, !passes);
            finding.detail = format!("it is new, and the run would go without it: {before}");
            if !passes {
                finding.help = Some(pass(&name));
            }
        }
    }
}

/// Tasks of a list at work that stand on the other side of where the run is.
fn moved(case: &mut Case<'_>, (old, new): (TaskIndex, TaskIndex)) {
    let before = lists_of_old(case, old);
    for list in lists(case, new) {
        let here = |case: &Case<'_>, task: TaskIndex| case.live.contains_key(&task);
        let at = list
            .tasks
            .iter()
            .position(|task| case.versions.from(*task).is_some_and(|task| here(case, task)));
        let Some(at) = at else { continue };
        let Some(now_in) = case.versions.from(list.tasks[at]) else {
            continue;
        };
        let Some(old_list) = before.iter().find(|list| list.position(now_in).is_some()) else {
            continue;
        };
        let was_at = old_list.position(now_in).unwrap_or_default();
        for (place, task) in list.tasks.iter().enumerate().filter(|(place, _)| *place != at) {
            let Some(from) = case.versions.from(*task) else {
                continue;
            };
            let Some(was) = old_list.position(from) else {
                continue;
            };
            if (was < was_at) == (place < at) {
                continue;
            }
            let begun = visits(case, from);
            let detail = match (begun.is_some(), place < at) {
                (true, false) => "it is done, and stands behind the run's place now: it would be done again",
                (false, true) => {
                    "it is not done, and stands before the run's place now: it would never be done"
                }
                _ => continue,
            };
            let name = case.versions.new.task(*task).name.clone();
            let step = StepId::new(case.versions.old.task(from).pointer.clone());
            let event = begun.map_or(case.state.seq(), |visits| visits.last);
            let passes = case.versions.passes(*task);
            let finding = case.finding(step, event, Reason::Moved, !passes);
            finding.detail = detail.to_owned();
            if !passes {
                finding.help = Some(pass(&name));
            }
        }
    }
}

fn lists_of_old(case: &Case<'_>, old: TaskIndex) -> Vec<TaskList> {
    let body = &case.versions.old.task(old).body;
    body.lists().into_iter().map(|(_, list)| list.clone()).collect()
}

/// A task that was come to: would the draft have come to it, and gone on from it, the same way?
fn flow(case: &mut Case<'_>, (old, new): (TaskIndex, TaskIndex), visits: Visits) {
    let versions = case.versions;
    let live = case.live.contains_key(&old);
    let said = |name: &str| {
        let before = field(versions.old, old, name).cloned();
        let before = before.map(|value| if name == "if" { value } else { renamed(case, value) });
        before.as_ref() != field(versions.new, new, name)
    };
    let changed: Vec<&str> = if live {
        ["if"].into_iter().filter(|name| said(name)).collect()
    } else {
        ["if", "then", "switch"]
            .into_iter()
            .filter(|name| said(name))
            .collect()
    };
    let Some(first) = changed.first() else { return };
    let passes = versions.passes(new);
    let task = versions.old.task(old);
    let (step, name) = (
        StepId::new(task.pointer.clone()),
        versions.new.task(new).name.clone(),
    );
    let finding = case.finding(step, visits.last, Reason::Flow, !passes);
    finding.detail = format!("the run has come by it, and its `{first}` is another one in the draft");
    if !passes {
        finding.help = Some(pass(&name));
    }
}

/// Where a task leads, in the names of the draft.
fn renamed(case: &Case<'_>, value: Value) -> Value {
    let rules = &case.versions.new.settings().migrate.rename;
    match value {
        Value::String(word) => {
            let of = |name: &str| name.rsplit('/').next() == Some(word.as_str());
            let now = rules
                .iter()
                .find(|(name, _)| of(name))
                .map(|(_, now)| now.clone());
            Value::String(now.unwrap_or(word))
        }
        Value::Object(fields) => {
            let now = |(name, value): (String, Value)| {
                let value = if name == "then" || value.is_object() {
                    renamed(case, value)
                } else {
                    value
                };
                (name, value)
            };
            Value::Object(fields.into_iter().map(now).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| renamed(case, item)).collect()),
        other => other,
    }
}

/// What would be undone by a cancel still can be.
fn compensations(case: &mut Case<'_>) {
    let versions = case.versions;
    let mut seen = BTreeSet::new();
    for undo in &case.state.undo {
        if !seen.insert(undo.step.pointer.clone()) {
            continue;
        }
        let old = versions.old.task_at(&undo.step.pointer);
        let new = old.and_then(|old| versions.to(old));
        if new.is_some_and(|new| versions.new.task(new).undo.is_some()) {
            continue;
        }
        let event = case.trace.of(&undo.step.pointer).map_or(0, |visits| visits.last);
        let finding = case.finding(undo.step.clone(), event, Reason::Compensation, true);
        finding.detail =
            "it is done and a cancel would undo it; the draft has no compensation for it".to_owned();
        finding.help = Some("keep the task and its `compensate` as long as such runs live".to_owned());
    }
}

fn pass(name: &str) -> String {
    format!(
        "if runs that are beyond it may go without, say so in the draft: `document: {{ metadata: {{ dirigent: {{ migrate: {{ pass: [{name}] }} }} }} }}`"
    )
}
