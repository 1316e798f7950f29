//! The runs: what lives first, newest first, as many columns as fit.

use dirigent_protocol::run::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::needs::not_known;
use super::page::{Dashboard, age, listed};
use crate::model::Run;
use crate::pages::Ctx;
use crate::text::{amount, clean_line, fit, fit_right, span};
use crate::theme::{Role, Sign};
use crate::widgets::{Line, bar, first_row};

/// A column: heading, cells, right aligned, and from which width of the pane on it is there.
struct Column {
    title: &'static str,
    cells: usize,
    right: bool,
    from: usize,
}

const fn column(title: &'static str, cells: usize, right: bool, from: usize) -> Column {
    Column {
        title,
        cells,
        right,
        from,
    }
}

/// Behind the marker; what is left over goes to the workflow's name.
const COLUMNS: [Column; 10] = [
    column("run", 8, false, 0),
    column("workflow", 12, false, 0),
    column("ver", 5, false, 104),
    column("state", 11, false, 36),
    column("step", 15, false, 90),
    column("progress", 22, false, 70),
    column("tokens", 6, true, 76),
    column("cost", 7, true, 110),
    column("age", 4, true, 44),
    column("owner", 6, false, 112),
];

/// Counts for the pane's title: `14 running, 2 waiting, 1 faulted`.
pub(super) fn counts(ctx: &Ctx<'_>) -> String {
    if !ctx.model.loaded {
        return "…".into();
    }
    let count = |status| {
        ctx.model
            .runs
            .values()
            .filter(|run| run.status() == status)
            .count()
    };
    let parts: Vec<String> = [
        Status::Running,
        Status::Waiting,
        Status::Pending,
        Status::Suspended,
        Status::Faulted,
    ]
    .into_iter()
    .map(|status| (count(status), status))
    .filter(|(n, status)| *n > 0 || *status == Status::Running)
    .map(|(n, status)| format!("{n} {status}"))
    .collect();
    parts.join(", ")
}

impl Dashboard {
    pub(super) fn draw_runs(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let runs = listed(ctx);
        legend(runs.len(), ctx, area, buf);
        if runs.is_empty() && ctx.model.loaded {
            let words = Line::new().add(Role::Dim, " No run yet.");
            words.draw_row(0, area, ctx.theme, buf);
            return;
        }
        let width = usize::from(area.width);
        let columns: Vec<&Column> = COLUMNS.iter().filter(|column| width >= column.from).collect();
        let fixed: usize = columns.iter().map(|column| column.cells + 1).sum();
        let spare = width.saturating_sub(fixed + 2).min(18);
        let cells = |column: &Column| column.cells + if column.title == "workflow" { spare } else { 0 };
        let mut head = Line::new().add(Role::Dim, "  ");
        for column in &columns {
            head.push(Role::Dim, place(column.title, cells(column), column.right));
        }
        head.draw_row(0, area, ctx.theme, buf);
        let list = Rect {
            y: area.y + 1,
            height: area.height.saturating_sub(1),
            ..area
        };
        self.rows.set(usize::from(list.height));
        let here = self.runs.key();
        let at = here
            .and_then(|id| runs.iter().position(|run| run.id == *id))
            .unwrap_or(0);
        if runs.is_empty() {
            let words = Line::new().add(Role::Dim, format!("  {}", not_known(ctx)));
            words.draw_row(0, list, ctx.theme, buf);
        }
        let first = first_row(at, runs.len(), usize::from(list.height));
        for (row, run) in (0u16..list.height).zip(runs.iter().skip(first)) {
            let selected = here == Some(&run.id);
            let mut line = Line::new().add(Role::Focus, if selected { "> " } else { "  " });
            for column in &columns {
                cell(run, column, cells(column), selected, ctx, &mut line);
            }
            line.draw_row(row, list, ctx.theme, buf);
        }
    }
}

/// What the signs of the states mean, at the foot of the pane, where the list leaves it a row and one of air.
fn legend(rows: usize, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
    let mut text = " Signs of a run:".to_owned();
    for status in Status::ALL {
        let Sign { sign, word, .. } = Sign::status(status);
        text.push_str(&format!(" {sign} {word} "));
    }
    text.push_str(&format!(" {} waits for you", Sign::PERSON.sign));
    if text.chars().count() <= usize::from(area.width) && rows + 3 <= usize::from(area.height) {
        let line = Line::new().add(Role::Dim, text);
        line.draw_row(area.height - 1, area, ctx.theme, buf);
    }
}

fn place(text: &str, cells: usize, right: bool) -> String {
    if right {
        format!("{} ", fit_right(text, cells))
    } else {
        format!("{} ", fit(text, cells))
    }
}

fn cell(run: &Run, column: &Column, cells: usize, selected: bool, ctx: &Ctx<'_>, line: &mut Line) {
    let body = &run.body;
    let (role, text) = match column.title {
        "run" => (if selected { Role::Selected } else { Role::Text }, run.id.short()),
        "workflow" => (Role::Text, body.workflow.clone()),
        "ver" => (Role::Dim, body.version.clone()),
        "state" => {
            let sign = sign(run, ctx);
            (sign.role, format!("{} {}", sign.sign, sign.word))
        }
        "step" => (
            Role::Text,
            if body.step.is_empty() {
                "-".to_owned()
            } else {
                body.step.clone()
            },
        ),
        "progress" => {
            let (done, total) = (u64::from(body.progress.done), u64::from(body.progress.total));
            line.push(Role::Chart, bar::progress(done, total, 16));
            (Role::Dim, format!("{done:>3}/{total}"))
        }
        "tokens" => (
            Role::Text,
            amount::tokens(body.usage.input_tokens + body.usage.output_tokens),
        ),
        "cost" => (Role::Text, amount::usd(body.usage.cost_micro_usd)),
        "age" => {
            let seconds = run.seconds(ctx.time.wall);
            (
                Role::Dim,
                if run.status().is_final() {
                    span::short(seconds)
                } else {
                    age(seconds)
                },
            )
        }
        _ => (Role::Dim, body.started_by.clone()),
    };
    let cells = if column.title == "progress" {
        cells - 16
    } else {
        cells
    };
    line.push(role, place(&clean_line(&text), cells, column.right));
}

/// A run that waits for a person carries the person's sign.
fn sign(run: &Run, ctx: &Ctx<'_>) -> Sign {
    let asks = run.status() == Status::Waiting && ctx.model.pending().any(|a| a.body.run == run.id.into());
    if asks {
        Sign::PERSON
    } else {
        Sign::status(run.status())
    }
}
