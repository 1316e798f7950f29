//! Trying the draft out: the daemon's engine runs it with samples, and the monitor shows what would happen.
//!
//! Invariant: what is shown is of exactly the text that was asked about; nothing is performed, stored or published.

use dirigent_protocol::dry_run::{DryEnding, DryRunQuery};
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::source::Diagnostic;

use super::builder::{Builder, Open};
use crate::keymap::Action;
use crate::model::{Cmd, Note};
use crate::pages::Ctx;
use crate::pages::runs::Monitor;

const TOPIC: &str = "workflows.trial";

/// A dry run that is looked at.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) monitor: Monitor,
    pub(super) findings: Vec<Diagnostic>,
}

impl Builder {
    /// Tries the draft out with this input: a dry run of what has tasks, a trial beside what is published of what has none.
    pub(super) fn tries(&mut self, input: &str, ctx: &Ctx<'_>) -> Result<Vec<Cmd>, String> {
        if self.what.canvas {
            return self.try_out(input, ctx);
        }
        let definition = super::tried::spec_in(self.draft.text())?;
        self.sent = Some(super::tried::given(input)?);
        self.definition = Some(definition);
        Ok(Vec::new())
    }

    /// Asks for a dry run with this input; an empty one leaves it to the document's own sample.
    pub(super) fn try_out(&mut self, input: &str, ctx: &Ctx<'_>) -> Result<Vec<Cmd>, String> {
        let input = match input.trim() {
            "" => None,
            text => Some(serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))?),
        };
        if !ctx.model.connection.is_live() {
            return Err("not connected: the daemon's engine tries it out".to_owned());
        }
        self.trying = Some(DryRunQuery {
            source: self.draft.text().to_owned(),
            input,
            ..DryRunQuery::default()
        });
        self.take_trial(ctx);
        Ok(vec![Cmd::Note(Note::info("simulating: nothing is performed"))])
    }

    /// The question to put now.
    pub(super) fn trial_wants(&self, ctx: &Ctx<'_>) -> Option<Cmd> {
        let query = Query::DryRun(self.trying.clone()?);
        let looks = &ctx.model.looks;
        ctx.model
            .connection
            .is_live()
            .then(|| looks.want(TOPIC, &query, None, ctx.time.mono))
            .flatten()
    }

    /// Opens what the daemon told.
    pub(super) fn take_trial(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(query) = self.trying.clone().map(Query::DryRun) else {
            return Vec::new();
        };
        let note = match ctx.model.looks.answer(TOPIC, &query) {
            None => return Vec::new(),
            Some(Ok(QueryReply::DryRun(told))) if told.ending == DryEnding::Refused => {
                Note::refused("it has errors: mend them first")
            }
            Some(Ok(QueryReply::DryRun(told))) => {
                self.open = Some(Open::Trial(Box::new(Trial {
                    monitor: Monitor::of_dry_run(told),
                    findings: told.findings.clone(),
                })));
                Note::info("simulated: nothing was performed")
            }
            Some(Ok(_)) => Note::error("the daemon answered something else"),
            Some(Err(fault)) => Note::error(fault.to_string()),
        };
        self.trying = None;
        vec![Cmd::Note(note)]
    }

    /// Takes an action while a dry run is looked at.
    pub(super) fn act_in_trial(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(Open::Trial(trial)) = &mut self.open else {
            return Vec::new();
        };
        match action {
            Action::Validate => self.jump_to_error(ctx),
            action => trial.monitor.act_in_dry_run(action, ctx).unwrap_or_else(|| {
                self.open = None;
                Vec::new()
            }),
        }
    }
}
