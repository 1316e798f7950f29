//! The emergency stop: no run begins and nothing is performed until an administrator lets it go on.
//!
//! It owns the row that says so, and the switch that ends what is being performed: what nobody knows the end of goes on
//! by its own policy, as after the daemon's death. Decisions, timers and events go on; they begin nothing. Invariant: it is
//! durable before it is said to be in force, and a restart does not lift it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use dirigent_protocol::emergency::Emergency;
use dirigent_protocol::run::EffectOutcome;
use dirigent_store::{Store, Txn};
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::error::RuntimeError;
use super::rows;

/// See the module header.
pub(crate) struct EmergencyStop {
    now: Mutex<Now>,
    /// One command at a time: what is in force is what was noted last.
    turn: tokio::sync::Mutex<()>,
}

struct Now {
    /// Who stopped everything, if it is stopped.
    stopped: Option<Emergency>,
    /// Cancelled when everything is stopped.
    stop: CancellationToken,
    /// Cancelled when it goes on.
    release: CancellationToken,
}

impl EmergencyStop {
    /// As it was when the daemon ended.
    pub(crate) fn load(store: &Arc<dyn Store>) -> Result<Self, RuntimeError> {
        let stopped: Option<Emergency> = rows::get(store.as_ref(), rows::EMERGENCY, "an emergency stop")?;
        let (stop, release) = (CancellationToken::new(), CancellationToken::new());
        match stopped {
            Some(_) => stop.cancel(),
            None => release.cancel(),
        }
        Ok(Self {
            now: Mutex::new(Now {
                stopped,
                stop,
                release,
            }),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who stopped everything; none where it goes on.
    pub(crate) fn stopped(&self) -> Option<Emergency> {
        self.now().stopped.clone()
    }

    fn set(&self, stopped: Option<Emergency>) {
        let mut now = self.now();
        match (&now.stopped, &stopped) {
            (None, Some(_)) => {
                now.release = CancellationToken::new();
                now.stop.cancel();
            }
            (Some(_), None) => {
                now.stop = CancellationToken::new();
                now.release.cancel();
            }
            _ => {}
        }
        now.stopped = stopped;
    }

    /// Waits until nothing is stopped.
    pub(crate) async fn over(&self) {
        let release = self.now().release.clone();
        release.cancelled().await;
    }

    /// Does something that `cancel` ends; ends it where everything is stopped: then nobody knows how it would have ended.
    pub(crate) async fn unless_stopped(
        &self,
        cancel: CancellationToken,
        performing: impl Future<Output = EffectOutcome>,
    ) -> EffectOutcome {
        tokio::pin!(performing);
        let stop = loop {
            let stop = self.now().stop.clone();
            if !stop.is_cancelled() {
                break stop;
            }
            // Nothing has begun: it waits.
            tokio::select! {
                () = self.over() => {}
                () = cancel.cancelled() => return EffectOutcome::Unknown { reason: "stopped before it began".into() },
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => cancel.cancel(),
            outcome = &mut performing => return outcome,
        }
        match performing.await {
            EffectOutcome::Cancelled => EffectOutcome::Unknown {
                reason: "ended by an emergency stop".into(),
            },
            outcome => outcome,
        }
    }
}

impl Core {
    /// Stops everything, or lets it go on; in force when this returns.
    pub(crate) async fn emergency(self: &Arc<Self>, stopped: Option<Emergency>) -> Result<(), RuntimeError> {
        let row = match &stopped {
            Some(stopped) => Txn {
                puts: vec![(rows::EMERGENCY.into(), rows::encode(stopped)?)],
                reserve: true,
                ..Txn::default()
            },
            None => Txn {
                deletes: vec![rows::EMERGENCY.into()],
                reserve: true,
                ..Txn::default()
            },
        };
        let _turn = self.emergency.turn.lock().await;
        self.store.commit(row).await?;
        self.emergency.set(stopped);
        self.hold();
        Ok(())
    }

    /// Lets effects and runs begin, or none, as the disk, an emergency and the daemon's life say.
    pub(crate) fn hold(self: &Arc<Self>) {
        self.hold_effects();
        self.hold_gate();
    }

    /// Lets effects begin, or none.
    pub(crate) fn hold_effects(&self) {
        let stopped = self.emergency.stopped().is_some();
        self.permits.hold(stopped || self.space.get().holds_steps());
    }
}
