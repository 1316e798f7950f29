//! The monitor on the screen: one line about the run, and four panes or one of them.
//! Owns the layout and the frames; what is inside a pane is drawn by its widget.

use dirigent_protocol::watch::StreamSource;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::again::calls;
use super::detail::detail;
use super::focus::{Focus, Shown};
use super::header::header;
use super::time_rows::{critical_length, step_name};
use super::tried::Tried;
use super::ui::{Picture, Ui};
use crate::keymap::Action;
use crate::model::{Journal, Link};
use crate::pages::Ctx;
use crate::text::{amount, clean_line};
use crate::theme::Role;
use crate::widgets::graph::Detail;
use crate::widgets::step_state::StepState;
use crate::widgets::timeline::TimeData;
use crate::widgets::{Line, Pane, Size};

/// A token of a model is about this long; only the daemon counts them.
const BYTES_OF_A_TOKEN: usize = 4;

/// What is being typed: a needle for the stream, or another input.
pub(super) type Typed<'a> = (Option<&'a str>, Option<&'a str>);

/// Draws the monitor into `area`.
pub(super) fn draw(
    monitor: &Shown,
    (typed, input): Typed<'_>,
    tried: Option<&Tried>,
    ui: &mut Ui,
    ctx: &Ctx<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let journal = tried.map_or_else(
        || ctx.model.journals.get(&monitor.run),
        |tried| Some(&tried.journal),
    );
    // While the line is down the picture stands still: nobody knows what happened since.
    let wall = match (tried, &ctx.model.connection.link) {
        (Some(tried), _) => tried.last(),
        (None, Link::Down { since, .. }) => *since,
        _ => ctx.time.wall,
    };
    let now = ui.view.elapsed(wall);
    ui.refresh(journal, now);
    if ui.shown.is_none() {
        ui.shown.clone_from(&ui.cursor);
    }
    ui.feed(journal, &ctx.prefs.zone);
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    match tried {
        Some(tried) => tried.header(ui, ctx, now),
        None => header(monitor, input, ui, ctx, now, area.width),
    }
    .draw_row(0, head, ctx.theme, buf);
    if ui.view.seq == 0 {
        nothing(monitor, ctx, body, buf);
        return;
    }
    let mut painter = Painter {
        monitor,
        typed,
        journal,
        ui,
        ctx,
        now,
        columns: area.width,
        buf,
    };
    if monitor.full || Size::of(area).is_single() || area.height < 24 {
        painter.single(body);
    } else {
        painter.all(body);
    }
}

fn nothing(monitor: &Shown, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
    let inside = Pane::new("Run").draw(area, ctx.theme, buf);
    let known = ctx.model.runs.contains_key(&monitor.run);
    let words = match &ctx.model.connection.link {
        Link::Down { fault, .. } => {
            format!("The daemon is not there ({fault}). The run goes on without this screen.")
        }
        Link::Connecting => "Connecting to the daemon…".to_owned(),
        _ if known || !ctx.model.loaded => "Reading the run's events…".to_owned(),
        _ => format!(
            "There is no run {}; {} goes to the list.",
            monitor.run,
            ctx.keymap.first(Action::Back)
        ),
    };
    let role = if matches!(ctx.model.connection.link, Link::Down { .. }) {
        Role::Bad
    } else {
        Role::Dim
    };
    Line::new()
        .add(role, format!(" {words}"))
        .draw_row(inside.height / 3, inside, ctx.theme, buf);
}

struct Painter<'a, 'c> {
    monitor: &'a Shown,
    typed: Option<&'a str>,
    journal: Option<&'a Journal>,
    ui: &'a mut Ui,
    ctx: &'a Ctx<'c>,
    now: u64,
    columns: u16,
    buf: &'a mut Buffer,
}

impl Painter<'_, '_> {
    /// Two columns below the picture, the detail under them.
    fn all(&mut self, area: Rect) {
        let low = (area.height / 4).clamp(6, 12);
        let [picture, middle, step] =
            Layout::vertical([Constraint::Fill(5), Constraint::Fill(5), Constraint::Length(low)]).areas(area);
        let [timeline, stream] = Layout::horizontal([Constraint::Fill(6), Constraint::Fill(5)]).areas(middle);
        self.pane(Focus::Picture, picture);
        self.pane(Focus::Timeline, timeline);
        self.pane(Focus::Stream, stream);
        self.pane(Focus::Step, step);
    }

