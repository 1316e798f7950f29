//! From a document to a workflow.

use std::sync::Arc;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::source::{self, Diagnostic, Node, Place};

use super::parts::{Head, evaluate, extensions, head, parts};
use crate::document::{Base, Fields, InputRule, OutputRule, Schedule, TimeLimit};
use crate::machine::{Builder, TaskDef, Workflow, pointers};
use crate::task::{DoTasks, KINDS, USED};

const FIELDS: [&str; 8] = [
    "document", "input", "use", "do", "timeout", "output", "schedule", "evaluate",
];

/// Reads the text of one document; `name` is what it is called in findings about the whole text.
///
/// # Errors
/// All findings, warnings among them.
pub fn load(name: &str, text: &str) -> Result<Workflow, Vec<Diagnostic>> {
    let parsed = source::parse(text.as_bytes());
    let mut found = parsed.diagnostics;
    let [node] = parsed.documents.as_slice() else {
        if !found.iter().any(Diagnostic::is_error) {
            let message = format!("`{name}` holds {} documents, not one", parsed.documents.len());
            found.push(
                Diagnostic::error("several_documents", message, Place::default())
                    .help("keep one workflow in it"),
            );
        }
        return Err(found);
    };
    let (workflow, more) = parse_workflow(node);
    found.extend(more);
    match workflow {
        Some(workflow) if !found.iter().any(Diagnostic::is_error) => Ok(workflow),
        _ => Err(found),
    }
}

/// Reads a located document: the workflow, unless there are errors, and all findings in the order of the text.
#[must_use]
pub fn parse_workflow(node: &Node) -> (Option<Workflow>, Vec<Diagnostic>) {
    let mut builder = Builder::new(KINDS);
    let read = read(&mut builder, node);
    let (reader, tasks, agents) = builder.finish();
    let mut found = reader.diagnostics;
    found.sort_by_key(|finding| (finding.at.line, finding.at.column));
    found.dedup();
    if found.iter().any(Diagnostic::is_error) {
        return (None, found);
    }
    let workflow = read.zip(tasks).map(|((head, schedule), tasks)| {
        let definition = node.to_json();
        Workflow {
            name: head.name,
            namespace: head.namespace,
            version: head.version,
            title: head.title,
            summary: head.summary,
            digest: Digest::of(&definition),
            definition: Arc::new(definition),
            by_pointer: pointers(&tasks),
            budgeted: head.settings.budget.is_some()
                || tasks.iter().any(|task| task.base.settings.budget.is_some()),
            tasks,
            settings: head.settings,
            agents,
            schedule,
            secrets: reader.secrets.declared.iter().cloned().collect(),
            secret_marks: reader.secrets.marks(),
        }
    });
    (workflow, found)
}

fn read(builder: &mut Builder, node: &Node) -> Option<(Head, Option<Schedule>)> {
    let fields = builder.reader.fields(node, "", &FIELDS)?;
    builder.reader.require(&fields, &["document", "do"]);
    if let Some((node, at)) = fields.get("evaluate") {
        evaluate(&mut builder.reader, node, &at);
    }
    let document = fields
        .get("document")
        .map(|(node, at)| head(&mut builder.reader, node, &at));
    if let Some((node, at)) = fields.get("use") {
        parts(&mut builder.reader, node, &at);
        builder.extensions = extensions(&mut builder.reader, node, &at);
    }
    let rules = document
        .as_ref()
        .map(|head| head.settings.schedule.clone())
        .unwrap_or_default();
    let schedule = fields
        .get("schedule")
        .and_then(|(node, at)| Schedule::read(&mut builder.reader, node, &at, rules));
    let root = builder.reserve();
    let base = root_base(builder, &fields);
    let list = builder.list(&fields, "do", root);
    if list.tasks.is_empty()
        && let Some((node, at)) = fields.get("do")
        && node.as_sequence().is_some_and(<[Node]>::is_empty)
    {
        builder
            .reader
            .warning("empty_list", "the workflow does nothing", node.span.start, &at)
            .help = Some("add a task: - name: { set: { hello: world } }".to_owned());
    }
    check_used(builder);
    let head = document?;
    let task = TaskDef {
        pointer: Arc::from(""),
        name: Arc::from(head.name.as_str()),
        keyword: Arc::from("do"),
        label: Arc::from("workflow"),
        parent: None,
        base,
        verify: None,
        undo: None,
        stands_for: None,
        uses_secrets: false,
        body: Box::new(DoTasks { list }),
    };
    builder.put(root, task);
    Some((head, schedule))
}

/// What stands under `use` is checked whether or not a task refers to it.
fn check_used(builder: &mut Builder) {
    for (section, check) in USED {
        let named = builder.reader.named.iter();
        let own: Vec<(Node, String)> = named
            .filter(|((of, _), _)| of == section)
            .map(|(_, part)| part.clone())
            .collect();
        for (node, at) in own {
            check(builder, &node, &at);
        }
    }
    builder.check_extensions();
}

fn root_base(builder: &mut Builder, fields: &Fields<'_>) -> Base {
    let reader = &mut builder.reader;
    let mut base = Base::default();
    if let Some((node, at)) = fields.get("input") {
        base.input = InputRule::read(reader, node, &at);
    }
    if let Some((node, at)) = fields.get("output") {
        base.output = OutputRule::read(reader, node, &at);
    }
    if let Some((node, at)) = fields.get("timeout") {
        base.timeout = TimeLimit::read(reader, node, &at);
    }
    base
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
