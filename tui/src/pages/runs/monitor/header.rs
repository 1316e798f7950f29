//! The one line about the run above its panes: how it stands, what it asks, what it took, where it comes from.

use dirigent_protocol::run::Status;

use super::again::{Asked, WAYS, lineage};
use super::focus::Shown;
use super::held_up::held_up;
use super::state::Monitor;
use super::time_rows::step_name;
use super::ui::Ui;
use super::words_budget::{amounts, standing};
use crate::keymap::{Action, Keymap};
use crate::model::Run;
use crate::pages::Ctx;
use crate::text::amount;
use crate::theme::{Role, Sign};
use crate::widgets::Line;
use crate::widgets::timeline::short;

/// Columns from which the whole question fits the line.
const WIDE: u16 = 100;

/// The one line about the run; a question to a person takes it over.
pub(super) fn header(
    monitor: &Shown,
    input: Option<&str>,
    ui: &Ui,
    ctx: &Ctx<'_>,
    now: u64,
    columns: u16,
) -> Line {
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
        if columns < WIDE {
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
    if let Some(budget) = run.and_then(|run| run.body.budget.as_ref()) {
        let words = standing(budget.limit, budget.spent, budget.reserved);
        line.push(Role::Text, format!("  budget {words}"));
        if !budget.in_doubt.is_nothing() {
            line.push(Role::Warn, format!(" ({} in doubt)", amounts(budget.in_doubt)));
        }
    }
    if let Some(by) = &view.cancelling
        && view.is_live()
    {
        let what = if view.undoing { "undoing" } else { "cancelling" };
        line.push(Role::Warn, format!("  {what}, asked by {by}"));
    }
    if let Some(error) = &view.error {
        line.push(Role::Bad, format!("  {}", super::words::fault(error)));
    }
}
