//! People who make, change and revoke rules, and who take others into the team and out of it.

use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::records::{DEFAULT_ORG, Draft, Stored, delete, put};
use dirigent_protocol::entity::{ApprovalRule, Kind, RuleAnswer, RuleScope, Team, WorkflowApproval};
use dirigent_protocol::id::EntityId;
use dirigent_store::Txn;
use jiff::SignedDuration;
use serde::Serialize;
use uuid::Uuid;

use crate::daemon::Daemon;
use crate::library::{PEOPLE, TEAM, user_id};
use crate::world::World;

/// Rules there are at most.
const MOST: usize = 6;

pub(crate) struct Ruler {
    pub(crate) world: Arc<World>,
    pub(crate) daemon: Daemon,
}

impl Ruler {
    /// Meddles until all is calm; then the team is whole, and the rules stay as they are.
    pub(crate) async fn rule(self) {
        while !self.world.is_calm() {
            let pause = self.world.ms(0, 3_000);
            tokio::time::sleep(pause).await;
            let what = self.world.rng().below(4);
            match what {
                0 => self.meet(false).await,
                1 => self.change().await,
                _ => self.make().await,
            }
        }
        self.meet(true).await;
    }

    /// A rule like something that is asked.
    async fn make(&self) {
        let waiting = self.world.model().waiting();
        let rules = self.daemon.records.all(Kind::ApprovalRule, None, MOST).unwrap();
        if waiting.is_empty() || rules.len() >= MOST {
            return;
        }
        let (at, scope, answer, id) = {
            let mut rng = self.world.rng();
            let scope = rng.pick(&[RuleScope::Exact, RuleScope::Shape]);
            let answer = rng.pick(&[RuleAnswer::Allow, RuleAnswer::Allow, RuleAnswer::Deny]);
            let id = EntityId(Uuid::from_u64_pair(rng.number(), rng.number()));
            (rng.below(waiting.len() as u64), scope, answer, id)
        };
        let (_, approval) = waiting[usize::try_from(at).unwrap()];
        let Some(stored) = self.daemon.records.get(Kind::WorkflowApproval, approval).unwrap() else {
            return;
        };
        let asked: WorkflowApproval = stored.document.body().unwrap();
        let rule = ApprovalRule::like(&asked, scope, answer);
        let draft = Draft::of(Kind::ApprovalRule, &format!("made-{}", id.short()), spec(&rule)).id(id);
        let mut txn = Txn::default();
        put(&mut txn, None, &draft.document((self.daemon.clock)())).unwrap();
        self.commit(txn, || format!("a rule is made: {answer:?} {scope:?}"))
            .await;
    }

    /// Some rule is turned round, switched off or on, given an end, or revoked.
    async fn change(&self) {
        let rules = self.daemon.records.all(Kind::ApprovalRule, None, MOST).unwrap();
        let (at, how, ms) = {
            let mut rng = self.world.rng();
            (rng.below(rules.len() as u64), rng.below(4), rng.between(0, 4_000))
        };
        let Some(stored) = rules.get(usize::try_from(at).unwrap()) else {
            return;
        };
        let now = (self.daemon.clock)();
        let mut txn = Txn::default();
        if how == 0 {
            delete(&mut txn, stored, now).unwrap();
        } else {
            let mut rule: ApprovalRule = stored.document.body().unwrap();
            match how {
                1 => rule.enabled = !rule.enabled,
                2 => {
                    rule.until = now
                        .checked_add(SignedDuration::from_millis(i64::try_from(ms).unwrap()))
                        .ok()
                }
                _ if rule.answer == RuleAnswer::Allow => rule.answer = RuleAnswer::Deny,
                _ => rule.answer = RuleAnswer::Allow,
            }
            put(&mut txn, Some(stored), &stored.next(spec(&rule), now)).unwrap();
        }
        self.commit(txn, || format!("a rule is changed ({how})")).await;
    }

    /// Who is in the team.
    async fn meet(&self, all: bool) {
        loop {
            let found = self
                .daemon
                .records
                .find_by_name(DEFAULT_ORG, Kind::Team, TEAM)
                .unwrap();
            let Some(stored) = found else { return };
            let members: Vec<EntityId> = {
                let mut rng = self.world.rng();
                let some = PEOPLE.into_iter().filter(|_| all || rng.percent(50));
                some.map(user_id).collect()
            };
            let names = members.len();
            let done = self.put_team(&stored, members).await;
            self.world
                .note(|| format!("the team has {names} members: {done}"));
            if done || !all {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn put_team(&self, stored: &Stored, members: Vec<EntityId>) -> bool {
        let mut team: Team = stored.document.body().unwrap();
        team.members = members;
        let mut txn = Txn::default();
        put(
            &mut txn,
            Some(stored),
            &stored.next(spec(&team), (self.daemon.clock)()),
        )
        .unwrap();
        self.daemon.records.store().commit(txn).await.is_ok()
    }

    async fn commit(&self, txn: Txn, what: impl FnOnce() -> String) {
        let done = self.daemon.records.store().commit(txn).await.is_ok();
        self.world.note(|| format!("{}: {done}", what()));
        if done {
            self.daemon.runtime.rules_changed();
        }
    }
}

fn spec(body: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(body).unwrap()
}
