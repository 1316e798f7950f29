//! Decisions in their grace time: held here, sent when it is over, taken back with one key until then.
//!
//! Nothing has happened while a decision is held: closing the client sends nothing.

use std::time::Duration;

use dirigent_protocol::id::EntityId;

use super::Verdict;

/// How long a decision can be taken back.
pub const GRACE: Duration = Duration::from_secs(5);

/// A decision that is not sent yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The decision.
    pub verdict: Verdict,
    /// When it is sent, on the monotonic clock.
    pub due: Duration,
    /// It came with others from a sheet, and is taken back with them.
    pub on_sheet: bool,
}

/// What became of one line of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Not sent yet.
    Held,
    /// Taken back: nothing was sent.
    TakenBack,
    /// On its way.
    Sent,
    /// The daemon has it.
    Done,
    /// Not done, and why.
    Failed(String),
}

/// One line of the sheet that was sent last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// The approval.
    pub approval: EntityId,
    /// What was decided about what.
    pub title: String,
    /// What became of it.
    pub progress: Progress,
}

/// Held decisions, oldest first, and those on their way.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    held: Vec<Held>,
    sent: Vec<EntityId>,
    sheet: Vec<Reported>,
}

impl Outbox {
    /// Holds a decision; a second one about the same approval replaces the first.
    pub fn hold(&mut self, verdict: Verdict, now: Duration) {
        self.held.retain(|held| held.verdict.approval != verdict.approval);
        self.held.push(Held {
            verdict,
            due: now + GRACE,
            on_sheet: false,
        });
    }

    /// Holds the decisions of a sheet together; the report begins anew with them. What is still held of a sheet before
    /// stays a decision of its own.
    pub fn hold_all(&mut self, verdicts: Vec<Verdict>, now: Duration) {
        self.held.iter_mut().for_each(|held| held.on_sheet = false);
        self.sheet.clear();
        for verdict in verdicts {
            self.sheet.push(Reported {
                approval: verdict.approval,
                title: verdict.title.clone(),
                progress: Progress::Held,
            });
            self.hold(verdict, now);
            if let Some(held) = self.held.last_mut() {
                held.on_sheet = true;
            }
        }
    }

    /// Takes back the newest; a sheet as a whole.
    pub fn take_back(&mut self) -> Vec<Verdict> {
        let Some(newest) = self.held.pop() else {
            return Vec::new();
        };
        let mut back = vec![newest.verdict];
        if newest.on_sheet {
            let (rest, kept): (Vec<Held>, Vec<Held>) = std::mem::take(&mut self.held)
                .into_iter()
                .partition(|held| held.on_sheet);
            self.held = kept;
            back.extend(rest.into_iter().map(|held| held.verdict));
        }
        for verdict in &back {
            self.report(verdict.approval, Progress::TakenBack);
        }
        back
    }

    /// What became of the sheet that was sent last, line by line.
    #[must_use]
    pub fn sheet(&self) -> &[Reported] {
        &self.sheet
    }

    /// Notes what became of a line of the sheet.
    pub fn report(&mut self, approval: EntityId, progress: Progress) {
        let line = self.sheet.iter_mut().find(|line| line.approval == approval);
        if let Some(line) = line {
            line.progress = progress;
        }
    }

    /// Drops a held decision whose question changed or is gone.
    pub fn drop_if(&mut self, void: impl Fn(&Verdict) -> bool) -> Vec<Verdict> {
        let (gone, kept) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| void(&held.verdict));
        self.held = kept;
        let gone: Vec<Verdict> = gone.into_iter().map(|held: Held| held.verdict).collect();
        for verdict in &gone {
            let why = "not sent: the request changed or is decided".to_owned();
            self.report(verdict.approval, Progress::Failed(why));
        }
        gone
    }

    /// Those whose time is up; they count as sent from here on.
    pub fn due(&mut self, now: Duration) -> Vec<Verdict> {
        let (due, kept): (Vec<Held>, Vec<Held>) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.due <= now);
        self.held = kept;
        for held in &due {
            self.sent.push(held.verdict.approval);
            self.report(held.verdict.approval, Progress::Sent);
        }
        due.into_iter().map(|held| held.verdict).collect()
    }

    /// The daemon answered.
    pub fn answered(&mut self, approval: EntityId) {
        self.sent.retain(|sent| *sent != approval);
    }

    /// Held decisions, oldest first.
    #[must_use]
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// The held decision about an approval.
    #[must_use]
    pub fn held_for(&self, approval: EntityId) -> Option<&Held> {
        self.held.iter().find(|held| held.verdict.approval == approval)
    }

    /// Held, or sent without an answer yet.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.held.len() + self.sent.len()
    }

    /// Sent, not answered yet.
    #[must_use]
    pub fn is_sent(&self, approval: EntityId) -> bool {
        self.sent.contains(&approval)
    }
}
