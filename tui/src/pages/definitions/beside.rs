//! What stands beside a form that has no drawing: what changed since it was published, who uses it and moves with it,
//! its versions.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::query::Use;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::asked::{self, Subject};
use super::builder::{Builder, Focus};
use super::changed::Changed;
use super::side;
use crate::keymap::Action;
use crate::pages::Ctx;
use crate::text::clean_line;
use crate::theme::Role;
use crate::widgets::{Line, Pane};

/// Names that are told one by one.
const NAMED: usize = 4;
/// Versions that are told.
const VERSIONS: usize = 6;

impl Builder {
    /// What it is published as, where it is.
    fn subject(&self, ctx: &Ctx<'_>) -> Option<Subject> {
        if self.draft.base.is_empty() {
            return None;
        }
        Subject::named(self.what.kind, &self.draft.name, ctx)
    }

    pub(super) fn draw_beside(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let inner = Pane::new("Beside what is published")
            .focus(self.focus == Focus::Canvas && self.open.is_none())
            .draw(area, ctx.theme, buf);
        let lines = self.beside_lines(ctx);
        let window = usize::from(inner.height);
        let most = lines.len().saturating_sub(window);
        let first = self.scroll.get().0.min(most);
        self.scroll.set((first, most));
        for (row, line) in (0u16..inner.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, inner, ctx.theme, buf);
        }
    }

    pub(super) fn scroll_beside(&self, action: Action) {
        let (now, most) = self.scroll.get();
        let page = self.height.get().max(1);
        let there = match action {
            Action::Up => now.saturating_sub(1),
            Action::Down => now + 1,
            Action::HalfUp => now.saturating_sub(page / 2),
            Action::HalfDown => now + page / 2,
            Action::PageUp => now.saturating_sub(page),
            Action::PageDown => now + page,
            Action::Top => 0,
            Action::Bottom => most,
            _ => now,
        };
        self.scroll.set((there.min(most), most));
    }

    pub(super) fn beside_lines(&self, ctx: &Ctx<'_>) -> Vec<Line> {
        let heading = |text: String| Line::new().add(Role::Heading, text);
        let dim = |text: &str| Line::new().add(Role::Dim, format!("  {text}"));
        let (base, text) = (self.draft.base.as_str(), self.draft.text());
        let Some(subject) = self.subject(ctx) else {
            let mut out = self.routes_lines(ctx);
            out.push(heading("NEW".to_owned()));
            out.push(dim("Nothing is published yet: nobody uses it."));
            return out;
        };
        let versions = asked::versions_of(&subject, &ctx.model.looks);
        let newest = versions.as_ref().and_then(|all| all.first());
        let since = newest.map_or_else(String::new, |newest| format!(" SINCE {}", side::mark(newest)));
        let changed = Changed::between(base, text);
        let mut out = self.routes_lines(ctx);
        match base == text {
            true => out.extend([heading(format!("CHANGED{since}")), dim("nothing")]),
            false => out.push(heading(format!("CHANGED{since}: {}", changed.counted()))),
        }
        if base != text {
            out.extend(changed.lines(base, text));
        }
        out.push(Line::new());
        out.push(heading("USED BY".to_owned()));
        match asked::users_of(&subject, &ctx.model.looks) {
            Some([]) => out.push(dim("nobody")),
            Some(users) => {
                let rows = users.iter().map(side::in_words);
                out.extend(rows.map(|row| Line::new().add(Role::Text, format!("  {}", clean_line(&row)))));
                if !self.simulates() {
                    let moves = format!("  ▲ {}", moves(users));
                    out.push(Line::new().add(Role::Warn, moves));
                }
            }
            None => out.push(dim("asking the daemon…")),
        }
        out.push(Line::new());
        out.push(heading("VERSIONS".to_owned()));
        for version in versions.iter().flatten().take(VERSIONS) {
            out.push(side::row(version, false, false, ctx));
        }
        out
    }

    /// Who moves with what is published, for the question whether to.
    pub(super) fn who_moves(&self, ctx: &Ctx<'_>) -> Option<String> {
        let users = asked::users_of(&self.subject(ctx)?, &ctx.model.looks)?;
        (!users.is_empty()).then(|| moves(users))
    }
}

/// `publishing moves a, b with their next runs; 2 runs stay on theirs`
fn moves(users: &[Use]) -> String {
    let (runs, definitions): (Vec<&Use>, Vec<&Use>) = users
        .iter()
        .partition(|user| user.kind == Kind::WorkflowExecution);
    let names: Vec<&str> = definitions
        .iter()
        .take(NAMED)
        .map(|user| user.name.as_str())
        .collect();
    let more = match definitions.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let stay = match runs.len() {
        0 => "nothing is under way".to_owned(),
        1 => "1 run stays on its own".to_owned(),
        many => format!("{many} runs stay on theirs"),
    };
    match names.is_empty() {
        true => format!("publishing moves nobody; {stay}"),
        false => format!(
            "publishing moves {}{more} with the next run; {stay}",
            clean_line(&names.join(", "))
        ),
    }
}
