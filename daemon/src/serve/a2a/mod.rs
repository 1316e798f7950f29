//! Offers as agents of Agent2Agent, one agent each: its card, its messages, its tasks. A task is a run.
//!
//! Both revisions in use are spoken, 0.3 and 1.0: the name of the method says which. A task that waits for a person says
//! `input-required`; the person answers in Dirigent, never through the agent.

mod call;
mod card;
mod message;
mod stream;
mod words;

pub(super) use call::answer;
pub(super) use card::card;
