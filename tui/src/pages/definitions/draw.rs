//! Where the parts of the page stand at every width.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::card;
use super::page::{Definitions, Depth};
use super::side::{self, Side};
use crate::keymap::Action;
use crate::model::Link;
use crate::pages::Ctx;
use crate::text::{clean_line, fit_right, span};
use crate::theme::Role;
use crate::widgets::{Line, Pane, Size, first_row};

/// Columns of the list.
const LIST: u16 = 44;
/// Rows of the versions above what stands beside them.
const VERSIONS: u16 = 9;

impl Definitions {
    pub(super) fn draw(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        if let Some(line) = self.launch_line(ctx) {
            line.draw_row(area.height.saturating_sub(1), area, ctx.theme, buf);
            let area = Rect {
                height: area.height.saturating_sub(1),
                ..area
            };
            return self.draw_panes(ctx, area, buf);
        }
        self.draw_panes(ctx, area, buf);
    }

    fn draw_panes(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.draw_parts(ctx, area, buf);
        self.narrow.draw(ctx, area, buf);
    }

    fn draw_parts(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let size = Size::of(area);
        if size.is_single() {
            match self.depth {
                Depth::List => self.draw_list(ctx, area, buf),
                Depth::Versions if area.height >= 2 * VERSIONS => {
                    let [above, below] = split(area);
                    self.draw_versions(ctx, above, buf);
                    self.draw_side(ctx, below, buf);
                }
                Depth::Versions => self.draw_versions(ctx, area, buf),
                Depth::Beside => self.draw_side(ctx, area, buf),
            }
            return;
        }
        let [list, right] = Layout::horizontal([Constraint::Length(LIST), Constraint::Fill(1)]).areas(area);
        self.draw_list(ctx, list, buf);
        let [above, below] = split(right);
        self.draw_versions(ctx, above, buf);
        self.draw_side(ctx, below, buf);
    }

    fn draw_list(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let names = self.names(ctx);
        let foot = format!("{} versions", ctx.keymap.first(Action::Open));
        let mut pane = Pane::new(format!("{} ({})", self.what.meta.title, names.len()))
            .focus(self.depth == Depth::List)
            .foot(Role::Dim, foot);
        if !ctx.model.connection.is_live() && ctx.model.loaded {
            pane = pane.title(Role::Stale, "  last known");
        }
        let inner = self.narrow.title(pane).draw(area, ctx.theme, buf);
        if inner.is_empty() {
            return;
        }
        if names.is_empty() {
            empty(self.what.word, self.narrow.is_narrowed(), ctx, inner, buf);
            return;
        }
        self.height.set(usize::from(inner.height));
        let first = first_row(self.cursor.row(&names), names.len(), usize::from(inner.height));
        let all = self.shown(ctx);
        let told = all.iter().any(|named| !named.about.is_empty());
        for (row, named) in (0u16..inner.height).zip(all.iter().skip(first)) {
            let here = self.cursor.key() == Some(&named.name);
            let age = span::short(ctx.time.wall.as_second() - named.updated_at.as_second());
            let cells = usize::from(inner.width).saturating_sub(8);
            let about = if told { cells / 2 } else { 0 };
            Line::new()
                .add(Role::Focus, if here { "▸" } else { " " })
                .add_fit(
                    if here { Role::Selected } else { Role::Text },
                    &named.name,
                    cells - about,
                )
                .add_fit(Role::Dim, clean_line(&named.about), about)
                .add(Role::Dim, fit_right(&age, 6))
                .draw_row(row, inner, ctx.theme, buf);
        }
    }

