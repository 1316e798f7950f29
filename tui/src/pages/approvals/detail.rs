//! The detail: the complete text, scrolled; below it what can be done, or what is being typed.

use dirigent_protocol::entity::{RuleScope, may_be_ruled};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::dialog::{Dialog, Kind};
use super::page::{Approvals, Look};
use super::{change, content, like};
use crate::keymap::Action;
use crate::model::{Approval, Link};
use crate::pages::Ctx;
use crate::text::{clean_line, width, wrap};
use crate::theme::{Role, Sign};
use crate::widgets::{Line, Pane, draw_writing};

impl Approvals {
    pub(super) fn draw_detail(&self, ctx: &Ctx<'_>, focus: bool, area: Rect, buf: &mut Buffer) {
        let Some(approval) = self.shown.and_then(|id| ctx.model.approvals.get(&id)) else {
            self.seen.forget();
            let inner = Pane::new("What would happen")
                .focus(focus)
                .draw(area, ctx.theme, buf);
            Line::new()
                .add(Role::Dim, " Nothing is selected.")
                .draw_row(1, inner, ctx.theme, buf);
            return;
        };
        let digest = short_digest(approval);
        let mut pane = Pane::new(clean_line(&approval.body.title))
            .focus(focus)
            .title(Role::Dim, format!("  ({digest})"));
        if !ctx.model.connection.is_live() {
            pane = pane.title(Role::Stale, format!("  {}", stale(ctx)));
        }
        match self.look {
            Look::Diff => pane = pane.title(Role::Warn, "  differences"),
            Look::History => pane = pane.title(Role::Warn, "  history"),
            Look::Request | Look::Sheet => {}
        }
        let inner = pane.foot(Role::Dim, self.foot(ctx)).draw(area, ctx.theme, buf);
        if inner.is_empty() {
            return;
        }
        if let Some(Dialog {
            kind:
                Kind::Edit {
                    area: text,
                    plain,
                    amends,
                    error,
                    ..
                },
            ..
        }) = &self.dialog
        {
            let head = editor_head(*plain, *amends, error.as_deref());
            draw_editor(text, &head, ctx, inner, buf);
            return;
        }
        let bottom = self.bottom(approval, ctx, inner);
        let height = u16::try_from(bottom.len())
            .unwrap_or(u16::MAX)
            .min(inner.height.saturating_sub(2));
        let text = Rect {
            height: inner.height - height,
            ..inner
        };
        self.draw_text(approval, ctx, text, buf);
        let below = Rect {
            y: text.bottom(),
            height,
            ..inner
        };
        for (row, line) in (0u16..height).zip(&bottom) {
            line.draw_row(row, below, ctx.theme, buf);
        }
    }

