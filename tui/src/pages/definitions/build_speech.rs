//! The builder in words: what is wrong, then the tasks, the one that one stands on marked; and what is being asked.

use super::builder::{Builder, Open};
use crate::pages::speech::count;
use crate::pages::{Ctx, Field, Speech, wording};
use crate::widgets::written;

/// Cells nothing is broken at.
const WIDE: usize = 100_000;

impl Builder {
    pub(super) fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        if let Some(Open::Trial(trial)) = &self.open {
            let mut speech = trial.monitor.in_words(ctx);
            for line in self.finding_lines(ctx, WIDE) {
                speech.say(wording::without_signs(line.text().trim()));
            }
            return speech;
        }
        let title = self.title_in_words();
        let tasks = self.draft.shown();
        let mut speech = Speech::new(title).part(match (self.what.canvas, self.diff) {
            (_, false) if self.draft.is_form() => "form",
            (true, false) => "steps",
            (_, true) => "changed",
            (false, false) => "text",
        });
        for line in self.finding_lines(ctx, WIDE) {
            speech.say(wording::without_signs(line.text().trim()));
        }
        let form = self.draft.is_form();
        if !self.what.canvas && !self.diff && !form {
            speech.quote(self.draft.text());
            return speech;
        }
        if self.diff {
            for line in self.changed_lines() {
                speech.say(format!("| {}", wording::without_signs(line.text().trim_end())));
            }
            return speech;
        }
        for task in tasks {
            let inside = match task.depth {
                0 => String::new(),
                depth => format!(", {} deep", depth),
            };
            let then = task
                .then
                .as_ref()
                .map_or_else(String::new, |(to, _)| format!(", then {to}"));
            let wrong = match (self.told(task, ctx), self.wrong(&task.pointer, ctx)) {
                (Some(finding), _) => format!(", {}", finding.message),
                (None, true) => ", wrong".to_owned(),
                (None, false) => String::new(),
            };
            let number = match task.item {
                true => format!("{} ", task.at + 1),
                false => String::new(),
            };
            let unsaid = if task.said { "" } else { "not set: " };
            let text = format!(
                "{number}{}, {unsaid}{}{inside}{then}{wrong}",
                task.name, task.kind
            );
            speech.line(text, self.draft.on.as_ref() == Some(&task.pointer));
        }
        if form && !self.what.canvas {
            for line in self.beside_lines(ctx) {
                speech.say(wording::without_signs(line.text().trim_end()));
            }
        }
        speech
    }

    fn title_in_words(&self) -> String {
        let tasks = self.draft.tasks();
        let changed = if self.draft.is_changed() {
            "changed"
        } else {
            "as it was"
        };
        let title = format!(
            "Builder of {}, {}, {changed}.",
            self.draft.name,
            count(tasks.len(), "task")
        );
        if self.draft.is_form() {
            format!("Form of the {} {}, {changed}.", self.what.word, self.draft.name)
        } else if self.what.canvas {
            title
        } else {
            format!("Editor of the {} {}, {changed}.", self.what.word, self.draft.name)
        }
    }

    /// What is asked for.
    pub(super) fn field(&self) -> Option<Field> {
        match &self.open {
            Some(Open::Line(question)) => {
                let mut lines = vec![question.head(&self.draft)];
                let options = question.options(&self.draft);
                lines.extend(options.iter().map(|(name, doc)| format!("{name}: {doc}")));
                lines.push("Type it, or its beginning. An empty line goes back.".to_owned());
                Some(Field::Line(lines))
            }
            Some(Open::Task(area, _)) => Some(Field::Text {
                about: vec![match self.draft.is_form() {
                    true => "All its words; nothing empties it.".to_owned(),
                    false => "The text of the task; it takes the place of the task.".to_owned(),
                }],
                text: written(area),
            }),
            Some(Open::Text(area)) => Some(Field::Text {
                about: vec!["The whole text of the draft.".to_owned()],
                text: written(area),
            }),
            Some(Open::Publish | Open::Leave | Open::Trial(_)) | None => None,
        }
    }

    /// The text being edited, for an outside editor.
    pub(super) fn text(&self) -> Option<String> {
        match &self.open {
            Some(Open::Task(area, _) | Open::Text(area)) => Some(written(area)),
            _ => None,
        }
    }
}
