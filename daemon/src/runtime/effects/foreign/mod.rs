//! Agents that others wrote: programs that speak the Agent Client Protocol, any command line, and agents elsewhere that
//! speak A2A.
//!
//! Each program works in a git worktree of its own, in a sandbox; what it changed is its step's output. A question of such an
//! agent is a turn with one planned call, so asking a person, rules, denials and recovery are what they are for every
//! tool. It decides nothing about the run. Invariants: an agent is started once for a step unless nobody can know how far
//! it came; nothing of one lives on when its run is over or the daemon is.

mod a2a;
mod acp;
mod ask;
mod command;
mod git;
mod place;
mod serve;
mod session;
mod terminals;
mod wire;
mod work;
mod worktree;

pub(super) use a2a::Elsewhere;
pub(super) use ask::given;
pub(super) use command::most_told;
pub(super) use work::{Foreign, Task};