    fn draw_text(&self, approval: &Approval, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let lines = self.side(approval, ctx, usize::from(area.width));
        let window = usize::from(area.height);
        self.extent.set((lines.len(), window));
        let last = lines.len().saturating_sub(window);
        let first = self.scroll.min(last);
        for (row, line) in (0u16..area.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, area, ctx.theme, buf);
        }
        if self.look == Look::Request {
            self.seen.paint(approval, first == last && window > 0, ctx.time);
        } else {
            self.seen.forget();
        }
    }

    /// The lines of the side that is looked at.
    pub(super) fn side(&self, approval: &Approval, ctx: &Ctx<'_>, cells: usize) -> Vec<Line> {
        match (self.look, &approval.body.before) {
            (Look::History, _) => like::lines(approval, ctx, cells),
            (Look::Diff, Some(before)) => {
                let mut lines = vec![Line::new().add(Role::Heading, "WOULD CHANGE  all of it")];
                lines.extend(change::full(before, &approval.body.payload, cells));
                lines
            }
            _ => content::lines(approval, ctx, cells),
        }
    }

    fn foot(&self, ctx: &Ctx<'_>) -> String {
        let (lines, window) = self.extent.get();
        let last = lines.saturating_sub(window);
        let keys = self.keys(ctx);
        let at = keys
            .iter()
            .position(|key| Some(key) == self.shown.as_ref())
            .map_or(0, |at| at + 1);
        let below = last.saturating_sub(self.scroll);
        let more = if below > 0 {
            format!("{below} more lines below   ")
        } else {
            String::new()
        };
        format!(
            "{more}{at}/{}  {} {} next",
            keys.len(),
            ctx.keymap.first(Action::NextItem),
            ctx.keymap.first(Action::PrevItem)
        )
    }

    /// Lines under the text: the ways to decide, or the field that is being typed in.
    fn bottom(&self, approval: &Approval, ctx: &Ctx<'_>, area: Rect) -> Vec<Line> {
        let cells = usize::from(area.width);
        match self.dialog.as_ref().map(|dialog| &dialog.kind) {
            Some(_) if self.dialog.as_ref().is_some_and(|dialog| dialog.void) => void(),
            Some(Kind::Deny(text)) => field("Deny. Your reason, for whoever asked:", text, cells),
            Some(Kind::Confirm { word, typed, edited }) => {
                let word = clean_line(word);
                let what = if edited.is_some() {
                    "as edited by you. "
                } else {
                    ""
                };
                field(&format!("High risk{what}. Type {word} to approve:"), typed, cells)
            }
            Some(Kind::Words { purpose, text }) => field(purpose.head(), text, cells),
            Some(Kind::Rule { scope, covers }) => rule_lines(*scope, *covers, cells),
            _ if !approval.is_pending() || area.height < 10 => Vec::new(),
            _ => self.ways(approval, ctx),
        }
    }

    fn ways(&self, approval: &Approval, ctx: &Ctx<'_>) -> Vec<Line> {
        let unknown = approval.body.unknown_effect.is_some();
        let words: [(Action, &str); 10] = if unknown {
            [
                (Action::Approve, "Do it again, same key"),
                (Action::Stop, "It failed, with a reason…"),
                (Action::Edit, "It happened, with this result"),
                (Action::StopRun, "Deny and stop the run…"),
                (Action::Rule, "Approve and add a rule…"),
                (Action::Ask, "Ask the agent a question…"),
                (Action::History, "How such requests were decided"),
                (Action::Later, "Later (10 min)"),
                (Action::Delegate, "Hand it over…"),
                (Action::Link, "A signed link…"),
            ]
        } else {
            [
                (Action::Approve, "Approve once"),
                (Action::Stop, "Deny with a reason…"),
                (Action::Edit, "Edit, then approve (marked yours)"),
                (Action::StopRun, "Deny and stop the run…"),
                (Action::Rule, "Approve and add a rule…"),
                (Action::Ask, "Ask the agent a question…"),
                (Action::History, "How such requests were decided"),
                (Action::Later, "Later (10 min)"),
                (Action::Delegate, "Hand it over…"),
                (Action::Link, "A signed link…"),
            ]
        };
        let mut out = vec![Line::new()];
        for pair in words.chunks(2) {
            let mut row = Line::new();
            for (at, (action, word)) in pair.iter().enumerate() {
                row.extend(&self.way(*action, word, at == 0, ctx));
            }
            out.push(row);
        }
        if may_be_ruled(&approval.body) {
            let count = like::covered(approval, RuleScope::Shape, ctx);
            let text = format!("     a rule for this shape covers {count} other waiting request(s)");
            out.insert(4, Line::new().add(Role::Dim, text));
        }
        if let Some(why) = self.undecidable(Action::Approve, ctx) {
            out.push(Line::new().add(Role::Warn, format!("  {why}")));
        } else if let Some(word) = approval.confirm_word() {
            out.push(Line::new().add(
                Sign::risk(approval.body.risk).role,
                format!(
                    "  High risk: {} asks for the word {}",
                    ctx.keymap.first(Action::Approve),
                    clean_line(word)
                ),
            ));
        }
        out
    }

    fn way(&self, action: Action, word: &str, left: bool, ctx: &Ctx<'_>) -> Line {
        let off = self.why_off(action, ctx);
        let role = if off { Role::Dim } else { Role::Text };
        let lead = if matches!(action, Action::Approve | Action::Stop) {
            "▸ "
        } else {
            "  "
        };
        let cells = if left { 34 } else { width(word) };
        Line::new()
            .add(role, lead)
            .add(if off { Role::Dim } else { Role::Key }, ctx.keymap.first(action))
            .add(role, format!("  {}", crate::text::fit(word, cells)))
    }

    fn why_off(&self, action: Action, ctx: &Ctx<'_>) -> bool {
        !matches!(action, Action::History | Action::Later) && self.undecidable(action, ctx).is_some()
    }
}

