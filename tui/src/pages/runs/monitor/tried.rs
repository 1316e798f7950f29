//! A dry run in the monitor: the same pictures of events that never happened, marked as such.
//!
//! Invariant: nothing of it can be steered, answered or left for another page by its own keys.

use dirigent_protocol::dry_run::{DryEnding, DryRun};
use dirigent_protocol::id::RunId;
use jiff::Timestamp;
use uuid::Uuid;

use super::state::Monitor;
use super::ui::Ui;
use crate::keymap::Action;
use crate::model::{Cmd, Journal, Note};
use crate::pages::Ctx;
use crate::text::clean_line;
use crate::theme::{Role, Sign};
use crate::widgets::Line;
use crate::widgets::timeline::short;

/// What a dry run told.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) journal: Journal,
    ending: DryEnding,
}

impl Tried {
    /// The time of its last event: it stands still there.
    pub(super) fn last(&self) -> Timestamp {
        self.journal
            .events
            .last()
            .map_or(Timestamp::UNIX_EPOCH, |event| event.time)
    }

    /// Where it came to, in words.
    fn end(&self) -> String {
        match &self.ending {
            DryEnding::Refused => "nothing was tried: the text has errors".to_owned(),
            DryEnding::Ended { status } => format!("would end {}", status.as_str()),
            DryEnding::Waits { steps } => match steps.first() {
                Some((_, what)) => format!("would wait for {}", clean_line(what)),
                None => "would wait".to_owned(),
            },
            DryEnding::Cut {} => "cut: it goes on for longer than is shown".to_owned(),
        }
    }

    /// The one line about it.
    pub(super) fn header(&self, ui: &Ui, ctx: &Ctx<'_>, now: u64) -> Line {
        let sign = match &self.ending {
            DryEnding::Ended { status } => Sign::status(*status),
            _ => Sign::status(ui.view.status),
        };
        Line::new()
            .add(Role::Waiting, " SIMULATED ")
            .add(sign.role, format!(" {} ", sign.sign))
            .add(Role::Heading, self.end())
            .add(Role::Dim, format!(" in {}; nothing was done  ", short(now)))
            .add(Role::Key, ctx.keymap.first(Action::Back))
            .add(Role::Text, " back")
    }

    /// The same for the ear.
    pub(super) fn in_words(&self, ui: &Ui) -> String {
        let took = short(ui.view.elapsed(self.last()));
        format!("Simulated, nothing was done: it {} after {took}.", self.end())
    }
}

impl Monitor {
    /// A monitor of a dry run.
    pub(crate) fn of_dry_run(told: &DryRun) -> Self {
        let mut monitor = Self::new(RunId(Uuid::nil()));
        let mut journal = Journal {
            graph: told.graph.clone(),
            ..Journal::default()
        };
        journal.extend(true, told.events.clone());
        monitor.ui.get_mut().view.simulated = true;
        monitor.ui.get_mut().fold(&journal);
        monitor.tried = Some(Box::new(Tried {
            journal,
            ending: told.ending.clone(),
        }));
        monitor
    }

    /// Does what an action means in a dry run; none where one leaves it.
    pub(crate) fn act_in_dry_run(&mut self, action: Action, ctx: &Ctx<'_>) -> Option<Vec<Cmd>> {
        let refused = |words: &str| Some(vec![Cmd::Note(Note::refused(words))]);
        match action {
            Action::Stop
            | Action::Again
            | Action::Hold
            | Action::Approve
            | Action::CopyLink
            | Action::Filter => refused("this is simulated: nothing runs that could be told"),
            Action::Back => self.back().is_empty().then(Vec::new),
            action => {
                let mut cmds = self.act(action, ctx);
                // Nothing is expensive here: the detail follows at once.
                self.due = None;
                let ui = self.ui.get_mut();
                ui.shown.clone_from(&ui.cursor);
                // A question of a dry run stands on no other page.
                cmds.retain(|cmd| !matches!(cmd, Cmd::Go(_)));
                Some(cmds)
            }
        }
    }
}