    fn draw_versions(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let name = self.cursor.key().map_or("Versions", String::as_str);
        let key = |action| ctx.keymap.first(action);
        let foot = format!("{} mark  {} difference", key(Action::Mark), key(Action::Diff));
        let mut pane = Pane::new(clean_line(name))
            .focus(self.depth == Depth::Versions)
            .foot(Role::Dim, foot);
        if !self.marked.is_empty() {
            pane = pane.title(Role::Mine, format!("  {} marked", self.marked.len()));
        }
        let inner = pane.draw(area, ctx.theme, buf);
        let Some(versions) = self.versions(ctx) else {
            let words = match (self.cursor.key(), ctx.model.connection.is_live()) {
                (None, _) => " Nothing is selected.",
                (_, true) => " Reading the versions…",
                (_, false) => " Not connected: the versions are not known here.",
            };
            Line::new()
                .add(Role::Dim, words)
                .draw_row(0, inner, ctx.theme, buf);
            return;
        };
        if versions.is_empty() {
            let words = " No version is published.";
            Line::new()
                .add(Role::Dim, words)
                .draw_row(0, inner, ctx.theme, buf);
        }
        let here = self.version(&versions).map(|version| version.number);
        let at = versions
            .iter()
            .position(|version| Some(version.number) == here)
            .unwrap_or(0);
        let first = first_row(at, versions.len(), usize::from(inner.height));
        for (row, version) in (0u16..inner.height).zip(versions.iter().skip(first)) {
            let marked = self.marked.contains(&version.number);
            side::row(version, Some(version.number) == here, marked, ctx)
                .draw_row(row, inner, ctx.theme, buf);
        }
    }

    fn draw_side(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let keys = [Action::PrevTab, Action::NextTab].map(|action| ctx.keymap.first(action));
        let mut pane = Pane::new("").focus(self.depth == Depth::Beside);
        for (at, side) in self.what.sides.iter().copied().enumerate() {
            let role = if side == self.side {
                Role::Heading
            } else {
                Role::Dim
            };
            pane = pane
                .title(Role::Text, if at == 0 { "" } else { "  " })
                .title(role, side.title());
        }
        if let Some(asked) = self.doubted(ctx) {
            let words = format!(
                "  {asked} {} yes  {} no",
                ctx.keymap.first(Action::Approve),
                ctx.keymap.first(Action::Back)
            );
            pane = pane.title(Role::Heading, words);
        }
        let inner = pane
            .foot(Role::Dim, format!("{} {} side", keys[0], keys[1]))
            .draw(area, ctx.theme, buf);
        let lines = self.side_lines(usize::from(inner.width), ctx);
        let window = usize::from(inner.height);
        self.extent.set((lines.len(), window));
        let first = self.scroll.min(lines.len().saturating_sub(window));
        for (row, line) in (0u16..inner.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, inner, ctx.theme, buf);
        }
    }

    /// The lines of the side that is looked at.
    pub(super) fn side_lines(&self, cells: usize, ctx: &Ctx<'_>) -> Vec<Line> {
        let dim = |text: &str| vec![Line::new().add(Role::Dim, format!("  {text}"))];
        let (Some(subject), Some(versions)) = (self.subject(ctx), self.versions(ctx)) else {
            return Vec::new();
        };
        match self.side {
            Side::Used => side::used(&subject, ctx),
            Side::Compiled => self.compiled_lines(ctx),
            Side::Routes => self.rule_lines(ctx),
            Side::Card if self.what.sides.contains(&Side::Routes) => self.rule_lines(ctx),
            Side::Card => card::lines(&subject, ctx),
            Side::Who => self.who_lines(cells, ctx),
            Side::Tried => self.tried_lines(ctx),
            Side::Text => match self.version(&versions) {
                Some(version) => side::text(version),
                None => super::asked::source_of(&subject, &ctx.model.looks)
                    .map_or_else(|| dim("no version is published"), |text| side::numbered(&text)),
            },
            Side::Diff => match (self.pair(&versions), self.version(&versions)) {
                (Some((old, new)), _) => side::difference(old, new),
                (None, Some(_)) => dim("this is the first version: there is nothing before it"),
                (None, None) => dim("no version is published"),
            },
        }
    }
}

fn split(area: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Length(VERSIONS), Constraint::Fill(1)]).areas(area)
}

fn empty(word: &str, narrowed: bool, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
    let none = format!("No {word} yet.");
    let words: &[&str] = match &ctx.model.connection.link {
        _ if narrowed => &["None is left."],
        Link::Down { .. } => &["Not connected."],
        _ if !ctx.model.loaded => &["Asking the daemon…"],
        _ => &[none.as_str(), "Publish one:", "  dirigent apply FILE"],
    };
    for (row, text) in (1u16..).zip(words) {
        Line::new()
            .add(Role::Dim, format!(" {text}"))
            .draw_row(row, area, ctx.theme, buf);
    }
}
