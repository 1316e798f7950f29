//! The detail: the complete text, scrolled; below it what can be done, or what is being typed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget as _;

use super::content;
use super::dialog::{Dialog, Kind};
use super::page::Approvals;
use crate::keymap::Action;
use crate::model::{Approval, Link};
use crate::pages::Ctx;
use crate::text::{clean_line, width, wrap};
use crate::theme::{Role, Sign};
use crate::widgets::{Line, Pane};

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
        let foot = self.foot(ctx);
        let pane = pane.foot(Role::Dim, foot);
        let inner = pane.draw(area, ctx.theme, buf);
        if inner.is_empty() {
            return;
        }
        if let Some(Dialog {
            kind:
                Kind::Edit {
                    area: text,
                    plain,
                    error,
                    ..
                },
            ..
        }) = &self.dialog
        {
            draw_editor(text, *plain, error.as_deref(), ctx, inner, buf);
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
        let lines = content::lines(approval, ctx, usize::from(area.width));
        let window = usize::from(area.height);
        self.extent.set((lines.len(), window));
        let last = lines.len().saturating_sub(window);
        let first = self.scroll.min(last);
        for (row, line) in (0u16..area.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, area, ctx.theme, buf);
        }
        self.seen.paint(approval, first == last && window > 0, ctx.time);
    }

    fn foot(&self, ctx: &Ctx<'_>) -> String {
        let (lines, window) = self.extent.get();
        let last = lines.saturating_sub(window);
        let keys = Self::keys(ctx);
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
        format!("{more}{at}/{}  J K next", keys.len())
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
            _ if !approval.is_pending() || area.height < 10 => Vec::new(),
            _ => self.ways(approval, ctx),
        }
    }

    fn ways(&self, approval: &Approval, ctx: &Ctx<'_>) -> Vec<Line> {
        let unknown = approval.body.unknown_effect.is_some();
        let words = if unknown {
            [
                "Do it again, same key",
                "It failed, with a reason…",
                "It happened, with this result",
                "Later (10 min)",
            ]
        } else {
            [
                "Approve once",
                "Deny with a reason…",
                "Edit, then approve (marked yours)",
                "Later (10 min)",
            ]
        };
        let way = |action: Action, key: &str, word: &str, left: bool| {
            let off = self.undecidable(action, ctx).is_some();
            let role = if off { Role::Dim } else { Role::Text };
            Line::new()
                .add(
                    role,
                    if matches!(action, Action::Approve | Action::Stop) {
                        "▸ "
                    } else {
                        "  "
                    },
                )
                .add(if off { Role::Dim } else { Role::Key }, key)
                .add(
                    role,
                    format!(
                        "  {}",
                        crate::text::fit(word, if left { 34 } else { width(word) })
                    ),
                )
        };
        let mut first = way(Action::Approve, "a", words[0], true);
        first.extend(&way(Action::Stop, "x", words[1], false));
        let mut second = way(Action::Edit, "e", words[2], true);
        second.extend(&way(Action::Later, "z", words[3], false));
        let mut out = vec![Line::new(), first, second];
        if let Some(why) = self.undecidable(Action::Approve, ctx) {
            out.push(Line::new().add(Role::Warn, format!("  {why}")));
        } else if let Some(word) = approval.confirm_word() {
            out.push(Line::new().add(
                Sign::risk(approval.body.risk).role,
                format!("  High risk: a asks for the word {}", clean_line(word)),
            ));
        }
        out
    }
}

fn short_digest(approval: &Approval) -> String {
    let digest = &approval.body.digest;
    match (digest.get(..4), digest.get(digest.len().saturating_sub(2)..)) {
        (Some(head), Some(tail)) if digest.len() > 8 => format!("{head}…{tail}"),
        _ => clean_line(digest).into_owned(),
    }
}

fn stale(ctx: &Ctx<'_>) -> &'static str {
    match ctx.model.connection.link {
        Link::Down { .. } => "last known, not connected",
        Link::Connecting | Link::Stale => "last known",
        Link::Live => "",
    }
}

/// What stands in the place of a field whose request changed.
fn void() -> Vec<Line> {
    let words = "  The request changed meanwhile: nothing was decided. Esc, then look again.";
    vec![Line::new(), Line::new().add(Role::Bad, words)]
}

fn field(head: &str, text: &str, cells: usize) -> Vec<Line> {
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

fn draw_editor(
    text: &ratatui_textarea::TextArea<'static>,
    plain: bool,
    error: Option<&str>,
    ctx: &Ctx<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let kind = if plain { "text" } else { "JSON" };
    let head = match error {
        Some(error) => Line::new().add(Role::Bad, format!(" ✗ {error}")),
        None => Line::new().add(
            Role::Mine,
            format!(" ✎ your {kind}; it runs as you leave it, marked as yours"),
        ),
    };
    head.draw_row(0, area, ctx.theme, buf);
    let body = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    if body.is_empty() {
        return;
    }
    let mut shown = text.clone();
    shown.set_cursor_line_style(ctx.theme.style(Role::Text));
    shown.set_wrap_mode(ratatui_textarea::WrapMode::Glyph);
    shown.set_cursor_style(ctx.theme.style(Role::Caret));
    shown.render(body, buf);
}
