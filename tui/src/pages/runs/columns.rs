//! The columns of the list of runs, for each width, and what stands in them.
//! Owns the texts and their order of importance; which rows are drawn is the list's.

use dirigent_protocol::run::Status;
use jiff::Timestamp;

use crate::model::{Model, Run};
use crate::text::{amount, fit, fit_right, span};
use crate::theme::{Role, Sign};
use crate::widgets::Line;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Short id.
    Run,
    /// Workflow's name.
    Workflow,
    /// Version of the workflow.
    Version,
    /// Sign and word.
    State,
    /// Where it is.
    Step,
    /// Bar and numbers.
    Progress,
    /// Tokens read and written.
    Tokens,
    /// Money.
    Cost,
    /// Since when.
    Age,
    /// Who started it.
    Owner,
}

/// A column and its cells.
pub(super) type Laid = (Column, usize);

/// The columns that fit into `cells`, and how wide each is.
pub(super) fn lay_out(cells: usize) -> Vec<Laid> {
    use Column as C;
    let fixed: &[Laid] = match cells {
        0..48 => &[(C::Run, 9), (C::State, 13), (C::Age, 5)],
        48..72 => &[(C::Run, 9), (C::State, 13), (C::Progress, 5), (C::Age, 5)],
        72..100 => &[
            (C::Run, 9),
            (C::State, 13),
            (C::Step, 16),
            (C::Progress, 12),
            (C::Age, 5),
        ],
        100..112 => &[
            (C::Run, 9),
            (C::Version, 7),
            (C::State, 13),
            (C::Step, 16),
            (C::Progress, 14),
            (C::Tokens, 8),
            (C::Age, 5),
        ],
        _ => &[
            (C::Run, 9),
            (C::Version, 7),
            (C::State, 13),
            (C::Step, 14),
            (C::Progress, 16),
            (C::Tokens, 8),
            (C::Cost, 8),
            (C::Age, 5),
            (C::Owner, 8),
        ],
    };
    let used: usize = fixed.iter().map(|(_, width)| width + 1).sum::<usize>() + 2;
    let left = cells.saturating_sub(used).clamp(0, 40);
    let mut out = fixed.to_vec();
    if left >= 6 {
        out.insert(1, (C::Workflow, left - 1));
    }
    out
}

impl Column {
    /// Its heading.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Workflow => "workflow",
            Self::Version => "version",
            Self::State => "state",
            Self::Step => "step",
            Self::Progress => "progress",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Age => "age",
            Self::Owner => "owner",
        }
    }

    /// Numbers stand on the right.
    pub(super) const fn is_number(self) -> bool {
        matches!(self, Self::Tokens | Self::Cost | Self::Age)
    }
}

/// The sign of a run: a waiting run that asks a person is told apart from one that waits for time.
pub(super) fn sign(model: &Model, run: &Run) -> Sign {
    let asks = || {
        model
            .approvals
            .values()
            .any(|approval| approval.is_pending() && approval.body.run == run.id.into())
    };
    if run.status() == Status::Waiting && asks() {
        Sign::PERSON
    } else {
        Sign::status(run.status())
    }
}

/// One row.
pub(super) fn row(model: &Model, run: &Run, on: bool, columns: &[Laid], now: Timestamp) -> Line {
    let mut line = Line::new().add(Role::Selected, if on { "▸" } else { " " });
    for (column, width) in columns {
        match column {
            Column::State => {
                let sign = sign(model, run);
                line.push(sign.role, sign.sign);
                line.push(
                    sign.role,
                    fit(&format!(" {}", sign.word), width.saturating_sub(1)),
                );
            }
            Column::Progress => progress(&mut line, run, *width),
            Column::Run => line.push(
                if on { Role::Selected } else { Role::Text },
                fit(&run.id.short(), *width),
            ),
            column => {
                let text = text(*column, run, now);
                let role = if matches!(column, Column::Workflow | Column::Step) {
                    Role::Text
                } else {
                    Role::Dim
                };
                line.push(
                    role,
                    if column.is_number() {
                        fit_right(&text, *width)
                    } else {
                        fit(&text, *width)
                    },
                );
            }
        }
        line.push(Role::Text, " ");
    }
    line
}

fn text(column: Column, run: &Run, now: Timestamp) -> String {
    let body = &run.body;
    match column {
        Column::Workflow => crate::text::clean_line(&body.workflow).into_owned(),
        Column::Version => crate::text::clean_line(&body.version).into_owned(),
        Column::Step if run.status().is_final() => "-".to_owned(),
        Column::Step if body.quarantine.is_some() => "quarantined".to_owned(),
        Column::Step if body.queue.is_some() => in_line(run),
        Column::Step if body.waits.is_some() => at_a_door(run),
        Column::Step => crate::text::clean_line(&body.step).into_owned(),
        Column::Tokens => amount::tokens(body.usage.input_tokens + body.usage.output_tokens),
        Column::Cost => amount::usd(body.usage.cost_micro_usd),
        Column::Age => span::short(age(run, now)),
        Column::Owner => crate::text::clean_line(&body.started_by).into_owned(),
        Column::Run | Column::State | Column::Progress => String::new(),
    }
}

/// Where a run waits for its turn: `3rd in line` would not fit a narrow column.
fn in_line(run: &Run) -> String {
    let place = run.body.queue.as_ref().and_then(|queue| queue.place);
    place.map_or_else(|| "in line".to_owned(), |place| format!("in line, {place}"))
}

/// What a run waits for that was refused: `waits: limit of openai`.
fn at_a_door(run: &Run) -> String {
    let what = run.body.waits.as_ref().map(|waits| waits.what.as_str());
    format!("waits: {}", crate::text::clean_line(what.unwrap_or_default()))
}

/// Seconds since it was started.
pub(super) fn age(run: &Run, now: Timestamp) -> i64 {
    now.as_second() - run.body.started_at.unwrap_or(run.created_at).as_second()
}

/// `████░░░░ 4/8`.
fn progress(line: &mut Line, run: &Run, width: usize) {
    let progress = run.body.progress;
    let numbers = format!("{}/{}", progress.done, progress.total);
    if width < 10 || progress.total == 0 {
        line.push(
            Role::Dim,
            fit(if progress.total == 0 { "" } else { &numbers }, width),
        );
        return;
    }
    let cells = width - 6;
    let done = usize::try_from(progress.done.min(progress.total)).unwrap_or(0);
    let full = cells * done / usize::try_from(progress.total).unwrap_or(1).max(1);
    line.push(Role::Chart, "█".repeat(full));
    line.push(Role::Dim, "░".repeat(cells - full));
    line.push(Role::Dim, fit_right(&numbers, 6));
}
