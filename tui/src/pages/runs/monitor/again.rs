//! Beginning again from the monitor: the question from where, another input, and the way to the new run.
//! Invariant: one key never starts a run; the key that asks does not confirm.

use dirigent_protocol::command::{Changed, RetryFrom};
use dirigent_protocol::entity::WorkflowExecution;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::StepId;

use super::state::Monitor;
use super::time_rows::step_name;
use super::ui::Ui;
use crate::keymap::Action;
use crate::model::{Cmd, LinkCmd, Model, Note, Steer};
use crate::nav::Place;
use crate::pages::Ctx;
use crate::theme::Role;
use crate::widgets::Line;

/// What the monitor has asked and waits to hear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing.
    #[default]
    Nothing,
    /// Whether to cancel the run.
    Cancel,
    /// From where to begin again.
    Again,
}

/// Answers to the question from where, in the order they are shown.
pub(super) const WAYS: [(Action, &str); 4] = [
    (Action::Approve, "where it failed"),
    (Action::Open, "this step on"),
    (Action::Top, "the start"),
    (Action::Edit, "this step, another input"),
];

impl Monitor {
    /// What an answer to the question from where means.
    pub(super) fn answer_again(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.shown.asked = Asked::Nothing;
        let live = self.ui.get_mut().view.is_live();
        let over = || {
            vec![Cmd::Note(Note::refused(
                "the run has not ended: fork it, or cancel it first",
            ))]
        };
        match action {
            Action::Approve | Action::Open if live => over(),
            Action::Approve => self.begin(Steer::Retry(RetryFrom::Failure {}), ctx),
            Action::Top => self.begin(Steer::Retry(RetryFrom::Start {}), ctx),
            Action::Open => match &self.ui.get_mut().cursor {
                Some(step) => {
                    let from = RetryFrom::Step(step.to_string());
                    self.begin(Steer::Retry(from), ctx)
                }
                None => vec![Cmd::Note(Note::refused("no step is selected"))],
            },
            Action::Edit => {
                self.input = Some(String::new());
                Vec::new()
            }
            Action::Again => vec![Cmd::Note(Note::refused(
                "nothing was started: the key that asks does not confirm",
            ))],
            _ => vec![Cmd::Note(Note::info("nothing was started"))],
        }
    }

    /// The input was typed: a fork from before the selected step.
    pub(super) fn fork_with(&mut self, text: &str) -> Vec<Cmd> {
        let input = match text.trim() {
            "" => None,
            text => match serde_json::from_str(text) {
                Ok(value) => Some(Box::new(Changed { value })),
                Err(error) => {
                    self.input = Some(text.to_owned());
                    return vec![Cmd::Note(Note::refused(format!("this is no JSON: {error}")))];
                }
            },
        };
        let ui = self.ui.get_mut();
        let begun = ui.cursor.as_ref().and_then(|step| ui.began.get(step));
        let Some(at) = begun.map(|seq| seq.saturating_sub(1).max(1)) else {
            return vec![Cmd::Note(Note::refused("this step has not begun"))];
        };
        self.wait_for_child = true;
        vec![self.steer(Steer::Fork { at, input })]
    }

    fn begin(&mut self, how: Steer, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.known_children = ctx.model.children(self.run()).len();
        self.wait_for_child = true;
        vec![self.steer(how)]
    }

    fn steer(&self, how: Steer) -> Cmd {
        Cmd::Link(LinkCmd::Steer { run: self.run(), how })
    }

    /// Goes to the run that was asked for, once it is there.
    pub(crate) fn go_to_child(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let children = ctx.model.children(self.run());
        let known = std::mem::replace(&mut self.known_children, children.len());
        if !self.wait_for_child || children.len() <= known {
            return Vec::new();
        }
        self.wait_for_child = false;
        let newest = children.into_iter().max();
        newest.map(|run| Cmd::Go(Place::run(run))).into_iter().collect()
    }

    /// The question in words: what can be answered.
    pub(super) fn ways(ui: &Ui) -> String {
        let step = ui.cursor.as_ref().map(|step| step_name(&ui.view, step));
        step.map_or_else(String::new, |step| format!(" (this step: {step})"))
    }
}

/// Where the run comes from and what comes from it, in a few words.
pub(super) fn lineage(model: &Model, run: RunId) -> Option<String> {
    let mut words = Vec::new();
    if let Some(origin) = model.runs.get(&run).and_then(|run| run.body.origin) {
        words.push(format!("{} from {}", origin.how.as_str(), origin.run.short()));
    }
    let newest = model.children(run).into_iter().max();
    if let Some((id, child)) = newest.and_then(|id| Some((id, model.runs.get(&id)?)))
        && let Some(origin) = child.body.origin
    {
        words.push(format!("{} as {}", origin.how.as_str(), id.short()));
    }
    if let Some(parent) = model.runs.get(&run).and_then(|run| run.body.parent) {
        words.push(format!("called by {}", parent.short()));
    }
    match called(model, run, None).len() {
        0 => {}
        1 => words.push("called 1 run".to_owned()),
        many => words.push(format!("called {many} runs")),
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// Runs that this one started as sub-workflows: all, or those of one step.
pub(super) fn called(model: &Model, run: RunId, step: Option<&StepId>) -> Vec<RunId> {
    let step = step.map(ToString::to_string);
    let mine =
        |body: &WorkflowExecution| body.parent == Some(run) && (step.is_none() || body.parent_step == step);
    let all = model.runs.iter().filter(|(_, other)| mine(&other.body));
    all.map(|(id, _)| *id).collect()
}

/// The runs of a step that calls workflows, as a fact of it.
pub(super) fn calls(model: &Model, run: RunId, step: &StepId) -> Option<Line> {
    let runs: Vec<String> = called(model, run, Some(step)).iter().map(RunId::short).collect();
    (!runs.is_empty()).then(|| {
        Line::new()
            .add(Role::Dim, "runs     ")
            .add(Role::Text, runs.join(", "))
    })
}
