//! The one document that text and canvas are two views of: its text, its tasks, where one stands, and the way back.

use std::time::Duration;

use dirigent_protocol::graph::Graph;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::source::{self, Diagnostic};

use super::lines::Refusal;
use super::outline::Task;
use super::rows::rows;
use super::surgery::Edited;
use crate::model::Cmd;
use crate::pages::Ctx;

/// Largest text, bytes.
pub(super) const MAX_TEXT: usize = 512 * 1024;
/// Most texts one can go back to.
const MAX_UNDO: usize = 100;
/// Changes by typing within this time are one step back.
const ONE_STEP: Duration = Duration::from_secs(1);
/// The daemon is asked when nothing was typed for this time.
const REST: Duration = Duration::from_millis(250);
const TOPIC: &str = "workflows.draft";

/// A draft.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The workflow it is of.
    pub(super) name: String,
    text: String,
    /// The text it began from.
    pub(super) base: String,
    tasks: Vec<Task>,
    /// The task one stands on.
    pub(super) on: Option<String>,
    undo: Vec<String>,
    redo: Vec<String>,
    changed_at: Duration,
}

impl Draft {
    pub(super) fn new(name: &str, base: String, text: String) -> Self {
        let tasks = rows(&text);
        Self {
            name: name.to_owned(),
            on: tasks.first().map(|task| task.pointer.clone()),
            tasks,
            text,
            base,
            ..Self::default()
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The name that its text says, under which it is published; without one, the name it has here.
    pub(super) fn own_name(&self) -> String {
        name_in(&self.text).unwrap_or_else(|| self.name.clone())
    }

    pub(super) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Those that are shown: what is folded only where one stands in it.
    pub(super) fn shown(&self) -> Vec<&Task> {
        let list = self.task().map(|task| task.list.as_str());
        let open = |task: &&Task| !task.folded || Some(task.list.as_str()) == list;
        self.tasks.iter().filter(open).collect()
    }

    pub(super) fn task(&self) -> Option<&Task> {
        let on = self.on.as_ref()?;
        self.tasks.iter().find(|task| task.pointer == *on)
    }

    /// Anything is different from where it began.
    pub(super) fn is_changed(&self) -> bool {
        self.text != self.base
    }

    /// Takes an edit of the text by typing.
    pub(super) fn typed(&mut self, text: String, now: Duration) {
        if text == self.text || text.len() > MAX_TEXT {
            return;
        }
        let same_step = !self.undo.is_empty() && now.saturating_sub(self.changed_at) < ONE_STEP;
        self.set(text, now, !same_step);
    }

    /// Takes an edit of the tasks.
    pub(super) fn take(&mut self, edited: Result<Edited, Refusal>, now: Duration) -> Result<(), Refusal> {
        let edited = edited?;
        if edited.text.len() > MAX_TEXT {
            return Err(format!("too large: {MAX_TEXT} bytes at most"));
        }
        if edited.text != self.text {
            self.set(edited.text, now, true);
        }
        self.on = edited.on.or_else(|| self.on.take());
        self.stand();
        Ok(())
    }

    fn set(&mut self, text: String, now: Duration, step: bool) {
        let before = std::mem::replace(&mut self.text, text);
        if step {
            self.undo.push(before);
            if self.undo.len() > MAX_UNDO {
                self.undo.remove(0);
            }
        }
        self.redo.clear();
        self.changed_at = now;
        self.read();
    }

    /// A text that cannot be read keeps the tasks of the last one that could, so that one does not lose one's place.
    fn read(&mut self) {
        let tasks = rows(&self.text);
        if !tasks.is_empty() {
            self.tasks = tasks;
        }
        self.stand();
    }

    fn stand(&mut self) {
        if self.task().is_none() {
            self.on = self.tasks.first().map(|task| task.pointer.clone());
        }
    }

    /// Goes one step back, or forward again; says whether there was one.
    pub(super) fn step_back(&mut self, forward: bool, now: Duration) -> bool {
        let (from, to) = if forward {
            (&mut self.redo, &mut self.undo)
        } else {
            (&mut self.undo, &mut self.redo)
        };
        let Some(text) = from.pop() else { return false };
        to.push(std::mem::replace(&mut self.text, text));
        self.changed_at = now;
        self.read();
        true
    }

    fn query(&self) -> Query {
        Query::Draft {
            source: self.text.clone(),
        }
    }

    /// The question whether the text is right, once nothing is typed for a moment.
    pub(super) fn wants(&self, ctx: &Ctx<'_>) -> Option<Cmd> {
        let rests = ctx.time.mono.saturating_sub(self.changed_at) >= REST;
        let looks = &ctx.model.looks;
        (rests && ctx.model.connection.is_live())
            .then(|| looks.want(TOPIC, &self.query(), None, ctx.time.mono))
            .flatten()
    }

    /// After how long the question is due.
    pub(super) fn due(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        let asked = ctx.model.looks.is_asked(TOPIC, &self.query());
        (!asked && ctx.model.connection.is_live()).then(|| {
            (self.changed_at + REST)
                .saturating_sub(ctx.time.mono)
                .max(Duration::from_millis(10))
        })
    }

    /// What is wrong with the text as it stands; none while the daemon has not said.
    pub(super) fn findings<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a [Diagnostic]> {
        match ctx.model.looks.answer(TOPIC, &self.query())? {
            Ok(QueryReply::Draft { findings, .. }) => Some(findings),
            _ => None,
        }
    }

    /// The graph of the text, or of the last one that had one.
    pub(super) fn graph<'a>(ctx: &Ctx<'a>) -> Option<&'a Graph> {
        match ctx.model.looks.newest(TOPIC)? {
            QueryReply::Draft { graph, .. } => graph.as_ref(),
            _ => None,
        }
    }

    /// An answer about this very text is on its way.
    pub(super) fn is_waiting(&self, ctx: &Ctx<'_>) -> bool {
        ctx.model.connection.is_live() && self.findings(ctx).is_none()
    }
}

/// The name that a text says of itself, as a workflow or as any other definition.
pub(super) fn name_in(text: &str) -> Option<String> {
    let parsed = source::parse(text.as_bytes());
    let root = parsed.documents.first()?;
    let said = |part: &str| root.get(part)?.get("name")?.as_str().map(str::to_owned);
    said("document")
        .or_else(|| said("metadata"))
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::surgery;
    use super::*;

    const TEXT: &str = "do:\n  - a:\n      set:\n        x: 1\n  - b:\n      wait: PT1S\n";

    #[test]
    fn an_edit_of_the_canvas_is_an_edit_of_the_text_and_back_again() {
        let mut draft = Draft::new("n", TEXT.to_owned(), TEXT.to_owned());
        let now = Duration::from_secs(9);
        let edited = surgery::shift(draft.text(), "/do/0/a", false);
        draft.take(edited, now).unwrap();
        assert_eq!(draft.on.as_deref(), Some("/do/1/a"));
        assert_eq!(draft.tasks()[0].name, "b");
        draft.typed(draft.text().replace("- b:", "- c:"), now + ONE_STEP);
        assert_eq!(draft.tasks()[0].name, "c");
        assert!(draft.step_back(false, now) && draft.step_back(false, now));
        assert!(!draft.is_changed() && !draft.step_back(false, now));
        assert!(draft.step_back(true, now) && draft.tasks()[0].name == "b");
        // A text that cannot be read keeps the place.
        draft.typed("do: [".to_owned(), now + 4 * ONE_STEP);
        assert_eq!(draft.tasks().len(), 2);
    }
}
