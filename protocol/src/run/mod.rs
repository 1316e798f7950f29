//! A run as the outside sees it: its steps, its journal of events, its effects, its usage.
//!
//! The engine decides and folds these; the store keeps them; the client folds the same events into its pictures.
//! Nothing here interprets a workflow.

mod approval;
mod ask;
mod budget;
mod call;
mod command;
mod effect;
mod error;
mod event;
mod listening;
mod migration;
mod origin;
mod retry;
mod status;
mod step;
mod turn;
mod usage;

pub use approval::{
    ApprovalRequest, Consequence, Deciders, Decision, DecisionRecord, Escalation, Risk, digest_of,
};
pub use ask::{AnswerWord, EffectAnswer, EffectAsk};
pub use budget::{Account, Amounts, Budget, Doubt, Limited, OnExceeded, OpenBill, RunBudget, ScopeBudget};
pub use call::{
    A2aCall, Authentication, ContainerCall, FileCall, FileDeed, FunctionCall, Handoff, McpCall, McpRoom,
    McpTransport, NotifyCall, OpenapiCall, Process, Resource, RouteCall, SECRET_CLOSE, SECRET_OPEN, Scheme,
    ScriptCall, WorkflowCall,
};
pub use command::{CommandCall, PermissionCall, PermissionOption, Sandbox};
pub use effect::{
    AgentCall, EffectId, EffectKind, EffectOutcome, EffectRequest, HttpCall, OnUnknown, Resolution, ShellCall,
};
pub use error::{TYPE_BASE, WorkflowError};
pub use event::{Data, EventBody, Pins, RunEvent, TimerId, TimerPurpose};
pub use listening::{BusPosition, EventPattern, ReadAs, member};
pub use migration::Moved;
pub use origin::{Lineage, Origin};
pub use retry::{RetryTerms, Waiting};
pub use status::Status;
pub use step::{ParseStepError, StepId};
pub use turn::{
    AgentTurn, ApprovalClass, LoopLimits, NOT_PERFORMED, Plan, PlannedCall, PlannedEffect, Traits, TurnRef,
};
pub use usage::Usage;
