//! The monitor on the screen: one line about the run, and four panes or one of them.
//! Owns the layout and the frames; what is inside a pane is drawn by its widget.

use dirigent_protocol::run::Status;
use dirigent_protocol::watch::StreamSource;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::again::{Asked, WAYS, lineage};
use super::detail::detail;
use super::focus::{Focus, Shown};
use super::held_up::held_up;
use super::state::Monitor;
use super::time_rows::{critical_length, step_name};
use super::ui::{Picture, Ui};
use crate::keymap::{Action, Keymap};
use crate::model::{Link, Run};
use crate::pages::Ctx;
use crate::text::amount;
use crate::theme::{Role, Sign};
use crate::widgets::graph::Detail;
use crate::widgets::step_state::StepState;
use crate::widgets::timeline::{TimeData, short};
use crate::widgets::{Line, Pane, Size};

/// A token of a model is about this long; only the daemon counts them.
const BYTES_OF_A_TOKEN: usize = 4;
/// Columns from which the whole question fits the first line.
const WIDE_HEADER: u16 = 100;

/// Draws the monitor into `area`.
pub(super) fn draw(
    monitor: &Shown,
    (typed, input): (Option<&str>, Option<&str>),
    ui: &mut Ui,
    ctx: &Ctx<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let journal = ctx.model.journals.get(&monitor.run);
    // While the line is down the picture stands still: nobody knows what happened since.
    let wall = match &ctx.model.connection.link {
        Link::Down { since, .. } => *since,
        _ => ctx.time.wall,
    };
    let now = ui.view.elapsed(wall);
    ui.refresh(journal, now);
    if ui.shown.is_none() {
        ui.shown.clone_from(&ui.cursor);
    }
    ui.feed(journal, &ctx.prefs.zone);
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    header(monitor, input, ui, ctx, now, area.width).draw_row(0, head, ctx.theme, buf);
    if ui.view.seq == 0 {
        nothing(monitor, ctx, body, buf);
        return;
    }
    let mut painter = Painter {
        monitor,
        typed,
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

/// The one line about the run; a question to a person takes it over.
fn header(monitor: &Shown, input: Option<&str>, ui: &Ui, ctx: &Ctx<'_>, now: u64, columns: u16) -> Line {
    let view = &ui.view;
    if let Some(input) = input {
        return another_input(input);
    }
    match monitor.asked {
        Asked::Cancel => return confirm(monitor, ctx.keymap),
        Asked::Again => return from_where(monitor, ui, ctx),
        Asked::Nothing => {}
    }
    let run = ctx.model.runs.get(&monitor.run);
    let status = if view.seq == 0 {
        run.map_or(Status::Pending, |run| run.body.status)
    } else {
        view.status
    };
    let asking = view.asking();
    let sign = if asking.is_some() {
        Sign::PERSON
    } else {
        Sign::status(status)
    };
    let mut line = Line::new()
        .add(Role::Text, " ")
        .add(sign.role, format!("{} {}", sign.sign, sign.word));
    if let Some((id, step)) = asking {
        let what = match (&step.approval, step.state) {
            (Some((_, request)), _) => request.title.clone(),
            _ => "what became of its effect?".to_owned(),
        };
        let key = ctx.keymap.first(Action::Approve);
        // Where there is little room the key comes first: the words behind it may be cut.
        if columns < WIDE_HEADER {
            line.push(Role::Text, "  ");
            line.push(Role::Key, key);
            line.push(Role::Waiting, format!(" decides at {}: ", step_name(view, id)));
            line.push(Role::Heading, what);
        } else {
            line.push(Role::Waiting, format!(" for you at {}: ", step_name(view, id)));
            line.push(Role::Heading, what);
            line.push(Role::Text, "   ");
            line.push(Role::Key, key);
            line.push(Role::Waiting, " opens it; decide there");
        }
    }
    if let Some(run) = run {
        held_up(&mut line, run, ctx);
    }
    if !ctx.model.connection.is_live() {
        line.push(Role::Stale, "  (as of the last word of the daemon)");
    }
    line.push(Role::Text, format!("  {}", short(now)));
    figures(&mut line, ui, run);
    if let Some(words) = lineage(ctx.model, monitor.run) {
        line.push(Role::Dim, format!("  {words}"));
    }
    line
}

/// From where to begin again: a new run each time, nothing that had finished is done twice.
fn from_where(monitor: &Shown, ui: &Ui, ctx: &Ctx<'_>) -> Line {
    let mut line = Line::new().add(
        Role::Waiting,
        format!(" Run {} again, from ", monitor.run.short()),
    );
    for (action, what) in WAYS {
        line.push(Role::Key, ctx.keymap.first(action));
        line.push(Role::Text, format!(" {what}   "));
    }
    line.push(Role::Key, ctx.keymap.first(Action::Back));
    line.push(Role::Text, " no");
    line.push(Role::Dim, Monitor::ways(ui));
    line
}

fn another_input(typed: &str) -> Line {
    Line::new()
        .add(Role::Waiting, " Input of the new run, JSON (empty: the same): ")
        .add(Role::Text, typed)
        .add(Role::Text, "▌")
}

fn confirm(monitor: &Shown, keymap: &Keymap) -> Line {
    Line::new()
        .add(Role::Bad, format!(" Cancel run {}? ", monitor.run.short()))
        .add(Role::Text, "No new step starts and what runs is stopped.   ")
        .add(Role::Key, keymap.first(Action::Approve))
        .add(Role::Text, " yes, cancel it   ")
        .add(Role::Key, keymap.first(Action::Back))
        .add(Role::Text, " no")
}

/// Progress, tokens, money, and what went wrong.
fn figures(line: &mut Line, ui: &Ui, run: Option<&Run>) {
    let view = &ui.view;
    if let Some(progress) = run
        .map(|run| run.body.progress)
        .filter(|progress| progress.total > 0)
    {
        line.push(Role::Dim, format!("  step {}/{}", progress.done, progress.total));
    }
    let tokens = view.usage.input_tokens + view.usage.output_tokens;
    if tokens > 0 {
        line.push(
            Role::Dim,
            format!(
                "  {} tok  {}",
                amount::tokens(tokens),
                amount::usd(view.usage.cost_micro_usd)
            ),
        );
    }
    if let Some(by) = &view.cancelling
        && view.is_live()
    {
        line.push(Role::Warn, format!("  cancelling, asked by {by}"));
    }
    if let Some(error) = &view.error {
        line.push(Role::Bad, format!("  {}", super::words::fault(error)));
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
        let journal = self.ctx.model.journals.get(&self.monitor.run)?;
        let live = journal.live.get(shown)?;
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
        let journal = self.ctx.model.journals.get(&self.monitor.run);
        let data = detail(&self.ui.view, journal, &shown, self.now);
        let focus = self.monitor.focus == Focus::Step;
        self.ui
            .step
            .render(&data, focus, inside, self.buf, self.ctx.theme);
    }
}
