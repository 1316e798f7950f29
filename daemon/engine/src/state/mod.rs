//! What is known of a run at one moment, and the fold that makes it from the journal.
//!
//! Invariant: [`apply`] is a plain fold: no document, no expression, no clock. The same events give the same state,
//! byte for byte, and a snapshot (serde of [`RunState`]) followed by the later events gives it too.

mod accounts;
mod apply;
mod conversation;
mod effects;
mod forked;
mod frame;
mod handoffs;
mod listening;
mod migrated;
mod run;
mod table;
mod tree;
mod waits;

pub use apply::apply;
pub use conversation::{Answer, Conversation, Exchange};
pub use frame::{Frame, FrameId, Phase, Refused, Wait};
pub use listening::Listening;
pub use run::{Effect, EffectPhase, PendingApproval, RunState, Timer};
pub use table::Table;
