//! The inbox in words, and a request exactly: the lines of the screen's own text, without a column or a sign.
//!
//! What was said to its end counts as read, what was not said cannot be decided: the same guard as on the screen.

use dirigent_protocol::entity::ApprovalStatus;

use super::dialog::{Dialog, Kind, VOID};
use super::page::{Approvals, Look, Part};
use super::payload;
use crate::model::Approval;
use crate::nav::Place;
use crate::pages::speech::count;
use crate::pages::wording;
use crate::pages::{Ctx, Field, Speech};
use crate::text::diff;

/// Cells nothing is broken at.
const WIDE: usize = 100_000;
/// Rows a page of the text counts, for the keys that scroll.
const PAGE: usize = 10;

impl Approvals {
    /// The list, or the request that is read.
    pub(super) fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        self.list_rows.set(2 * PAGE);
        let shown = self.shown.and_then(|id| ctx.model.approvals.get(&id));
        if self.look == Look::Sheet {
            return self.sheet_in_words(ctx);
        }
        if self.narrow.is_open() {
            return self.narrow.in_words("approvals", ctx);
        }
        match (self.part, shown) {
            (Part::Detail, Some(approval)) => self.request_in_words(approval, ctx),
            _ => self.list_in_words(ctx),
        }
    }

    fn list_in_words(&self, ctx: &Ctx<'_>) -> Speech {
        let (waiting, decided) = self.rows(ctx);
        let mut title = format!("Approvals. {} waiting, {} decided.", waiting.len(), decided.len());
        if self.narrow.is_narrowed() {
            title.push_str(&format!(" Only {}.", self.narrow.spoken()));
        }
        let mut speech = Speech::new(title).part("inbox");
        if waiting.is_empty() && ctx.model.loaded {
            speech.say("Nothing waits for you.");
        }
        let here = self.cursor.key();
        for approval in waiting {
            let mut text = wording::request(approval, ctx);
            if self.sheet.is_marked(approval.id) {
                text.insert_str(0, "marked: ");
            }
            speech.choice(text, Place::approval(approval.id), here == Some(&approval.id));
        }
        for approval in decided {
            speech.choice(
                settled(approval),
                Place::approval(approval.id),
                here == Some(&approval.id),
            );
        }
        speech
    }

    fn request_in_words(&self, approval: &Approval, ctx: &Ctx<'_>) -> Speech {
        let keys = self.keys(ctx);
        let at = keys.iter().position(|key| *key == approval.id).unwrap_or(0) + 1;
        let title = format!("Approval {at} of {}: {}", keys.len(), approval.body.title);
        let mut speech = Speech::new(title).part(match self.look {
            Look::Diff => "all that would change",
            Look::History => "how requests like it were decided",
            Look::Request | Look::Sheet => "request",
        });
        let lines = self.side(approval, ctx, WIDE);
        // The keys that scroll take the reader on by lines: the last one can come under the cursor as well.
        self.extent.set((lines.len() + PAGE - 1, PAGE));
        for (at, line) in lines.iter().enumerate() {
            let text = line.text();
            speech.line(unbarred(text.trim_end()), at == self.scroll && at > 0);
        }
        let mine = ctx.model.outbox.held_for(approval.id).is_some() || ctx.model.outbox.is_sent(approval.id);
        let why = self.undecidable(crate::keymap::Action::Stop, ctx);
        if let Some(why) = why.filter(|_| !mine && approval.is_pending()) {
            speech.say(format!("Not to be decided now: {why}."));
        }
        speech
    }

    /// The batch sheet: every item whole, then what became of the sheet before.
    fn sheet_in_words(&self, ctx: &Ctx<'_>) -> Speech {
        let count = count(self.sheet.count(), "request");
        let mut speech = Speech::new(format!("Batch sheet of {count}")).part("sheet");
        let lines = self.sheet_lines(ctx, WIDE);
        self.extent.set((lines.len() + PAGE - 1, PAGE));
        for (at, line) in lines.iter().enumerate() {
            let text = wording::without_signs(&unbarred(line.text().trim_end()));
            speech.line(text, at == self.scroll && at > 0);
        }
        speech
    }

    /// What is typed over the sheet.
    pub(super) fn sheet_field(&self) -> Field {
        let back = "An empty line goes back, and nothing is decided.";
        Field::Line(vec![match &self.sheet.word {
            Some(word) => format!("Approve all of the sheet that may be: type {word}. {back}"),
            None => format!("Deny all of the sheet that may be: type one reason, for each who asked. {back}"),
        }])
    }

    /// The plain view has said the request, to its end or not.
    pub(super) fn said(&self, end: bool, ctx: &Ctx<'_>) {
        if self.look == Look::Sheet {
            self.seen.forget();
            self.sheet.painted(end, ctx);
            return;
        }
        let shown = self.shown.and_then(|id| ctx.model.approvals.get(&id));
        match shown.filter(|_| self.part == Part::Detail && self.look == Look::Request) {
            Some(approval) => {
                self.seen.paint(approval, end, ctx.time);
                self.said.set(Some((approval.id, approval.revision)));
            }
            None => {
                self.seen.forget();
                self.said.set(None);
            }
        }
    }

    /// What became of the request that was said, once.
    pub(super) fn changed_since_said(&self, ctx: &Ctx<'_>) -> Option<String> {
        let (id, revision) = self.said.get().filter(|_| self.part == Part::Detail)?;
        let what = match ctx.model.approvals.get(&id) {
            Some(approval) if approval.revision == revision => return None,
            Some(approval) if approval.is_pending() => {
                "The request changed: an empty line reads it again.".to_owned()
            }
            Some(approval) => format!("The request is over: {}", settled(approval)),
            None => "The request is gone.".to_owned(),
        };
        self.said.set(None);
        Some(what)
    }

    /// What the typing is for.
    pub(super) fn field_in_words(&self, dialog: &Dialog, ctx: &Ctx<'_>) -> Option<Field> {
        if dialog.void {
            return Some(Field::Line(vec![format!("{VOID}. An empty line goes back.")]));
        }
        let approval = ctx.model.approvals.get(&dialog.id)?;
        let body = &approval.body;
        let back = "An empty line goes back, and nothing is decided.";
        Some(match &dialog.kind {
            Kind::Deny(_) => Field::Line(vec![
                format!("Deny: {}", body.action),
                format!("Type the reason, for whoever asked. {back}"),
            ]),
            Kind::Words { purpose, .. } => Field::Line(vec![
                format!("{}: {}", purpose.head().trim_end_matches(':'), body.action),
                format!("Type it. {back}"),
            ]),
            Kind::Rule { covers, .. } => Field::Line(vec![
                format!("Approve, and from now on without asking: {}", body.action),
                format!("1: exactly this content, answers {} more now.", covers[0]),
                format!("2: content of this shape, answers {} more now.", covers[1]),
                format!("Type 1 or 2. {back}"),
            ]),
            Kind::Confirm { word, edited, .. } => {
                let as_edited = if edited.is_some() { " as edited by you" } else { "" };
                let mut lines = vec![format!("Approve{as_edited}: {}", body.action)];
                if let Some(edited) = edited {
                    lines.extend(changes(&body.payload, edited));
                }
                let digest = body.digest.get(..4).unwrap_or(&body.digest);
                lines.push(format!(
                    "Risk {}, digest {digest}. Type {word} to approve. {back}",
                    body.risk.as_str()
                ));
                Field::Line(lines)
            }
            Kind::Edit {
                area,
                plain,
                amends,
                error,
                ..
            } => {
                let kind = if *plain { "text" } else { "JSON" };
                let about = match error {
                    Some(error) => format!("Not {kind} yet: {error}"),
                    None if *amends => format!(
                        "Change what is asked: {}. It is {kind}; it is asked about anew, and nothing is decided by it.",
                        body.action
                    ),
                    None => format!(
                        "Edit: {}. It is {kind}; it runs as you leave it, marked as yours.",
                        body.action
                    ),
                };
                Field::Text {
                    about: vec![about],
                    text: area.lines().join("\n"),
                }
            }
        })
    }
}

