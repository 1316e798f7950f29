//! The door of the runtime. Every method that changes something answers when the change is durable; its audit record
//! and the remembered answer of its request id are in the same commit.

use std::time::Duration;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::graph::Graph;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, EffectId, Resolution};
use dirigent_protocol::watch::{StreamPage, StreamRequest};

use super::api::{Counts, Rooms, StartRun, Started};
use super::error::RuntimeError;
use crate::records::Actor;

/// The running runtime; clones share it.
#[derive(Clone)]
pub struct RuntimeHandle {}

#[expect(unused_variables, clippy::unused_async, reason = "signatures first; bodies follow")]
impl RuntimeHandle {
    /// Takes up every unfinished run, then answers. Effects that a crash left open are settled by their policy.
    ///
    /// # Errors
    /// The store cannot be read or written, or the data directory cannot be made.
    pub async fn open(rooms: Rooms) -> Result<Self, RuntimeError> {
        Err(RuntimeError::Stopping)
    }

    /// Starts a run of a stored version: its first events, its document and its first intents are one commit.
    ///
    /// # Errors
    /// The version does not compile, names an agent that does not exist, or the store did not commit.
    pub async fn start(&self, start: StartRun, actor: Actor) -> Result<Started, RuntimeError> {
        Err(RuntimeError::Stopping)
    }

    /// Stops a run: once this answers no new step begins. Answers before everything that runs has stopped.
    ///
    /// # Errors
    /// The run does not exist or is over, or the store did not commit.
    pub async fn cancel(&self, run: RunId, reason: Option<String>, actor: Actor) -> Result<(), RuntimeError> {
        Err(RuntimeError::Stopping)
    }

    /// Begins nothing new in a run until it is resumed; what comes back meanwhile is recorded.
    ///
    /// # Errors
    /// The run does not exist, is over or paused, or the store did not commit.
    pub async fn pause(&self, run: RunId, actor: Actor) -> Result<(), RuntimeError> {
        Err(RuntimeError::Stopping)
    }

    /// Lets a paused (or quarantined) run go on.
    ///
    /// # Errors
    /// The run does not exist or is not paused, or the store did not commit.
    pub async fn resume(&self, run: RunId, actor: Actor) -> Result<(), RuntimeError> {
        Err(RuntimeError::Stopping)
    }

    /// Decides an approval; decision, event and audit are one commit. Exactly one decision is ever accepted. For an
    /// approval about an unknown effect, approving performs it again with the same key, approving with a payload
    /// takes that as its result, denying makes it failed.
    ///
    /// # Errors
    /// [`RuntimeError::AlreadyDecided`], [`RuntimeError::Stale`], no such approval, or the store did not commit.
    pub async fn decide(
        &self,
        approval: EntityId,
        digest: Digest,
        decision: Decision,
        reason: Option<String>,
        actor: Actor,
    ) -> Result<(), RuntimeError> {
        Err(RuntimeError::Stopping)
    }

    /// Says what became of an effect whose outcome nobody knows; closes the approval that asks.
    ///
    /// # Errors
    /// The effect is not parked, the approval was decided before, or the store did not commit.
    pub async fn resolve(
        &self,
        run: RunId,
        effect: EffectId,
        resolution: Resolution,
        actor: Actor,
    ) -> Result<(), RuntimeError> {
        Err(RuntimeError::Stopping)
    }

    /// Live text of a run behind a chunk; waits at most `wait_ms` (clamped to 30,000) when there is none.
    pub async fn stream(&self, request: StreamRequest) -> StreamPage {
        StreamPage::default()
    }

    /// The graph of the version a run pinned.
    ///
    /// # Errors
    /// The run or its version does not exist or cannot be read.
    pub fn graph(&self, run: RunId) -> Result<Graph, RuntimeError> {
        Err(RuntimeError::Stopping)
    }

    /// Figures of this moment.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::default()
    }

    /// Takes nothing new, lets effects that end within `grace` end, then stops every driver. What is open then goes
    /// on after the next start by its policy.
    pub async fn shutdown(&self, grace: Duration) {}
}
