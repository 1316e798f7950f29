//! Waterfall of a run: one row a step or attempt, eighth-block ends, queued time hatched, failed tries marked, axis on top.
//! Owns the window (zoom, pan) and the drawing; the page makes the rows. Knows no events and no clock: `now` is a number.
//! Invariant: moving the cursor changes only the marker and the name of two rows.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::step_state::StepState;
use crate::text::fit::cut;
use crate::theme::{Role, Theme};

/// What fills a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// At work.
    Busy,
    /// Waits for a permit or its next try.
    Queued,
    /// Waits for a person, a timer or an event.
    Waiting,
    /// A try that failed.
    Failed,
}

/// A stretch of time in a row, in milliseconds from the run's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// What fills it.
    pub stretch: Stretch,
    /// Begin.
    pub from: u64,
    /// End; `None` while it lasts.
    pub to: Option<u64>,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeRow {
    /// The step; attempts and calls inside it share its id.
    pub id: String,
    /// What is written in front.
    pub name: String,
    /// Indentation.
    pub depth: u8,
    /// Its state.
    pub state: StepState,
    /// Its stretches in order.
    pub spans: Vec<Span>,
    /// What is written behind, such as `12s`.
    pub note: String,
    /// On the critical path.
    pub critical: bool,
}

/// What there is to draw.
#[derive(Clone, Copy, Debug)]
pub struct TimeData<'a> {
    /// Rows in order of their begin.
    pub rows: &'a [TimeRow],
    /// Milliseconds from the run's start to now, or to its end.
    pub now: u64,
    /// The step under the cursor.
    pub selected: Option<&'a str>,
    /// Show the critical path only in full colour.
    pub critical: bool,
}

/// State of the timeline pane.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Zoom level: 0 shows everything, each more halves the window.
    zoom: u32,
    /// Begin of the window in thousandths of what can be panned; `None` follows the end.
    pan: Option<u64>,
    top: usize,
}

const EIGHTHS: [&str; 9] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
const NOTE_ROOM: u64 = 10;

impl Timeline {
    /// Half or double the window.
    pub fn zoom(&mut self, closer: bool) {
        self.zoom = if closer {
            (self.zoom + 1).min(16)
        } else {
            self.zoom.saturating_sub(1)
        };
    }

    /// Everything in sight, following the end.
    pub fn fit(&mut self) {
        *self = Self::default();
    }

    /// A quarter window later or earlier.
    pub fn pan(&mut self, later: bool) {
        let step = (1_000 >> (self.zoom + 2).min(9)).max(1);
        let now = self.pan.unwrap_or(1_000);
        self.pan = if later {
            Some(now + step).filter(|at| *at < 1_000)
        } else {
            Some(now.saturating_sub(step))
        };
    }

    /// First and last millisecond shown.
    fn window(&self, now: u64) -> (u64, u64) {
        let all = now.max(1_000);
        let wide = (all >> self.zoom).max(200);
        let slack = all.saturating_sub(wide);
        let from = self.pan.map_or(slack, |at| slack * at.min(1_000) / 1_000);
        (from, from + wide)
    }

    /// Draws the pane: axis in the first row, rows below.
    pub fn render(&mut self, data: &TimeData<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) {
        if area.width < 8 || area.height < 2 {
            return;
        }
        let names = (area.width / 3).clamp(6, 20);
        let plot = Rect {
            x: area.x + names,
            width: area.width - names,
            ..area
        };
        let (from, to) = self.window(data.now);
        let scale = Scale {
            from,
            to,
            cells: u64::from(plot.width).saturating_sub(NOTE_ROOM).max(1),
        };
        axis(&scale, data.now, plot, buf, theme);
        let height = usize::from(area.height - 1);
        if let Some(at) = data
            .selected
            .and_then(|id| data.rows.iter().position(|row| row.id == id))
        {
            self.top = self.top.clamp((at + 1).saturating_sub(height), at);
        }
        self.top = self.top.min(data.rows.len().saturating_sub(height));
        for (y, row) in (area.y + 1..area.bottom()).zip(data.rows.iter().skip(self.top)) {
            name(
                row,
                data,
                Rect {
                    y,
                    height: 1,
                    width: names,
                    ..area
                },
                buf,
                theme,
            );
            bars(row, data, &scale, Rect { y, height: 1, ..plot }, buf, theme);
        }
    }
}

struct Scale {
    from: u64,
    to: u64,
    cells: u64,
}

impl Scale {
    /// Eighths of a cell from the plot's left edge, clipped to the window.
    fn eighths(&self, at: u64) -> u64 {
        let at = at.clamp(self.from, self.to) - self.from;
        at * self.cells * 8 / (self.to - self.from).max(1)
    }
}

