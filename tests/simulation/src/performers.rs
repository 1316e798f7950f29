//! What performs effects: succeeds, fails, hangs, answers late, loses the connection, breaks. Each call is told to the
//! model first, which knows whether it may be. Runs of runs are the daemon's own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_daemon::runtime::{Call, Performer};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EffectId, EffectKind, EffectOutcome, EffectRequest, Usage, WorkflowError};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::world::World;

/// Where lookups ask.
const FIND: &str = "http://outside.test/find/";

/// One for every kind, but for runs of runs.
pub(crate) fn all(world: &Arc<World>) -> Vec<Arc<dyn Performer>> {
    let each = EffectKind::ALL
        .into_iter()
        .filter(|kind| *kind != EffectKind::Workflow);
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

/// How an effect is performed.
#[derive(Debug, Clone, Copy)]
struct Manner {
    what: What,
    takes: Duration,
    /// It happens although nobody hears of it.
    happens: bool,
    /// It does not hear a cancel.
    deaf: bool,
    /// How long stopping takes.
    stops: Duration,
    /// What comes out.
    n: u64,
    /// Calls of a model that it takes.
    calls: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Succeeds,
    Fails { retryable: bool },
    LosesTheConnection,
    Hangs,
    Breaks,
}

/// An effect is at work until this goes.
struct AtWork {
    world: Arc<World>,
    run: RunId,
    effect: EffectId,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.world.model().rests(self.run, self.effect);
    }
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
            let (world, run, effect) = (self.world.clone(), call.run, call.effect);
            let counted = world.model().perform(&call);
            let _at_work = AtWork { world, run, effect };
            match counted {
                Ok(times) => self
                    .world
                    .note(|| format!("perform {}:{} {} ({times})", run.short(), effect.0, call.step)),
                Err(what) => self.world.violate(what),
            }
            if self.kind == EffectKind::Noop {
                self.happens(&call);
                return done(json!({ "n": 0 }), 0);
            }
            let outcome = self.act(&call).await;
            self.world.still().await;
            self.world
                .note(|| format!("outcome {}:{} {}", run.short(), effect.0, word(&outcome)));
            outcome
        })
    }
}

impl Simulated {
    async fn act(&self, call: &Call) -> EffectOutcome {
        let manner = self.choose(call);
        if manner.calls > 0 {
            let billed = self.world.model().bills(call, manner.calls);
            self.world.hold(billed);
        }
        if manner.what == What::Hangs && manner.happens {
            self.happens(call);
        }
        let work = async {
            if manner.what == What::Hangs {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(manner.takes).await;
        };
        tokio::select! {
            biased;
            () = call.cancel.cancelled(), if !manner.deaf => {
                tokio::time::sleep(manner.stops).await;
                return EffectOutcome::Cancelled;
            }
            () = work => {}
        }
        self.world.still().await;
        if manner.happens {
            self.happens(call);
        }
        match manner.what {
            What::Succeeds | What::Hangs => done(self.answer(call, manner.n), manner.calls),
            What::Fails { retryable } => EffectOutcome::Failed {
                error: WorkflowError::standard("communication", 503, "it did not work"),
                retryable,
                retry_after_ms: (manner.n == 0).then_some(1_500),
                usage: usage(manner.calls),
                retry: None,
            },
            What::LosesTheConnection => EffectOutcome::Unknown {
                reason: "the connection was cut".into(),
            },
            // Quiet: no message of a panic that is meant.
            What::Breaks => std::panic::resume_unwind(Box::new("on purpose")),
        }
    }

    fn happens(&self, call: &Call) {
        let checked = self.world.model().happens(call);
        self.world.hold(checked);
    }

    /// What comes back: of a lookup, whether it happened.
    fn answer(&self, call: &Call, n: u64) -> Value {
        let EffectRequest::Http(request) = &call.request else {
            return json!({ "n": n });
        };
        let Some(key) = request.uri.strip_prefix(FIND) else {
            return json!({ "n": n });
        };
        let found = self.world.model().look_up(call.run, key, n > 0);
        json!({ "found": found, "n": n })
    }

    fn choose(&self, call: &Call) -> Manner {
        let calm = self.world.is_calm();
        let mut rng = self.world.rng();
        let what = match rng.below(100) {
            0..=9 => What::Fails { retryable: true },
            10..=14 => What::Fails { retryable: false },
            15..=23 if !calm => What::LosesTheConnection,
            24..=31 if !calm => What::Hangs,
            32..=33 if !calm => What::Breaks,
            _ => What::Succeeds,
        };
        let takes = if rng.percent(75) {
            rng.ms(0, 60)
        } else {
            rng.ms(0, 5_000)
        };
        let happens = match what {
            What::Succeeds => true,
            What::Fails { .. } => false,
            _ => rng.percent(50),
        };
        let calls = match &call.request {
            EffectRequest::Agent(agent) if agent.agent == "judge" => rng.between(1, 2),
            EffectRequest::Agent(_) => 1,
            _ => 0,
        };
        Manner {
            what,
            takes,
            happens,
            deaf: what != What::Hangs && rng.percent(15),
            stops: rng.ms(0, 400),
            n: rng.below(4),
            calls,
        }
    }
}

fn usage(calls: u64) -> Usage {
    Usage {
        calls,
        input_tokens: calls * 10,
        output_tokens: calls,
        ..Usage::default()
    }
}

fn done(output: Value, calls: u64) -> EffectOutcome {
    EffectOutcome::Done {
        output: Arc::new(output),
        usage: usage(calls),
        facts: BTreeMap::new(),
    }
}

fn word(outcome: &EffectOutcome) -> &'static str {
    match outcome {
        EffectOutcome::Done { .. } => "done",
        EffectOutcome::Turn { .. } => "turn",
        EffectOutcome::Failed { .. } => "failed",
        EffectOutcome::Unknown { .. } => "unknown",
        EffectOutcome::Cancelled => "cancelled",
        EffectOutcome::Asks { .. } => "asks",
    }
}
