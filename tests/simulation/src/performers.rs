//! What performs effects: succeeds, fails, hangs, answers late, loses the connection, breaks. Each call is told to the
//! model first, which knows whether it may be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::runtime::{Call, Performer};
use dirigent_protocol::run::{EffectKind, EffectOutcome, Usage, WorkflowError};
use futures::future::BoxFuture;
use serde_json::json;

use crate::world::World;

/// One for every kind.
pub(crate) fn all(world: &Arc<World>) -> Vec<Arc<dyn Performer>> {
    let each = EffectKind::ALL.into_iter();
    each.map(|kind| {
        Arc::new(Simulated {
            kind,
            world: world.clone(),
        }) as Arc<dyn Performer>
    })
    .collect()
}

struct Simulated {
    kind: EffectKind,
    world: Arc<World>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Succeeds,
    Fails { retryable: bool },
    LosesTheConnection,
    Hangs,
    Breaks,
}

impl Performer for Simulated {
    fn kind(&self) -> EffectKind {
        self.kind
    }

    fn immediate(&self) -> bool {
        self.kind == EffectKind::Noop
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            self.world.still().await;
            let counted = self.world.model().perform(&call);
            match counted {
                Ok(times) => self.world.note(|| {
                    format!(
                        "perform {}:{} {} ({times})",
                        call.run.short(),
                        call.effect.0,
                        call.step
                    )
                }),
                Err(what) => self.world.violate(what),
            }
            if self.kind == EffectKind::Noop {
                return done(0);
            }
            let outcome = self.act(&call).await;
            self.world.still().await;
            self.world.note(|| {
                format!(
                    "outcome {}:{} {}",
                    call.run.short(),
                    call.effect.0,
                    word(&outcome)
                )
            });
            outcome
        })
    }
}

impl Simulated {
    async fn act(&self, call: &Call) -> EffectOutcome {
        let (manner, takes, deaf, stops, n) = self.choose();
        let work = async {
            if manner == Manner::Hangs {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(takes).await;
        };
        tokio::select! {
            biased;
            () = call.cancel.cancelled(), if !deaf => {
                tokio::time::sleep(stops).await;
                return EffectOutcome::Cancelled;
            }
            () = work => {}
        }
        match manner {
            Manner::Succeeds | Manner::Hangs => done(n),
            Manner::Fails { retryable } => EffectOutcome::Failed {
                error: WorkflowError::standard("communication", 503, "it did not work"),
                retryable,
                retry_after_ms: (n == 0).then_some(1_500),
                usage: Usage::default(),
            },
            Manner::LosesTheConnection => EffectOutcome::Unknown {
                reason: "the connection was cut".into(),
            },
            // Quiet: no message of a panic that is meant.
            Manner::Breaks => std::panic::resume_unwind(Box::new("on purpose")),
        }
    }

    /// How it acts, how long it takes, whether it hears a cancel, how long stopping takes, what comes out.
    fn choose(&self) -> (Manner, Duration, bool, Duration, u64) {
        let calm = self.world.is_calm();
        let mut rng = self.world.rng();
        let manner = match rng.below(100) {
            0..=9 => Manner::Fails { retryable: true },
            10..=14 => Manner::Fails { retryable: false },
            15..=23 if !calm => Manner::LosesTheConnection,
            24..=31 if !calm => Manner::Hangs,
            32..=33 if !calm => Manner::Breaks,
            _ => Manner::Succeeds,
        };
        let takes = if rng.percent(75) {
            rng.ms(0, 60)
        } else {
            rng.ms(0, 5_000)
        };
        let deaf = manner != Manner::Hangs && rng.percent(15);
        (manner, takes, deaf, rng.ms(0, 400), rng.below(4))
    }
}

fn done(n: u64) -> EffectOutcome {
    EffectOutcome::Done {
        output: Arc::new(json!({ "n": n })),
        usage: Usage::default(),
        facts: BTreeMap::new(),
    }
}

fn word(outcome: &EffectOutcome) -> &'static str {
    match outcome {
        EffectOutcome::Done { .. } => "done",
        EffectOutcome::Failed { .. } => "failed",
        EffectOutcome::Unknown { .. } => "unknown",
        EffectOutcome::Cancelled => "cancelled",
    }
}
