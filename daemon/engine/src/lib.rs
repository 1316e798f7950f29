//! The pure workflow machine: Open Workflow documents in, decisions out. No tokio, clock, random or I/O.
//!
//! How it is used:
//!
//! 1. [`parse_workflow`] (or [`load`]) reads a document: a [`Workflow`] (immutable, named by its digest) or all its
//!    mistakes, each with line and column.
//! 2. A run is a [`RunState`], made by folding its journal with [`apply`].
//! 3. [`decide`] takes a [`Stimulus`] and a [`Context`] (time, chance, ids, permits, replies of the expression
//!    worker) and gives a [`Decision`]: events to commit in one go, or expressions for the worker. After the commit:
//!    `apply` each event, then do what [`duties`] lists (perform, queue, abort) and watch [`RunState::timers`] and
//!    [`RunState::approvals`].
//! 4. After a restart: fold the journal, decide [`Stimulus::Recovered`], commit, then do [`all_duties`].
//!
//! ```text
//! loop {
//!     match decide(&workflow, &state, &stimulus, &mut cx)? {
//!         Decision::Evaluate(requests) => answers.extend(worker.run(requests)),   // then decide again, same `now`
//!         Decision::Ready { events } => { commit(&events)?; events.iter().for_each(|e| apply(&mut state, e)); break }
//!     }
//! }
//! ```
//!
//! Rules of effects: an effect may be performed once its `effect.intended` is durable, and no sooner. Its permit is
//! taken by the engine through [`Permits`] (or by the driver before `Stimulus::Permitted`) and is free again when the
//! driver hears the outcome: release it, then send `Stimulus::Settled`. A fork's losers and a timed-out task are closed
//! (`effect.settled: cancelled`) in the commit that stops them; after a cancel, effects that run stay open until the
//! driver reports them, and only then is the run cancelled. An outcome nobody waits for becomes `effect.late`.
//!
//! To add a kind of task: one file in `task/`, one row in `task/mod.rs`.

pub mod document;
mod duty;
pub mod expression;
pub mod machine;
pub mod orchestration;
pub mod replay;
pub mod state;
pub mod task;
pub mod upgrade;
mod workflow;

#[cfg(test)]
mod approval_model;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod testing;

pub use document::{Catch, MissedRuns, Overlap, RunKey, RunLimits, RunRate, Schedule};
pub use duty::{Duty, all_duties, duties};
pub use expression::{Answers, EvalReply, EvalRequest, EvalResult, evaluate};
pub use machine::{
    Context, Decision, Fork, Free, MOST_EVENTS, Migrate, PermitClass, Permits, Quote, Quotes, Refusal,
    Stimulus, Unlimited, Workflow, budget_inside, decide, run_budget,
};
pub use state::{Effect, EffectPhase, Listening, PendingApproval, RunState, Timer, apply};
pub use workflow::{KindInfo, catalog, graph, load, parse_workflow};
