//! Texts for the person's own programs: the selected object as YAML, and what happened in a run as plain lines.
//!
//! Which object is selected is asked of the page the way a key asks for its link, so no page needs to know of this.

use serde_json::{Value, json};

use super::state::{Effect, Shell};
use crate::keymap::Action;
use crate::model::{Cmd, Note, Time};
use crate::nav::Place;
use crate::outside::{Sheet, Way};
use crate::pages::Input;
use crate::text::clean;

impl Shell {
    /// Opens the selected object in the editor, to look at: what is here is history, and is changed by deciding.
    ///
    /// Of a text field it is the text, and it comes back.
    pub(super) fn look_outside(&mut self, time: Time) -> Vec<Effect> {
        if !self.page().wants_text() {
            return self.sheet(Way::Look, time);
        }
        match self.page().field_text() {
            Some(text) => self.out(Sheet {
                name: "text".to_owned(),
                kind: "txt",
                text,
                way: Way::Edit,
            }),
            None => {
                self.note = Some(Note::refused("this is typed here, nowhere else"));
                Vec::new()
            }
        }
    }

    fn out(&self, sheet: Sheet) -> Vec<Effect> {
        match (self.prefs.plain, sheet.way) {
            (true, Way::Edit) => Vec::new(),
            (true, _) => vec![Effect::Show(sheet.text)],
            (false, _) => vec![Effect::Outside(sheet)],
        }
    }

    fn sheet(&mut self, way: Way, time: Time) -> Vec<Effect> {
        let found = self
            .selected(time)
            .and_then(|place| Some((self.object(&place)?, place)));
        let text = found.and_then(|(value, place)| Some((serde_saphyr::to_string(&value).ok()?, place)));
        match text {
            Some((text, place)) => self.out(Sheet {
                name: name_of(&place),
                kind: "yaml",
                text: format!(
                    "# {place}, to look at: nothing is changed here.\n{}",
                    clean(&text)
                ),
                way,
            }),
            None => self.nothing_here(),
        }
    }

    /// Opens the whole text of what is shown here in the pager; of an object that has none, the object.
    pub(super) fn page_outside(&mut self, time: Time) -> Vec<Effect> {
        let text = self.page().transcript(&self.ctx(time));
        match text {
            Some(text) => self.out(Sheet {
                name: name_of(&self.place()),
                kind: "log",
                text: clean(&text).into_owned(),
                way: Way::Page,
            }),
            None => self.sheet(Way::Page, time),
        }
    }

    /// What came back of a text that was edited.
    pub fn returned(&mut self, text: &str, time: Time) -> Vec<Effect> {
        // Editors end a file with a newline that nobody typed.
        self.hand_text(text.strip_suffix('\n').unwrap_or(text), time)
    }

    /// A text was written into a file, or was not.
    pub fn wrote(&mut self, result: std::io::Result<std::path::PathBuf>) {
        self.note = Some(match result {
            Ok(path) => Note::info(format!("written to {}", path.display())),
            Err(error) => Note::error(format!("not written: {error}")),
        });
    }

    /// Something outside went wrong.
    pub fn complain(&mut self, what: &str) {
        self.note = Some(Note::error(what));
    }

    fn nothing_here(&mut self) -> Vec<Effect> {
        self.note = Some(Note::refused("nothing is selected here"));
        Vec::new()
    }

    /// The object under the cursor, by the link its page gives for it.
    fn selected(&mut self, time: Time) -> Option<Place> {
        let link = self.with_page(self.here, time, |page, ctx| {
            let mut known = page.meta().bindings.iter();
            let knows = known.any(|bind| bind.action == Action::CopyLink);
            let may = knows && page.why_not(Action::CopyLink, ctx).is_none();
            may.then(|| page.update(Input::Action(Action::CopyLink), ctx))
        })?;
        let place = link.into_iter().find_map(|cmd| match cmd {
            Cmd::Copy(text) => text.parse::<Place>().ok(),
            _ => None,
        })?;
        (!place.path.is_empty()).then_some(place)
    }

    fn object(&self, place: &Place) -> Option<Value> {
        let id = place.path.first()?;
        match place.page.as_str() {
            "runs" => {
                let run = self.model.runs.get(&id.parse().ok()?)?;
                Some(
                    json!({ "kind": "WorkflowExecution", "id": run.id, "created_at": run.created_at, "spec": run.body }),
                )
            }
            "approvals" => {
                let approval = self.model.approvals.get(&id.parse().ok()?)?;
                Some(json!({
                    "kind": "WorkflowApproval",
                    "id": approval.id,
                    "asked_at": approval.asked_at,
                    "revision": approval.revision,
                    "spec": approval.body,
                }))
            }
            _ => None,
        }
    }
}

fn name_of(place: &Place) -> String {
    let id = place.path.first().map_or("", String::as_str);
    let tail = id.len().saturating_sub(8);
    let id = id.get(tail..).unwrap_or_default();
    format!("{}-{id}", place.page)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect()
}
