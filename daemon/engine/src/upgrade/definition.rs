//! What the author wrote of a task, and parts of it.

use serde_json::{Map, Value};

use crate::machine::{TaskIndex, Workflow};

/// Parts of a task that count only once it is done.
const LATER: [&str; 6] = ["then", "if", "output", "export", "timeout", "metadata"];

/// The task as it is written; of a function that is called, the function.
pub(super) fn definition(workflow: &Workflow, index: TaskIndex) -> Option<&Value> {
    let task = workflow.task(index);
    let document = workflow.definition();
    let written = document.pointer(&task.pointer.replace("%23", "#"));
    written.or_else(|| document.get("use")?.get("functions")?.get(&*task.name))
}

fn fields(workflow: &Workflow, index: TaskIndex) -> Option<&Map<String, Value>> {
    definition(workflow, index)?.as_object()
}

/// One field of a task.
pub(super) fn field<'a>(workflow: &'a Workflow, index: TaskIndex, name: &str) -> Option<&'a Value> {
    fields(workflow, index)?.get(name)
}

/// What a task does while it is at work, without the tasks inside it.
pub(super) fn work(workflow: &Workflow, index: TaskIndex) -> Value {
    let Some(fields) = fields(workflow, index) else {
        return Value::Null;
    };
    let inner: Vec<String> = (0..workflow.tasks().len())
        .filter(|other| workflow.task(*other).parent == Some(index))
        .filter_map(|other| {
            let pointer = &workflow.task(other).pointer;
            let inside = pointer.strip_prefix(&*workflow.task(index).pointer)?;
            inside.split('/').nth(1).map(str::to_owned)
        })
        .collect();
    let own = |name: &&String| !LATER.contains(&name.as_str()) && !inner.contains(*name);
    let kept = fields.iter().filter(|(name, _)| own(name));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}
