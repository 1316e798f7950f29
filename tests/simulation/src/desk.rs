//! The people who are asked: several race for every approval, some with a digest of something else; somebody says what
//! became of unknown effects; when all is calm, somebody lets paused runs go on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::records::{DEFAULT_ORG, Records};
use dirigent_daemon::runtime::RuntimeHandle;
use dirigent_daemon::spawn::Supervisor;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Kind, WorkflowApproval};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, EffectId, Resolution};
use serde_json::json;

use crate::library::PEOPLE;
use crate::people::{actor, fresh, told};
use crate::world::World;

const LOOK: Duration = Duration::from_millis(300);

#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) world: Arc<World>,
    pub(crate) runtime: RuntimeHandle,
    pub(crate) records: Records,
    pub(crate) tasks: Supervisor,
}

impl Desk {
    /// Looks at what waits, for ever. What was not settled is asked again after a while.
    pub(crate) async fn sit(self) {
        let mut given = BTreeSet::new();
        let mut looks: u64 = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            looks += 1;
            if looks.is_multiple_of(40) {
                given.clear();
            }
            let (waiting, parked) = {
                let model = self.world.model();
                (model.waiting(), model.parked())
            };
            for (run, approval) in waiting {
                if given.insert((run, approval.0)) {
                    self.race(run, approval);
                }
            }
            for (run, effect) in parked {
                if given.insert((run, uuid::Uuid::from_u128(u128::from(effect.0)))) {
                    let desk = self.clone();
                    self.tasks
                        .spawn_until_stop("parked", async move { desk.settle(run, effect).await });
                }
            }
            if self.world.is_calm() && looks.is_multiple_of(5) {
                self.let_go().await;
            }
        }
    }

    fn race(&self, run: RunId, approval: EntityId) {
        let (ignored, racers) = {
            let mut rng = self.world.rng();
            (rng.percent(20), rng.between(1, 4))
        };
        // When all is calm everybody looks at everything, so that whoever must decide does.
        let racers = match (self.world.is_calm(), ignored) {
            (true, _) => PEOPLE.len(),
            (false, true) => 0,
            (false, false) => usize::try_from(racers).unwrap(),
        };
        for name in PEOPLE.into_iter().rev().take(racers) {
            let desk = self.clone();
            self.tasks
                .spawn_until_stop("decider", async move { desk.decide(run, approval, name).await });
        }
        if !self.world.is_calm() && self.world.rng().percent(20) {
            let (desk, name) = (self.clone(), self.world.rng().pick(&PEOPLE));
            self.tasks
                .spawn_until_stop("meddler", async move { desk.meddle(run, approval, name).await });
        }
    }

    /// Says what became of an effect: directly, or by the approval that asks.
    async fn settle(self, run: RunId, effect: EffectId) {
        let pause = self.world.ms(0, 4_000);
        tokio::time::sleep(pause).await;
        let (by_approval, which) = {
            let mut rng = self.world.rng();
            (rng.percent(50), rng.below(3))
        };
        let actor = actor("ann", fresh(&self.world));
        let answer = if by_approval {
            let Some((approval, digest)) = self.question(run, effect) else {
                return;
            };
            let decision = match which {
                0 => Decision::Approve { edited: None },
                1 => Decision::Approve {
                    edited: Some(json!({ "n": 1 })),
                },
                _ => Decision::Deny,
            };
            self.runtime.decide(approval, digest, decision, None, actor).await
        } else {
            let resolution = match which {
                0 => Resolution::Again,
                1 => Resolution::Happened {
                    output: Arc::new(json!({ "n": 1 })),
                },
                _ => Resolution::Failed {
                    reason: "it did not".into(),
                },
            };
            self.runtime.resolve(run, effect, resolution, actor).await
        };
        self.world.still().await;
        self.world.note(|| {
            format!(
                "effect {}:{} is settled by hand: {}",
                run.short(),
                effect.0,
                told(&answer)
            )
        });
    }

    /// The approval that asks about an effect.
    fn question(&self, run: RunId, effect: EffectId) -> Option<(EntityId, Digest)> {
        let pending = self
            .records
            .find_by_index(
                DEFAULT_ORG,
                Kind::WorkflowApproval,
                "status",
                &json!("pending"),
                1_000,
            )
            .unwrap();
        let found = pending.iter().find_map(|stored| {
            let body: WorkflowApproval = stored.document.body().unwrap();
            let fits = RunId::from(body.run) == run && body.unknown_effect == Some(effect.0);
            fits.then(|| (stored.document.metadata.id, body.digest.parse().unwrap()))
        });
        let still = self.world.model().parked().contains(&(run, effect));
        if found.is_none() && still && !self.world.over() {
            self.world.violate(format!(
                "effect {} of {run} is parked and nobody is asked",
                effect.0
            ));
        }
        found
    }

    async fn let_go(&self) {
        let suspended = self.world.model().suspended();
        for run in suspended {
            let answer = self.runtime.resume(run, actor("ann", fresh(&self.world))).await;
            self.world.still().await;
            self.world
                .note(|| format!("{} is let go: {}", run.short(), told(&answer)));
        }
    }
}
