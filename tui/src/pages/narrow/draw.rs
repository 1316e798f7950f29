//! The panel of facets, the words of what is chosen, and both for the ear.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::state::{Narrow, Row};
use crate::keymap::Action;
use crate::nav::Place;
use crate::pages::{Ctx, Speech};
use crate::text::{amount, clean_line, fit_right, width};
use crate::theme::Role;
use crate::widgets::{Line, Pane, clear, first_row};

/// Columns of the panel, where there is room for more.
const PANEL: u16 = 40;

impl Narrow {
    /// What is chosen, facet by facet: `state: faulted, running`.
    #[must_use]
    pub fn chosen_words(&self) -> Vec<String> {
        let facets = self.facets.iter();
        facets
            .filter_map(|facet| {
                let chosen = self.chosen.get(facet.name)?;
                let values: Vec<String> = chosen.iter().map(|value| facet.word(value)).collect();
                Some(format!("{}: {}", facet.name, values.join(", ")))
            })
            .collect()
    }

    /// Puts what is chosen and the text behind a pane's title.
    #[must_use]
    pub fn title(&self, mut pane: Pane) -> Pane {
        for words in self.chosen_words() {
            pane = pane.title(Role::Dim, "  ").title(Role::Mine, clean_line(&words));
        }
        if self.typing || !self.text.is_empty() {
            pane = pane.title(Role::Key, "  /").title(Role::Text, &self.text);
            pane = pane.title(Role::Caret, if self.typing { "▌" } else { "" });
        }
        pane
    }

    /// What is chosen, for the breadcrumb; none where everything is shown.
    #[must_use]
    pub fn crumb(&self) -> Option<String> {
        let mut words = self.chosen_words();
        if !self.text.is_empty() {
            words.push(format!("/{}", self.text));
        }
        (!words.is_empty()).then(|| words.join(" · "))
    }

    /// What is chosen, for the ear.
    #[must_use]
    pub fn spoken(&self) -> String {
        let mut words = self.chosen_words();
        if !self.text.is_empty() {
            words.push(self.text.clone());
        }
        words.join(", ")
    }

    /// Draws the open panel over the right of `area`.
    pub fn draw(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        if !self.open {
            return;
        }
        let cells = PANEL.min(area.width);
        let area = Rect {
            x: area.right() - cells,
            width: cells,
            ..area
        };
        clear(area, buf);
        let key = |action| ctx.keymap.first(action);
        let mut pane = Pane::new("Facets").focus(true).foot(
            Role::Dim,
            format!("{} choose  {} close", key(Action::Mark), key(Action::Facets)),
        );
        pane = pane.title(Role::Dim, self.standing(ctx));
        let inner = pane.draw(area, ctx.theme, buf);
        if inner.is_empty() {
            return;
        }
        self.height.set(usize::from(inner.height));
        let (lines, at) = self.lines(ctx, usize::from(inner.width));
        let first = first_row(at, lines.len(), usize::from(inner.height));
        for (row, line) in (0u16..inner.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, inner, ctx.theme, buf);
        }
    }

    /// How many there are, or why that is not known.
    fn standing(&self, ctx: &Ctx<'_>) -> String {
        let looks = &ctx.model.looks;
        if looks.failure(self.topics[0]).is_some() {
            return "  the daemon did not count".to_owned();
        }
        match self.counts(looks) {
            Some(counts) if counts.complete => format!("  {}", amount::count(counts.total)),
            Some(counts) => format!("  {} of the newest", amount::count(counts.total)),
            None if ctx.model.connection.is_live() => "  counting…".to_owned(),
            None => "  not connected".to_owned(),
        }
    }

    fn lines(&self, ctx: &Ctx<'_>, cells: usize) -> (Vec<Line>, usize) {
        let (mut lines, mut here, mut facet) = (Vec::new(), 0, None);
        for (row, count) in self.counted(&ctx.model.looks) {
            let on = self.cursor.key() == Some(&row);
            let role = if on { Role::Selected } else { Role::Text };
            let lead = if on { "▸" } else { " " };
            match &row {
                Row::Everything => {
                    if on {
                        here = lines.len();
                    }
                    lines.push(Line::new().add(Role::Focus, lead).add(role, "everything"));
                }
                Row::Value(at, value) => {
                    let declared = &self.facets[*at];
                    if facet != Some(*at) {
                        facet = Some(*at);
                        lines.push(Line::new().add(Role::Heading, declared.name));
                    }
                    if on {
                        here = lines.len();
                    }
                    let chosen = self.is_chosen(*at, value);
                    let count = count.map_or_else(String::new, amount::count);
                    let room = cells.saturating_sub(5 + width(&count) + 1);
                    lines.push(
                        Line::new()
                            .add(Role::Focus, lead)
                            .add(
                                if chosen { Role::Mine } else { Role::Dim },
                                if chosen { "[x] " } else { "[ ] " },
                            )
                            .add_fit(role, declared.word(value), room)
                            .add(Role::Dim, fit_right(&count, width(&count) + 1)),
                    );
                }
            }
        }
        (lines, here)
    }

    fn is_chosen(&self, at: usize, value: &str) -> bool {
        let chosen = self.facets.get(at).and_then(|facet| self.chosen.get(facet.name));
        chosen.is_some_and(|chosen| chosen.contains(value))
    }

    /// The open panel for the ear: every value with its count; its number takes it in or leaves it out.
    #[must_use]
    pub fn in_words(&self, page: &'static str, ctx: &Ctx<'_>) -> Speech {
        let total = match self.counts(&ctx.model.looks) {
            Some(counts) if counts.complete => format!("{} match.", counts.total),
            Some(counts) => format!("{} of the newest match.", counts.total),
            None => "Not counted yet.".to_owned(),
        };
        let mut speech = Speech::new(format!("Facets of {page}. {total}")).part("facets");
        for (row, count) in self.counted(&ctx.model.looks) {
            let here = self.cursor.key() == Some(&row);
            let mut path = vec!["facets".to_owned()];
            let text = match &row {
                Row::Everything => {
                    path.push("everything".to_owned());
                    "everything: nothing is left out".to_owned()
                }
                Row::Value(at, value) => {
                    let facet = &self.facets[*at];
                    path.extend([facet.name.to_owned(), value.clone()]);
                    let chosen = if self.is_chosen(*at, value) {
                        ", chosen"
                    } else {
                        ""
                    };
                    let count = count.map_or_else(String::new, |count| format!(", {count}"));
                    format!("{} {}{count}{chosen}", facet.name, facet.word(value))
                }
            };
            let place = Place {
                page: page.to_owned(),
                path,
            };
            speech.choice(text, place, here);
        }
        speech
    }
}
