//! One task instance that has begun and whose place in the run is still needed.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{
    Account, DecisionRecord, EffectAsk, EffectId, EffectOutcome, EffectRequest, StepId, TimerId,
    WorkflowError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::conversation::Conversation;
use super::listening::Listening;

/// Names a frame: the sequence number of the `task.started` (or `workflow.started`) that made it.
pub type FrameId = u64;

/// A task instance. One shape for every kind, so that folding needs to know no kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Its address.
    pub step: StepId,
    /// The frame of the task around it; none for the workflow itself.
    pub parent: Option<FrameId>,
    /// What it was given, before `input.from`.
    pub raw_input: Payload,
    /// What it works on, after `input.from`.
    pub input: Payload,
    /// When it began.
    pub started_at: Timestamp,
    /// The output of the last task of its list; its own output once it is done.
    pub data: Payload,
    /// Which step that output is of.
    pub data_of: Option<StepId>,
    /// Where the last task of its list chose to go; where it chose itself once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Arc<str>>,
    /// Tasks inside it that live.
    pub children: Vec<FrameId>,
    /// How many of them are not done.
    pub open: u32,
    /// What it waits for itself.
    pub wait: Wait,
    /// Which part of it is at work.
    pub phase: Phase,
    /// The round of a loop, from 0.
    pub iteration: u32,
    /// What the loop goes over.
    pub items: Option<Payload>,
    /// Its inner tasks run side by side and keep their outputs until it ends.
    pub parallel: bool,
    /// Attempts begun, from 1.
    pub attempt: u32,
    /// Moves from task to task in its list.
    pub transitions: u32,
    /// The error it caught.
    pub error: Option<WorkflowError>,
    /// Its limit.
    pub timeout: Option<TimerId>,
    /// Limit of its attempt, where it is a `try` with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_limit: Option<TimerId>,
    /// What was taken inside it, where a budget holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Box<Account>>,
    /// What it has taken of the events it listens for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<Arc<Listening>>,
    /// The output of the task it extends, and where that wants to go, while what comes after is at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<(Payload, Arc<str>)>,
    /// What an agent with tools has said and been told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Arc<Conversation>>,
    /// How often it was refused at a door, and what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<Refused>>,
    /// What was allowed of a tool call, as it stood then: whoever allowed it may have changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Payload>,
    /// What its effect asks a person, until it is asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Arc<Asked>>,
}

/// An effect that ended with a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The effect's request; with the answer it is made again.
    pub request: EffectRequest,
    /// The question.
    pub ask: Arc<EffectAsk>,
}

/// Attempts that failed: since when, and how many of them did nothing because they were refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// How many were refused.
    pub times: u32,
    /// The first failure of any kind; none in what an earlier version wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Timestamp>,
    /// The first refusal of those that came one after the other.
    pub since: Timestamp,
    /// What it waits for; none where its last attempt was not refused.
    pub waits_for: Option<String>,
}

/// Which part of a task is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its body.
    #[default]
    Body,
    /// What handles an error it caught.
    Catch,
    /// Done; its parent still needs the output.
    Done,
}

/// What a task itself waits for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Nothing, or tasks inside it.
    #[default]
    Nothing,
    /// An effect that is queued or begun.
    Effect(EffectId),
    /// An effect's outcome is known and not yet used.
    Outcome {
        /// How it ended.
        outcome: EffectOutcome,
        /// At which attempt.
        attempt: u32,
    },
    /// A timer.
    Timer(TimerId),
    /// A timer ran out and that was not yet used.
    TimerFired,
    /// A person's decision.
    Approval {
        /// Names the request.
        approval: EntityId,
        /// Its limit.
        expiry: Option<TimerId>,
    },
    /// A decision was made and not yet used.
    Decided {
        /// What was decided.
        record: DecisionRecord,
        /// The content it is about.
        payload: Payload,
    },
    /// Events, or tasks inside it that handle one.
    Events,
    /// It lets others go first; `next` starts when the timer fires.
    Yield {
        /// The timer.
        timer: TimerId,
        /// The step to start then.
        next: StepId,
        /// Whether the timer has fired.
        fired: bool,
    },
}
