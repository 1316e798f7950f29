//! The mirror itself: what the daemon holds, as far as pages show it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::query::DaemonStatus;
use jiff::Timestamp;

use super::counters::Counters;
use super::{Approval, Connection, Journal, Looks, Outbox, Run, Time, Wish};

/// Finished runs kept beside the living ones.
pub const MAX_ENDED: usize = 2_000;
/// How long an approval is put off.
pub const SNOOZE: Duration = Duration::from_secs(600);
/// Decided approvals kept.
pub const MAX_DECIDED: usize = 200;

/// A definition, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: EntityId,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// One line about it.
    pub about: String,
    /// What its kind is told apart by: an agent's model, an orchestration's strategy, a rule's capability; empty of any other.
    pub sort: String,
    /// Its revision.
    pub revision: u64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Named {
    /// Reads a document of any kind.
    #[must_use]
    pub fn read(document: &Document) -> Self {
        let meta = &document.metadata;
        let text = |field: &str| {
            let found = document.field(field);
            found.and_then(|value| value.as_str().map(str::to_owned))
        };
        let sort = match document.kind {
            Kind::Agent => text("model"),
            Kind::Orchestration => text("strategy"),
            Kind::OrchestrationRule => text("capability"),
            _ => None,
        };
        Self {
            id: meta.id,
            kind: document.kind,
            name: meta.name.clone(),
            about: text("description").unwrap_or_default(),
            sort: sort.unwrap_or_default(),
            revision: meta.revision,
            updated_at: meta.updated_at,
        }
    }
}

/// What the daemon holds, as far as pages show it.
#[derive(Debug, Default)]
pub struct Model {
    /// How fresh all this is.
    pub connection: Connection,
    /// Runs by id.
    pub runs: BTreeMap<RunId, Run>,
    /// Approvals by id; ids of one daemon sort by age.
    pub approvals: BTreeMap<EntityId, Approval>,
    /// Agents, workflows and whatever else has a name.
    pub named: BTreeMap<(Kind, EntityId), Named>,
    /// Health, once the daemon told.
    pub health: Option<DaemonStatus>,
    /// The last 60 minutes.
    pub counters: Counters,
    /// Journals of followed runs.
    pub journals: BTreeMap<RunId, Journal>,
    /// Decisions in their grace time.
    pub outbox: Outbox,
    /// The signed link made last, and the approval it answers; only in memory.
    pub signed: Option<(EntityId, String)>,
    /// Approvals put off, until when on the monotonic clock.
    pub snoozed: BTreeMap<EntityId, Duration>,
    /// What pages asked for themselves.
    pub looks: Looks,
    /// What became of the newest wish of each sort: the run it is about, or why not; none while it is on its way.
    pub granted: BTreeMap<Wish, Result<RunId, Fault>>,
    /// Documents that a page asked for beyond the mirror's own: kept until it asks for others.
    pub found: BTreeMap<&'static str, BTreeSet<EntityId>>,
    /// A snapshot came at least once.
    pub loaded: bool,
}

impl Model {
    /// Approvals that wait, in the order they were asked: new ones come last.
    pub fn pending(&self) -> impl Iterator<Item = &Approval> {
        let mut rows: Vec<&Approval> = self.approvals.values().filter(|a| a.is_pending()).collect();
        rows.sort_by_key(|approval| (approval.asked_at, approval.id));
        rows.into_iter()
    }

    /// Approvals that wait and are neither held nor on their way.
    pub fn undecided(&self) -> impl Iterator<Item = &Approval> {
        self.pending()
            .filter(|a| self.outbox.held_for(a.id).is_none() && !self.outbox.is_sent(a.id))
    }

    /// The approval to decide first: the oldest that is not put off.
    #[must_use]
    pub fn oldest(&self, time: Time) -> Option<&Approval> {
        self.undecided()
            .find(|approval| !self.is_snoozed(approval.id, time))
    }

    /// Puts an approval off, for this client only.
    pub fn snooze(&mut self, approval: EntityId, now: Duration) {
        self.snoozed.retain(|_, until| *until > now);
        self.snoozed.insert(approval, now + SNOOZE);
    }

    /// Whether an approval is put off.
    #[must_use]
    pub fn is_snoozed(&self, approval: EntityId, time: Time) -> bool {
        self.snoozed
            .get(&approval)
            .is_some_and(|until| *until > time.mono)
    }

    /// Runs, newest first.
    #[must_use]
    pub fn newest_runs(&self) -> Vec<&Run> {
        let mut rows: Vec<&Run> = self.runs.values().collect();
        rows.sort_by_key(|run| std::cmp::Reverse((run.created_at, run.id)));
        rows
    }

    /// Definitions of a kind, by name.
    #[must_use]
    pub fn of_kind(&self, kind: Kind) -> Vec<&Named> {
        let mut rows: Vec<&Named> = self.named.values().filter(|named| named.kind == kind).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    /// Runs that come from this one: retried, forked.
    #[must_use]
    pub fn children(&self, run: RunId) -> Vec<RunId> {
        let from = |other: &&Run| other.body.origin.is_some_and(|origin| origin.run == run);
        self.runs.values().filter(from).map(|other| other.id).collect()
    }

    /// Runs that faulted within the last hour and so want a look.
    #[must_use]
    pub fn alerts(&self, now: Timestamp) -> Vec<&Run> {
        let since = now.as_second() - 3_600;
        let mut rows: Vec<&Run> = self
            .runs
            .values()
            .filter(|run| run.status() == dirigent_protocol::run::Status::Faulted)
            .filter(|run| run.updated_at.as_second() >= since)
            .collect();
        rows.sort_by_key(|run| std::cmp::Reverse((run.updated_at, run.id)));
        rows
    }
}
