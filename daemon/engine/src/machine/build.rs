//! Reading tasks: names, kinds by their row, lists, functions.

use std::collections::HashMap;
use std::sync::Arc;

use dirigent_protocol::source::{Entry, Node, join_pointer, nearest};

use super::check::check_list;
use super::model::{Task, TaskDef, TaskIndex, TaskList};
use crate::document::{Base, ExtensionRule, Fields, Reader};

/// Deepest nesting of tasks.
const MAX_DEPTH: usize = 24;
/// Most tasks of a document, functions expanded.
const MAX_TASKS: usize = 10_000;

/// Functions of the standard: a document's own function cannot take their place.
const STANDARD: [&str; 6] = ["asyncapi", "grpc", "http", "openapi", "a2a", "mcp"];

/// How a kind is read.
pub(crate) type ReadTask = fn(&mut Builder, &Fields<'_>, TaskIndex) -> Option<Box<dyn Task>>;

/// A kind of task: the one row it has.
#[derive(Debug, Clone, Copy)]
pub struct KindRow {
    /// Its keyword: `set`, `call`.
    pub keyword: &'static str,
    /// What the keyword's value must be or have, where several kinds share it: `http` of `call: http`.
    pub target: Option<&'static str>,
    /// Fields it has beside the common ones.
    pub fields: &'static [&'static str],
    /// What it does, one line.
    pub doc: &'static str,
    /// What it looks like.
    pub shape: &'static str,
    /// Reads it; none where this version does not know it yet.
    pub read: Option<ReadTask>,
}

/// Reads tasks into their places.
#[derive(Debug)]
pub struct Builder {
    /// Findings, scope, named parts.
    pub reader: Reader,
    rows: &'static [KindRow],
    tasks: Vec<Option<TaskDef>>,
    depth: usize,
    agents: Vec<String>,
    /// `use.extensions`.
    pub extensions: Vec<ExtensionRule>,
    /// The task whose extensions are being read: they are extended by nothing.
    pub(super) extending: Option<TaskIndex>,
}

impl Builder {
    /// A builder that knows these kinds.
    #[must_use]
    pub fn new(rows: &'static [KindRow]) -> Self {
        Self {
            reader: Reader::default(),
            rows,
            tasks: Vec::new(),
            depth: 0,
            agents: Vec::new(),
            extensions: Vec::new(),
            extending: None,
        }
    }

    /// Makes room for a task, in document order.
    pub(crate) fn reserve(&mut self) -> TaskIndex {
        self.tasks.push(None);
        self.tasks.len() - 1
    }

    /// Puts a task in its place.
    pub(crate) fn put(&mut self, index: TaskIndex, task: TaskDef) {
        self.tasks[index] = Some(task);
    }

    /// A task that was read already.
    pub(super) fn known(&self, index: TaskIndex) -> Option<&TaskDef> {
        self.tasks.get(index)?.as_ref()
    }

    /// Whether a task runs is decided by the task around it.
    pub(super) fn unconditional(&mut self, index: TaskIndex) {
        if let Some(Some(task)) = self.tasks.get_mut(index) {
            task.base.condition = None;
        }
    }

    /// Reads something for its findings alone: none of its tasks stay, and nothing extends them.
    pub(super) fn for_findings(&mut self, read: impl FnOnce(&mut Self, TaskIndex)) {
        let (tasks, agents) = (self.tasks.len(), self.agents.len());
        let (extending, used) = (self.extending, self.reader.secrets.used);
        let parent = self.reserve();
        self.extending = Some(parent);
        read(self, parent);
        self.tasks.truncate(tasks);
        self.agents.truncate(agents);
        self.extending = extending;
        self.reader.secrets.used = used;
    }

    /// A list of tasks of an extension.
    pub(super) fn part(&mut self, node: &Node, path: &str, parent: TaskIndex) -> TaskList {
        self.list_at(node, path, parent, true)
    }