/// `1.5s`, `4m`, `2h05m`: a duration in few cells.
#[must_use]
pub fn short(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 if ms == 0 => "0s".to_owned(),
        0 => format!("{ms}ms"),
        1..=9 => format!("{}.{}s", seconds, ms % 1_000 / 100),
        10..=59 => format!("{seconds}s"),
        60..=3_599 if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        60..=3_599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Ticks at round distances, as many as fit, and the end of the run in bold.
fn axis(scale: &Scale, now: u64, plot: Rect, buf: &mut Buffer, theme: &Theme) {
    const ROUND: [u64; 19] = [
        50,
        100,
        200,
        500,
        1_000,
        2_000,
        5_000,
        10_000,
        15_000,
        30_000,
        60_000,
        120_000,
        300_000,
        600_000,
        1_800_000,
        3_600_000,
        21_600_000,
        86_400_000,
        604_800_000,
    ];
    let wide = scale.to - scale.from;
    let most = (scale.cells / 8).max(1);
    let step = ROUND
        .into_iter()
        .find(|step| wide / step < most)
        .unwrap_or(wide.max(1));
    let mut at = scale.from.div_ceil(step) * step;
    let end = (now <= scale.to).then(|| (scale.eighths(now) / 8, short(now)));
    let limit = end
        .as_ref()
        .map_or(scale.cells + NOTE_ROOM, |(cell, _)| cell.saturating_sub(1));
    while at <= scale.to {
        let label = if at == 0 {
            "0s".to_owned()
        } else {
            short(at).replace(".0s", "s")
        };
        let cell = scale.eighths(at) / 8;
        if cell + (label.width() as u64) < limit {
            put(plot, cell, &label, theme.style(Role::Dim), buf);
        }
        at += step;
    }
    if let Some((cell, label)) = end {
        put(plot, cell, &label, theme.style(Role::Heading), buf);
    }
}

fn put(area: Rect, cell: u64, text: &str, style: Style, buf: &mut Buffer) {
    let Ok(cell) = u16::try_from(cell) else { return };
    if cell < area.width {
        buf.set_stringn(area.x + cell, area.y, text, usize::from(area.width - cell), style);
    }
}

fn name(row: &TimeRow, data: &TimeData<'_>, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let on = row.depth == 0 && data.selected == Some(row.id.as_str());
    let faint = row.state == StepState::Pending || (data.critical && !row.critical) || row.depth > 0;
    let style = theme.style(match (on, faint) {
        (true, _) => Role::Selected,
        (false, true) => Role::Dim,
        (false, false) => Role::Text,
    });
    let indent = usize::from(row.depth) * 2;
    let room = usize::from(area.width).saturating_sub(indent + 2);
    put(
        area,
        0,
        if on { "▸" } else { " " },
        theme.style(Role::Selected),
        buf,
    );
    put(area, 1 + indent as u64, &cut(&row.name, room), style, buf);
}

fn bars(row: &TimeRow, data: &TimeData<'_>, scale: &Scale, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let faint = data.critical && !row.critical;
    let mut last: Option<(u64, u64)> = None;
    for span in &row.spans {
        let end = span.to.unwrap_or(data.now);
        if end < scale.from || span.from > scale.to {
            continue;
        }
        let (from, to) = (scale.eighths(span.from), scale.eighths(end));
        // What follows at once begins where the stretch before ended, whatever the rounding.
        let from = last.map_or(from, |(before, cell)| {
            if from < before + 8 && cell <= from / 8 + 1 {
                8 * cell
            } else {
                from
            }
        });
        let role = match span.stretch {
            _ if faint => Role::Dim,
            Stretch::Busy if row.state == StepState::Running && span.to.is_none() => Role::Live,
            Stretch::Busy => Role::Good,
            Stretch::Queued => Role::Dim,
            Stretch::Waiting => Role::Waiting,
            Stretch::Failed => Role::Bad,
        };
        last = Some((to, bar(span, from, to, area, theme.style(role), buf)));
    }
    let Some((_, end)) = last else {
        return;
    };
    put(
        area,
        end + 1,
        &cut(&row.note, usize::from(area.width)),
        theme.style(Role::Dim),
        buf,
    );
}

/// Draws one stretch; returns the first free cell behind it.
fn bar(span: &Span, from: u64, to: u64, area: Rect, style: Style, buf: &mut Buffer) -> u64 {
    let first = from / 8;
    let full = (to / 8).max(first);
    let sign = match span.stretch {
        Stretch::Busy | Stretch::Failed => "█",
        Stretch::Queued => "▒",
        Stretch::Waiting => "░",
    };
    for cell in first..full {
        put(area, cell, sign, style, buf);
    }
    let mut end = full;
    match (span.stretch, span.to) {
        (Stretch::Failed, _) => {
            put(area, end.saturating_sub(u64::from(end > first)), "✗", style, buf);
            end = end.max(first + 1);
        }
        (Stretch::Busy, None) => {
            put(area, end, "▶", style, buf);
            end += 1;
        }
        (Stretch::Busy, Some(_)) => {
            let rest = usize::try_from(to % 8).unwrap_or(0);
            let rest = if full == first { rest.max(1) } else { rest };
            if let Some(sign) = EIGHTHS.get(rest).filter(|sign| !sign.is_empty()) {
                put(area, end, sign, style, buf);
                end += 1;
            }
        }
        (Stretch::Queued | Stretch::Waiting, _) => {
            if full == first {
                put(area, end, sign, style, buf);
                end += 1;
            }
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, state: StepState, spans: &[(Stretch, u64, Option<u64>)], note: &str) -> TimeRow {
        let spans = spans
            .iter()
            .map(|(stretch, from, to)| Span {
                stretch: *stretch,
                from: *from,
                to: *to,
            })
            .collect();
        TimeRow {
            id: name.into(),
            name: name.into(),
            state,
            spans,
            note: note.into(),
            ..TimeRow::default()
        }
    }

    fn sample() -> Vec<TimeRow> {
        use Stretch::{Busy, Failed, Queued, Waiting};
        vec![
            row("trigger", StepState::Completed, &[(Busy, 0, Some(100))], ""),
            row("fetch", StepState::Completed, &[(Busy, 100, Some(62_000))], "62s"),
            row(
                "classify#3",
                StepState::Running,
                &[(Queued, 62_000, Some(180_000)), (Busy, 180_000, None)],
                "6m12s",
            ),
            row(
                "classify#5",
                StepState::Retry,
                &[
                    (Failed, 62_000, Some(120_000)),
                    (Queued, 120_000, Some(240_000)),
                    (Failed, 240_000, Some(290_000)),
                    (Queued, 290_000, None),
                ],
                "retry 2/3",
            ),
            row("review", StepState::Person, &[(Waiting, 400_000, None)], "⚑"),
            row("notify", StepState::Pending, &[], ""),
        ]
    }

    fn draw(timeline: &mut Timeline, rows: &[TimeRow], width: u16, height: u16) -> String {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let data = TimeData {
            rows,
            now: 552_000,
            selected: Some("fetch"),
            critical: false,
        };
        timeline.render(&data, area, &mut buf, &Theme::default());
        crate::widgets::drawn::text(&buf)
    }

    #[test]
    fn bars_queue_tries_and_axis() {
        insta::assert_snapshot!(draw(&mut Timeline::default(), &sample(), 70, 8));
    }

    #[test]
    fn zoom_halves_the_window_and_pan_moves_it() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.window(80_000), (0, 80_000));
        timeline.zoom(true);
        assert_eq!(timeline.window(80_000), (40_000, 80_000), "follows the end");
        timeline.pan(false);
        timeline.pan(false);
        let (from, to) = timeline.window(80_000);
        assert!(from < 40_000 && to - from == 40_000);
        for _ in 0..100 {
            timeline.pan(true);
        }
        assert_eq!(timeline.window(80_000), (40_000, 80_000));
        timeline.fit();
        assert_eq!(timeline.window(80_000), (0, 80_000));
    }

    #[test]
    fn any_size_and_any_time_draw_without_panic() {
        let mut timeline = Timeline::default();
        for width in 0..40 {
            for height in 0..5 {
                draw(&mut timeline, &sample(), width, height);
            }
        }
        let area = Rect::new(0, 0, 40, 4);
        let odd = [row(
            "odd",
            StepState::Running,
            &[(Stretch::Busy, 900, Some(10))],
            "",
        )];
        let data = TimeData {
            rows: &odd,
            now: 0,
            selected: None,
            critical: true,
        };
        timeline.render(&data, area, &mut Buffer::empty(area), &Theme::default());
    }

    #[test]
    fn durations_are_short() {
        let all = [
            0, 84, 1_500, 8_400, 12_000, 60_000, 552_000, 3_900_000, 90_000_000,
        ]
        .map(short);
        assert_eq!(
            all,
            [
                "0s", "84ms", "1.5s", "8.4s", "12s", "1m", "9m12s", "1h05m", "1d01h"
            ]
        );
    }
}
