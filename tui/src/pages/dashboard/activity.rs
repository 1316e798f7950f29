//! The last 60 minutes, from the mirror's own counters, and how the daemon feels.

use dirigent_protocol::run::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::Dashboard;
use crate::pages::Ctx;
use crate::text::{amount, clean_line, fit, fit_right, span};
use crate::theme::Role;
use crate::widgets::{Line, bar};

impl Dashboard {
    #[expect(clippy::unused_self, reason = "drawn beside the other panes")]
    pub(super) fn draw_activity(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let mut lines = match ctx.model.loaded {
            true => series(ctx, usize::from(area.width)),
            false => SERIES.map(unknown).to_vec(),
        };
        if area.height > 7 {
            lines.push(Line::new());
        }
        lines.push(outcome(ctx));
        lines.extend(daemon(ctx));
        for (row, line) in (0u16..area.height).zip(&lines) {
            line.draw_row(row, area, ctx.theme, buf);
        }
    }
}

/// The same in words.
pub(super) fn words(ctx: &Ctx<'_>) -> Vec<String> {
    let now = ctx.time.wall;
    let counters = &ctx.model.counters;
    let say = |what: &str, values: &[u64], show: Show| {
        let sum: u64 = values.iter().sum();
        let last = values.last().copied().unwrap_or(0);
        let peak = values.iter().copied().max().unwrap_or(0);
        format!(
            "{what}: {} in the last hour, {} in this minute, at most {} a minute.",
            show(sum),
            show(last),
            show(peak)
        )
    };
    let mut out = vec![
        say("Tokens", &counters.tokens.window(now), amount::count),
        say("Runs started", &counters.runs.window(now), amount::count),
        say("Errors", &counters.errors.window(now), amount::count),
        say("Cost", &counters.cost.window(now), amount::usd),
        format!("Runs {}.", outcome(ctx).text().trim_end()),
    ];
    if let Some(health) = &ctx.model.health {
        let up = ctx.time.wall.as_second() - health.started_at.as_second();
        out.push(format!(
            "The daemon is up for {}, {} effects at work, {} of disk free.",
            span::spoken(up),
            health.effects_in_flight,
            amount::bytes(health.store.disk_free)
        ));
        out.push(if health.store.trouble.is_empty() {
            let commits = amount::count(health.store.commits);
            format!("The store is well: {commits} commits, lag {}.", health.store.lag)
        } else {
            format!("Alert: {}", health.store.trouble)
        });
    }
    out
}

const SERIES: [&str; 4] = ["tokens/m", "runs/m", "errors/m", "cost/m"];

/// How a number is written.
type Show = fn(u64) -> String;

fn series(ctx: &Ctx<'_>, width: usize) -> Vec<Line> {
    let now = ctx.time.wall;
    let counters = &ctx.model.counters;
    let rows: [(Vec<u64>, Show); 4] = [
        (counters.tokens.window(now), amount::tokens),
        (counters.runs.window(now), amount::count),
        (counters.errors.window(now), amount::count),
        (counters.cost.window(now), amount::usd),
    ];
    // What moves for show costs more bytes than it tells, on a slow line.
    let cells = if ctx.prefs.slow {
        0
    } else {
        width.saturating_sub(33).clamp(6, 60)
    };
    SERIES
        .into_iter()
        .zip(rows)
        .map(|(title, (values, show))| {
            let last = values.last().copied().unwrap_or(0);
            let peak = values.iter().copied().max().unwrap_or(0);
            let role = if title == "errors/m" && peak > 0 {
                Role::Bad
            } else {
                Role::Chart
            };
            Line::new()
                .add(Role::Dim, fit(title, 9))
                .add(role, bar::spark(&values, cells))
                .add(Role::Text, fit_right(&show(last), 8))
                .add(Role::Dim, format!("   peak {}", show(peak)))
        })
        .collect()
}

/// What the daemon has not said yet is not zero.
fn unknown(title: &str) -> Line {
    Line::new().add(Role::Dim, format!("{} …", fit(title, 9)))
}

fn outcome(ctx: &Ctx<'_>) -> Line {
    if !ctx.model.loaded {
        return unknown("ended");
    }
    let count = |status| {
        ctx.model
            .runs
            .values()
            .filter(|run| run.status() == status)
            .count() as u64
    };
    let (good, bad) = (count(Status::Completed), count(Status::Faulted));
    let mut line = Line::new().add(Role::Dim, fit("ended", 9));
    if good + bad == 0 {
        return line.add(Role::Dim, "none yet");
    }
    let permille = good * 1_000 / (good + bad);
    line.push(Role::Text, format!("{}.{} % well", permille / 10, permille % 10));
    let mut times: Vec<i64> = ctx
        .model
        .runs
        .values()
        .filter(|run| run.status() == Status::Completed)
        .map(|run| run.seconds(ctx.time.wall))
        .collect();
    times.sort_unstable();
    if let Some(p95) = times.get((times.len() * 95).div_ceil(100).saturating_sub(1)) {
        line.push(Role::Dim, format!("   p95 {}", span::long(*p95)));
    }
    line
}

fn daemon(ctx: &Ctx<'_>) -> Vec<Line> {
    let Some(health) = &ctx.model.health else {
        return ["daemon", "store"].map(unknown).to_vec();
    };
    let up = ctx.time.wall.as_second() - health.started_at.as_second();
    let up = if up < 60 {
        "<1m".to_owned()
    } else {
        span::short(up)
    };
    let mut first = Line::new().add(Role::Dim, fit("daemon", 9));
    first.push(
        Role::Text,
        format!("up {up}   {} at work", health.effects_in_flight),
    );
    first.push(
        Role::Dim,
        format!("   {} free", amount::bytes(health.store.disk_free)),
    );
    let mut second = Line::new().add(Role::Dim, fit("store", 9));
    if health.store.trouble.is_empty() {
        second.push(Role::Good, "✓ well");
        let commits = amount::count(health.store.commits);
        second.push(
            Role::Dim,
            format!("   {commits} commits   lag {}", health.store.lag),
        );
    } else {
        second.push(Role::Bad, format!("▲ {}", clean_line(&health.store.trouble)));
    }
    vec![first, second]
}