    /// Findings, all tasks if every one could be read, agents called by a fixed name.
    pub(crate) fn finish(mut self) -> (Reader, Option<Vec<TaskDef>>, Vec<String>) {
        self.agents.sort();
        self.agents.dedup();
        (self.reader, self.tasks.into_iter().collect(), self.agents)
    }

    /// Notes an agent that is called by a fixed name.
    pub fn uses_agent(&mut self, name: &str) {
        self.agents.push(name.to_owned());
    }

    /// A function under `use.functions`.
    pub fn function(&self, name: &str) -> Option<(Node, String)> {
        self.reader.named.get(&("functions", name.to_owned())).cloned()
    }

    /// Reads a function's task as the only task inside its caller.
    pub fn expand_function(
        &mut self,
        name: &str,
        function: &Node,
        at: &str,
        call: &Node,
        path: &str,
        caller: TaskIndex,
    ) -> Option<TaskList> {
        if self.reader.expanding.iter().any(|open| open == name) {
            let chain = format!("{} -> {name}", self.reader.expanding.join(" -> "));
            let message = format!("functions call each other in a circle: {chain}");
            self.reader
                .error("function_cycle", message, call.span.start, path)
                .help = Some("break the circle: a function cannot call itself".to_owned());
            return None;
        }
        if self.tasks.len() >= MAX_TASKS || self.depth >= MAX_DEPTH {
            let message = "functions expand to too many tasks";
            self.reader
                .error("too_large", message, call.span.start, path)
                .help = Some("call fewer functions from functions".to_owned());
            return None;
        }
        self.reader.expanding.push(name.to_owned());
        self.depth += 1;
        let index = self.reserve();
        // A function has one definition and many callers: its steps are addressed through the call.
        let pointer = join_pointer(path, name).replace('#', "%23");
        let found = self.reader.diagnostics.len();
        self.task(index, name, function, &pointer, caller);
        for finding in &mut self.reader.diagnostics[found..] {
            if let Some(rest) = finding.at.path.strip_prefix(&pointer) {
                finding.at.path = format!("{at}{rest}");
            }
        }
        self.depth -= 1;
        self.reader.expanding.pop();
        let by_name = HashMap::from([(Arc::from(name), 0)]);
        Some(TaskList {
            tasks: vec![index],
            by_name,
        })
    }

    /// The field `name` as a list of tasks inside `parent`.
    pub fn list(&mut self, fields: &Fields<'_>, name: &str, parent: TaskIndex) -> TaskList {
        let Some((node, path)) = fields.get(name) else {
            return TaskList::default();
        };
        self.list_at(node, &path, parent, true)
    }

    /// Branches: tasks side by side, between which nothing leads.
    pub fn branches(&mut self, node: &Node, path: &str, parent: TaskIndex) -> TaskList {
        self.list_at(node, path, parent, false)
    }