    /// One pane, with the names of all above it.
    fn single(&mut self, area: Rect) {
        if area.height < 6 {
            self.pane(self.monitor.focus, area);
            return;
        }
        let [tabs, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        let mut line = Line::new().add(Role::Text, " ");
        for focus in Focus::ALL {
            let on = focus == self.monitor.focus;
            let title = match focus {
                Focus::Picture => "steps",
                Focus::Timeline => "timeline",
                Focus::Stream => "stream",
                Focus::Step => "detail",
            };
            line.push(
                if on { Role::Focus } else { Role::Dim },
                if on {
                    format!("[{title}]")
                } else {
                    format!(" {title} ")
                },
            );
            line.push(Role::Text, " ");
        }
        line.draw_row(0, tabs, self.ctx.theme, self.buf);
        self.pane(self.monitor.focus, body);
    }

    fn pane(&mut self, focus: Focus, area: Rect) {
        match focus {
            Focus::Picture => self.picture(area),
            Focus::Timeline => self.timeline(area, false),
            Focus::Stream => self.stream(area),
            Focus::Step => self.step(area),
        }
    }

    fn frame(&mut self, focus: Focus, pane: Pane, area: Rect) -> Rect {
        pane.focus(self.monitor.focus == focus)
            .draw(area, self.ctx.theme, self.buf)
    }

    fn picture(&mut self, area: Rect) {
        match self.ui.picture(self.columns) {
            Picture::Graph => self.boxes(area),
            Picture::Tree => {
                let pane = Pane::new("Steps").title(Role::Dim, " (tree)").foot(
                    Role::Dim,
                    self.keys(&[(&[Action::Mark], "fold"), (&[Action::Open], "opens")]),
                );
                let inside = self.frame(Focus::Picture, pane, area);
                let cursor = self.ui.cursor.as_ref().map(|cursor| cursor.pointer.to_string());
                self.ui.tree.render(
                    &self.ui.graph,
                    cursor.as_deref(),
                    inside,
                    self.buf,
                    self.ctx.theme,
                );
            }
            Picture::Timeline => self.timeline(area, true),
            Picture::Who => self.who(area),
        }
    }

    /// Who works with whom.
    fn who(&mut self, area: Rect) {
        let strategy = self
            .ui
            .who
            .seen
            .as_ref()
            .map_or("", |seen| seen.strategy.as_str());
        let pane = Pane::new("Who").title(Role::Dim, format!(" ({})", clean_line(strategy)));
        let inside = self.frame(Focus::Picture, pane, area);
        let now = self.ctx.time.wall.as_second();
        let lines = self
            .ui
            .who
            .lines(usize::from(inside.width), &self.ctx.prefs.zone, now);
        let most = lines.len().saturating_sub(usize::from(inside.height));
        let first = self.ui.who.scroll.get().min(most);
        self.ui.who.scroll.set(first);
        for (row, line) in (0u16..inside.height).zip(lines.iter().skip(first)) {
            line.draw_row(row, inside, self.ctx.theme, self.buf);
        }
    }

    /// Keys and what they do, for a pane's edge: `< > tab  y copy`.
    fn keys(&self, pairs: &[(&[Action], &str)]) -> String {
        let one = |(actions, doc): &(&[Action], &str)| {
            let keys: Vec<String> = actions
                .iter()
                .map(|action| self.ctx.keymap.first(*action))
                .collect();
            format!("{} {doc}", keys.join(" "))
        };
        pairs.iter().map(one).collect::<Vec<_>>().join("  ")
    }

    fn boxes(&mut self, area: Rect) {
        let (detail, fits) = self.ui.boxes.detail();
        let level = match (fits, detail) {
            (true, _) => "fit",
            (false, Detail::Status) => "boxes with status",
            (false, Detail::Plain) => "boxes",
            (false, Detail::Sign) => "signs",
        };
        let pane = Pane::new("Graph").title(Role::Dim, format!(" ({level})")).foot(
            Role::Dim,
            self.keys(&[
                (&[Action::ZoomOut, Action::ZoomIn], "detail"),
                (&[Action::ZoomFit], "fit"),
                (&[Action::Left, Action::Down, Action::Up, Action::Right], "move"),
                (&[Action::Open], "in"),
            ]),
        );
        let inside = self.frame(Focus::Picture, pane, area);
        let legend = u16::from(inside.height > 8);
        let body = Rect {
            height: inside.height - legend,
            ..inside
        };
        self.ui
            .boxes
            .render(&self.ui.graph, body, self.buf, self.ctx.theme);
        if legend == 1 {
            let mut line = Line::new().add(Role::Text, " ");
            for state in [
                StepState::Completed,
                StepState::Running,
                StepState::Waiting,
                StepState::Person,
                StepState::Faulted,
                StepState::Pending,
            ] {
                let sign = state.sign();
                let word = if state == StepState::Person {
                    "person"
                } else {
                    sign.word
                };
                line.push(sign.role, sign.sign);
                line.push(Role::Dim, format!(" {word}  "));
            }
            line.push(Role::Dim, "    ─ always  ╌ conditional");
            line.draw_row(inside.height - 1, inside, self.ctx.theme, self.buf);
        }
    }

    fn timeline(&mut self, area: Rect, large: bool) {
        let focus = if large { Focus::Picture } else { Focus::Timeline };
        let mut pane = Pane::new("Timeline").foot(
            Role::Dim,
            self.keys(&[
                (&[Action::ZoomOut, Action::ZoomIn], "zoom"),
                (&[Action::PanLeft, Action::PanRight], "pan"),
            ]),
        );
        if self.monitor.critical {
            pane = pane.title(
                Role::Waiting,
                format!("  critical path {}", critical_length(&self.ui.rows, self.now)),
            );
        }
        let inside = self.frame(focus, pane, area);
        let legend = u16::from(inside.height > 8);
        let body = Rect {
            height: inside.height - legend,
            ..inside
        };
        let cursor = self.ui.cursor.as_ref().map(ToString::to_string);
        let data = TimeData {
            rows: &self.ui.rows,
            now: self.now,
            selected: cursor.as_deref(),
            critical: self.monitor.critical,
        };
        self.ui.timeline.render(&data, body, self.buf, self.ctx.theme);
        if legend == 1 {
            let words = "█ busy  ▒ queued  ░ waiting  ✗ failed try  C critical path";
            Line::new()
                .add(Role::Dim, words)
                .draw_row(inside.height - 1, inside, self.ctx.theme, self.buf);
        }
    }

    fn stream(&mut self, area: Rect) {
        let name = self
            .ui
            .shown
            .as_ref()
            .map_or_else(|| "run".to_owned(), |shown| step_name(&self.ui.view, shown));
        let mut pane = Pane::new(format!("Stream: {name}"));
        pane = if self.ui.stream.follows() {
            pane.title(Role::Dim, "  (follow)").foot(
                Role::Dim,
                self.keys(&[(&[Action::Pause], "pause"), (&[Action::Wrap], "wrap")]),
            )
        } else {
            let behind = format!("  (paused, +{} behind)", amount::count(self.ui.stream.behind()));
            pane.title(Role::Waiting, behind).foot(
                Role::Dim,
                self.keys(&[(&[Action::Bottom], "now"), (&[Action::Wrap], "wrap")]),
            )
        };
        let needle = self.ui.stream.needle();
        if let Some(text) = self
            .typed
            .or_else(|| Some(needle).filter(|text| !text.is_empty()))
        {
            pane = pane.title(Role::Key, "  /").title(Role::Text, text);
            pane = pane.title(Role::Caret, if self.typed.is_some() { "▌" } else { "" });
        }
        let inside = self.frame(Focus::Stream, pane, area);
        if self.ui.stream.is_empty() {
            Line::new()
                .add(Role::Dim, " nothing yet")
                .draw_row(0, inside, self.ctx.theme, self.buf);
            return;
        }
        let pace = self.pace().filter(|_| inside.height > 4);
        let body = Rect {
            height: inside.height - u16::from(pace.is_some()),
            ..inside
        };
        self.ui.stream.render(body, self.buf, self.ctx.theme);
        if let Some(line) = pace {
            line.draw_row(inside.height - 1, inside, self.ctx.theme, self.buf);
        }
    }

    /// How fast a model writes, how much it wrote, and how far the screen is behind: while it writes.
    fn pace(&self) -> Option<Line> {
        let shown = self.ui.shown.as_ref()?;
        let live = self.journal?.live.get(shown)?;
        let step = self.ui.view.steps.get(shown)?;
        if live.source != Some(StreamSource::Model) || step.state.is_over() {
            return None;
        }
        let (rate, all) = live.pace(self.ctx.time.mono);
        let tokens = |bytes: usize| u64::try_from(bytes / BYTES_OF_A_TOKEN).unwrap_or(u64::MAX);
        let text = format!(
            " ~{} tok/s  ~{} tok out  +{} behind",
            tokens(rate),
            amount::tokens(tokens(all)),
            amount::count(self.ui.stream.behind())
        );
        Some(Line::new().add(Role::Dim, text))
    }

    fn step(&mut self, area: Rect) {
        let Some(shown) = self.ui.shown.clone() else {
            self.frame(Focus::Step, Pane::new("Step"), area);
            return;
        };
        let pane = Pane::new(format!("Step {}", step_name(&self.ui.view, &shown))).foot(
            Role::Dim,
            self.keys(&[
                (&[Action::PrevTab, Action::NextTab], "tab"),
                (&[Action::Mark], "fold"),
                (&[Action::Copy], "copy as JSON"),
            ]),
        );
        let inside = self.frame(Focus::Step, pane, area);
        let mut data = detail(&self.ui.view, self.journal, &shown, self.now);
        data.facts.extend(calls(self.ctx.model, self.monitor.run, &shown));
        let focus = self.monitor.focus == Focus::Step;
        self.ui
            .step
            .render(&data, focus, inside, self.buf, self.ctx.theme);
    }
}