fn settled(approval: &Approval) -> String {
    let body = &approval.body;
    let how = match body.status {
        ApprovalStatus::Pending => "waits",
        ApprovalStatus::Approved if body.edited.is_some() => "approved as edited",
        ApprovalStatus::Approved => "approved",
        ApprovalStatus::Denied => "denied",
        ApprovalStatus::Expired => "expired",
        ApprovalStatus::Withdrawn => "withdrawn by its run",
    };
    let who = body.decided_by.as_deref().unwrap_or("nobody");
    format!(
        "{how} by {who}: {} at {}: {}",
        body.workflow, body.task, body.action
    )
}

/// A line of the screen's text with its own marks as a bar.
fn unbarred(line: &str) -> String {
    let lead: String = line.chars().take_while(|c| *c == ' ').collect();
    let rest = line.trim_start();
    match rest.strip_prefix("│").or_else(|| rest.strip_prefix("╎")) {
        Some(text) => format!("{lead}|{text}"),
        None if line.starts_with("DIGEST") => line.replace('…', "..."),
        None => line.to_owned(),
    }
}

/// What an edit changed, line by line.
fn changes(before: &serde_json::Value, after: &serde_json::Value) -> Vec<String> {
    let (old, new) = (payload::editable(before), payload::editable(after));
    let mut out: Vec<String> = diff::lines(&old, &new)
        .into_iter()
        .filter_map(|(tag, line)| match tag {
            similar::ChangeTag::Delete => Some(format!("was | {}", line.trim_end())),
            similar::ChangeTag::Insert => Some(format!("now | {}", line.trim_end())),
            similar::ChangeTag::Equal => None,
        })
        .collect();
    out.insert(0, format!("{} changed:", count(out.len(), "line")));
    out
}