    fn list_at(&mut self, node: &Node, path: &str, parent: TaskIndex, flow: bool) -> TaskList {
        let mut list = TaskList::default();
        let Some(items) = node.as_sequence() else {
            self.reader
                .expected(node, path, "a list of tasks (`- name: { ... }`)");
            return list;
        };
        if self.depth >= MAX_DEPTH {
            let message = format!("tasks are nested deeper than {MAX_DEPTH} levels");
            self.reader.error("too_deep", message, node.span.start, path).help =
                Some("move inner tasks to `use.functions`".to_owned());
            return list;
        }
        self.depth += 1;
        let mut entries: Vec<(TaskIndex, &Entry)> = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let at = format!("{path}/{i}");
            let Some(entry) = self.single(item, &at) else {
                continue;
            };
            if self.tasks.len() >= MAX_TASKS {
                let message = format!("more than {MAX_TASKS} tasks");
                self.reader
                    .error("too_large", message, entry.key_span.start, &at)
                    .help = Some("split the workflow".to_owned());
                break;
            }
            let index = self.reserve();
            let pointer = join_pointer(&at, &entry.key).replace('#', "%23");
            self.task(index, &entry.key, &entry.value, &pointer, parent);
            list.by_name
                .entry(Arc::from(entry.key.as_str()))
                .or_insert(list.tasks.len());
            list.tasks.push(index);
            entries.push((index, entry));
        }
        self.depth -= 1;
        let tasks = &self.tasks;
        check_list(
            &mut self.reader,
            path,
            &entries,
            |index| tasks[index].as_ref(),
            flow,
        );
        list
    }

    /// An item of a list has one field, the name.
    fn single<'n>(&mut self, item: &'n Node, path: &str) -> Option<&'n Entry> {
        let help = "write `- name: { ... }`, indented one level below the name";
        match item.as_mapping().map(|entries| entries.0.as_slice()) {
            Some([entry]) => Some(entry),
            Some(entries) => {
                let names: Vec<String> = entries.iter().map(|e| format!("`{}`", e.key)).collect();
                let message = if names.is_empty() {
                    "a task is missing here".to_owned()
                } else {
                    format!("an item holds one task, this one has {}", names.join(", "))
                };
                self.reader.error("bad_item", message, item.span.start, path).help = Some(help.to_owned());
                None
            }
            None => {
                let message = format!("an item must be a task, not {}", item.kind());
                self.reader.error("bad_item", message, item.span.start, path).help = Some(help.to_owned());
                None
            }
        }
    }

    /// Reads one task into its place.
    pub(crate) fn task(
        &mut self,
        index: TaskIndex,
        name: &str,
        node: &Node,
        pointer: &str,
        parent: TaskIndex,
    ) {
        let Some(fields) = self.reader.open(node, pointer) else {
            return;
        };
        let Some(row) = self.row(&fields) else {
            Base::read(&mut self.reader, &fields);
            return;
        };
        let extended = self.is_extended(row.keyword);
        let (outer, around) = (index, parent);
        let (index, parent) = if extended {
            (self.reserve(), index)
        } else {
            (index, parent)
        };
        let known: Vec<&str> = Base::FIELDS.iter().chain(row.fields).copied().collect();
        self.reader.only(&fields, &known);
        let secrets_before = std::mem::take(&mut self.reader.secrets.used);
        let base = Base::read(&mut self.reader, &fields);
        let Some(read) = row.read else {
            let label = label(row);
            let message = format!("`{label}` is not supported yet");
            let help = format!("this version runs: {}", self.supported());
            let at = fields
                .entry(row.keyword)
                .map_or(node.span.start, |entry| entry.key_span.start);
            self.reader.error("unsupported_task", message, at, pointer).help = Some(help);
            return;
        };
        let Some(body) = read(self, &fields, index) else {
            return;
        };
        let verify = base
            .settings
            .verify
            .then(|| self.aside("verify", &fields, pointer, index))
            .flatten();
        let undo = base
            .settings
            .compensate
            .then(|| self.aside("compensate", &fields, pointer, index))
            .flatten();
        let task = TaskDef {
            pointer: Arc::from(pointer),
            name: Arc::from(name),
            keyword: Arc::from(row.keyword),
            label: Arc::from(label(row)),
            parent: Some(parent),
            base,
            verify,
            undo,
            stands_for: self.extending,
            uses_secrets: self.reader.secrets.used,
            body,
        };
        self.reader.secrets.used |= secrets_before;
        self.put(index, task);
        if extended {
            self.extend(outer, index, pointer, around);
        }
    }

    fn supported(&self) -> String {
        let known: Vec<String> = self
            .rows
            .iter()
            .filter(|row| row.read.is_some())
            .map(label)
            .collect();
        known.join(", ")
    }

    /// The row that a task's fields ask for.
    fn row(&mut self, fields: &Fields<'_>) -> Option<&'static KindRow> {
        let rows = self.rows;
        let mut candidates: Vec<&'static KindRow> =
            rows.iter().filter(|row| fields.has(row.keyword)).collect();
        // `do` also stands in `for`, so the more particular keyword wins.
        if candidates.iter().any(|row| row.keyword == "for") {
            candidates.retain(|row| row.keyword != "do");
        }
        let mut keywords: Vec<&str> = candidates.iter().map(|row| row.keyword).collect();
        keywords.dedup();
        match keywords.as_slice() {
            [] => {
                self.no_kind(fields);
                None
            }
            [keyword] => self.target(fields, keyword, &candidates),
            several => {
                let list = several
                    .iter()
                    .map(|k| format!("`{k}`"))
                    .collect::<Vec<_>>()
                    .join(" and ");
                let message = format!("a task does one thing; this one has {list}");
                let at = fields.node.span.start;
                self.reader.error("two_tasks", message, at, fields.path).help =
                    Some("make two tasks of it".to_owned());
                None
            }
        }
    }

    fn target(
        &mut self,
        fields: &Fields<'_>,
        keyword: &str,
        candidates: &[&'static KindRow],
    ) -> Option<&'static KindRow> {
        if let [only] = candidates
            && only.target.is_none()
        {
            return Some(only);
        }
        let entry = fields.entry(keyword)?;
        let named = |name: &str| candidates.iter().copied().find(|row| row.target == Some(name));
        if let Some(text) = entry.value.as_str() {
            let own = self.function(text).is_some() && !STANDARD.contains(&text);
            return (!own).then(|| named(text)).flatten().or_else(|| named("*"));
        }
        let path = join_pointer(fields.path, keyword);
        let inner = self.reader.open(&entry.value, &path)?;
        let found: Vec<&'static KindRow> = candidates
            .iter()
            .copied()
            .filter(|row| row.target.is_some_and(|t| inner.has(t)))
            .collect();
        if let [row] = found.as_slice() {
            return Some(row);
        }
        let targets: Vec<&str> = candidates.iter().filter_map(|row| row.target).collect();
        let near = inner
            .entries
            .iter()
            .find_map(|e| nearest(&e.key, targets.iter().copied()));
        let help = match near {
            Some(near) if found.is_empty() => format!("did you mean `{near}`?"),
            _ => format!("write exactly one of: {}", targets.join(", ")),
        };
        let message = format!("`{keyword}` does not say what");
        self.reader
            .error("missing_field", message, entry.key_span.start, &path)
            .help = Some(help);
        None
    }

    fn no_kind(&mut self, fields: &Fields<'_>) {
        let mut keywords: Vec<&str> = self.rows.iter().map(|row| row.keyword).collect();
        keywords.dedup();
        let near = fields.entries.iter().find_map(|entry| {
            let common = Base::FIELDS.contains(&entry.key.as_str());
            (!common).then(|| nearest(&entry.key, keywords.iter().copied()).map(|near| (entry, near)))?
        });
        match near {
            Some((entry, near)) => {
                let message = format!("`{}` is no kind of task", entry.key);
                let path = join_pointer(fields.path, &entry.key);
                self.reader
                    .error("unknown_task_kind", message, entry.key_span.start, &path)
                    .help = Some(format!("did you mean `{near}`?"));
            }
            None => {
                let message = "the task does not say what to do";
                let at = fields.node.span.start;
                self.reader
                    .error("unknown_task_kind", message, at, fields.path)
                    .help = Some(format!("add one of: {}", keywords.join(", ")));
            }
        }
    }
}

fn label(row: &KindRow) -> String {
    match row.target {
        Some("*") => format!("{}:function", row.keyword),
        Some(target) => format!("{}:{target}", row.keyword),
        None => row.keyword.to_owned(),
    }
}

/// Finds tasks by their pointers.
pub(crate) fn pointers(tasks: &[TaskDef]) -> HashMap<Arc<str>, TaskIndex> {
    tasks
        .iter()
        .enumerate()
        .map(|(index, task)| (task.pointer.clone(), index))
        .collect()
}
