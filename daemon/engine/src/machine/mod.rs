//! The interpreter: one stimulus in, one decision out.
//!
//! Owns: the door ([`decide`]), the loop of a decision, flow in lists, effects and their keys, what expressions see.
//! Does not own: kinds of tasks (room `task`), the fold (room `state`), performing anything.
//!
//! Invariant: a decision depends on nothing but workflow, state, stimulus and context; it records every result of an
//! expression in its events, so that folding them needs no interpreter.

mod again;
mod agent_loop;
mod allowance;
mod approvals;
mod budget;
mod budget_shown;
mod build;
mod check;
mod decide;
mod effect_asks;
mod effects;
mod extend;
mod listen;
mod migrate;
mod model;
mod scope;
mod sequence;
mod stimulus;
mod try_again;
mod turn;
mod undo;
mod verify;

pub use allowance::budget_inside;
pub use budget::{Free, Quote, Quotes};
pub use budget_shown::run_budget;
pub(crate) use build::pointers;
pub use build::{Builder, KindRow};
pub use decide::decide;
pub(crate) use effects::millis;
pub(crate) use model::Work;
pub use model::{
    Done, Incoming, Me, Next, Outcome, Stop, Task, TaskDef, TaskIndex, TaskList, Turn, Way, Workflow,
};
pub(crate) use scope::expression_error;
pub use stimulus::{
    Context, Decision, Fork, MOST_EVENTS, Migrate, PermitClass, Permits, Refusal, Stimulus, Unlimited,
};