/// The choice of a rule: what it covers, and how many that wait.
fn rule_lines(scope: RuleScope, covers: [usize; 2], cells: usize) -> Vec<Line> {
    let mut out = vec![
        Line::new(),
        Line::new().add(
            Role::Heading,
            "  Approve this one, and from now on without asking:",
        ),
    ];
    let rows = [
        (
            RuleScope::Exact,
            "1",
            "exactly this action with exactly this content",
            covers[0],
        ),
        (
            RuleScope::Shape,
            "2",
            "this action with content of this shape, whatever its values",
            covers[1],
        ),
    ];
    for (row, key, words, count) in rows {
        let here = row == scope;
        let text = format!("{words}: answers {count} more now");
        for (at, part) in wrap(&text, cells.saturating_sub(8)).into_iter().enumerate() {
            let lead = match (at, here) {
                (0, true) => "  > ",
                _ => "    ",
            };
            out.push(
                Line::new()
                    .add(Role::Focus, lead)
                    .add(Role::Key, if at == 0 { key } else { " " })
                    .add(
                        if here { Role::Selected } else { Role::Text },
                        format!("  {part}"),
                    ),
            );
        }
    }
    let words = "Never for a high risk; a rule that denies wins. `dirigent get approval-rules` lists them, `delete` revokes.";
    out.extend(
        wrap(words, cells.saturating_sub(2))
            .into_iter()
            .map(|row| Line::new().add(Role::Dim, format!("  {row}"))),
    );
    out
}

fn short_digest(approval: &Approval) -> String {
    let digest = &approval.body.digest;
    match (digest.get(..4), digest.get(digest.len().saturating_sub(2)..)) {
        (Some(head), Some(tail)) if digest.len() > 8 => format!("{head}…{tail}"),
        _ => clean_line(digest).into_owned(),
    }
}

pub(super) fn stale(ctx: &Ctx<'_>) -> &'static str {
    match ctx.model.connection.link {
        Link::Down { .. } => "last known, not connected",
        Link::Connecting | Link::Stale => "last known",
        Link::Live => "",
    }
}

/// What stands in the place of a field whose request changed.
fn void() -> Vec<Line> {
    let words = "  The request changed meanwhile: nothing was decided. Go back and look again.";
    vec![Line::new(), Line::new().add(Role::Bad, words)]
}

pub(super) fn field(head: &str, text: &str, cells: usize) -> Vec<Line> {
    let mut out = vec![Line::new()];
    out.extend(
        wrap(head, cells.saturating_sub(2))
            .into_iter()
            .map(|row| Line::new().add(Role::Heading, format!("  {row}"))),
    );
    let text = clean_line(text);
    let rows = wrap(&text, cells.saturating_sub(6));
    let last = rows.len() - 1;
    // The end of what is typed is what one looks at.
    for (at, row) in rows.iter().enumerate().skip(rows.len().saturating_sub(4)) {
        let line = Line::new()
            .add(Role::Key, if at == 0 { "  › " } else { "    " })
            .add(Role::Mine, row);
        out.push(if at == last {
            line.add(Role::Caret, " ")
        } else {
            line
        });
    }
    out
}

/// What becomes of the text that is edited, or what is wrong with it.
fn editor_head(plain: bool, amends: bool, error: Option<&str>) -> Line {
    let kind = if plain { "text" } else { "JSON" };
    let (role, words) = match error {
        Some(error) => (Role::Bad, format!(" ✗ {error}")),
        None if amends => (
            Role::Mine,
            format!(" ✎ your {kind}; it is asked about anew, nothing is decided by it"),
        ),
        None => (
            Role::Mine,
            format!(" ✎ your {kind}; it runs as you leave it, marked as yours"),
        ),
    };
    Line::new().add(role, words)
}

fn draw_editor(
    text: &ratatui_textarea::TextArea<'static>,
    head: &Line,
    ctx: &Ctx<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    head.draw_row(0, area, ctx.theme, buf);
    let body = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    draw_writing(text, false, body, ctx.theme, buf);
}
