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
}

/// Held decisions, oldest first, and those on their way.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    held: Vec<Held>,
    sent: Vec<EntityId>,
}

impl Outbox {
    /// Holds a decision; a second one about the same approval replaces the first.
    pub fn hold(&mut self, verdict: Verdict, now: Duration) {
        self.held.retain(|held| held.verdict.approval != verdict.approval);
        self.held.push(Held {
            verdict,
            due: now + GRACE,
        });
    }

    /// Takes back the newest.
    pub fn take_back(&mut self) -> Option<Verdict> {
        self.held.pop().map(|held| held.verdict)
    }

    /// Drops a held decision whose question changed or is gone.
    pub fn drop_if(&mut self, void: impl Fn(&Verdict) -> bool) -> Vec<Verdict> {
        let (gone, kept) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| void(&held.verdict));
        self.held = kept;
        gone.into_iter().map(|held: Held| held.verdict).collect()
    }

    /// Those whose time is up; they count as sent from here on.
    pub fn due(&mut self, now: Duration) -> Vec<Verdict> {
        let (due, kept): (Vec<Held>, Vec<Held>) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.due <= now);
        self.held = kept;
        self.sent.extend(due.iter().map(|held| held.verdict.approval));
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
