//! What pages want done. Pages never do anything themselves.

use dirigent_protocol::command::{Also, Changed, RetryFrom, TryVariant};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::query::Query;
use dirigent_protocol::run::{Decision, EffectId, Resolution};
use serde_json::Value;

use super::talk::Tell;
use crate::nav::Place;

/// A wish of a page or of the mirror; the shell does it or passes it to the link.
#[derive(Debug, Clone, PartialEq)]
pub enum Cmd {
    /// Go to a place; the way back is remembered.
    Go(Place),
    /// Say something in the status line.
    Note(Note),
    /// Hold a decision for its grace time, then send it.
    Hold(Verdict),
    /// Hold decisions that were looked at on one sheet: sent, and taken back, together.
    HoldAll(Vec<Verdict>),
    /// Ask about an approval again in ten minutes; only this client forgets it so long.
    Snooze(EntityId),
    /// Take back the newest held decision.
    TakeBack,
    /// Hand a text to the terminal's clipboard.
    Copy(String),
    /// Write a text into a new file where the client was started.
    Write {
        /// The file's name: its beginning, and its ending.
        name: (String, &'static str),
        /// The text.
        text: String,
    },
    /// For the link.
    Link(LinkCmd),
}

/// What the link is asked to do. It answers with [`super::News`], never directly.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkCmd {
    /// Send a decision; answered by `News::Decided`. The link makes one request id for it and keeps it over retries.
    Decide(Verdict),
    /// Put a question about an approval to its agent; answered by `News::Done`, the answer comes on the approval.
    Ask {
        /// The approval.
        approval: EntityId,
        /// Digest of what was on the screen, hexadecimal.
        digest: String,
        /// The question.
        question: String,
    },
    /// Do something with an approval that decides nothing; answered by `News::Done`, a link by `News::Linked`.
    Handle {
        /// The approval.
        approval: EntityId,
        /// What.
        how: Handling,
    },
    /// Send the run's events from the first one, then live, with the tokens of its steps.
    Follow(RunId),
    /// No more of that.
    Unfollow(RunId),
    /// Put a question that only reads; answered by `News::Looked`. The newest question of a topic counts.
    Look {
        /// Who wants to know what.
        topic: &'static str,
        /// The question.
        query: Box<Query>,
    },
    /// Change the course of a run; answered by `News::Done`.
    Steer {
        /// The run.
        run: RunId,
        /// How.
        how: Steer,
    },
    /// Publish the definitions of a text; answered by `News::Done`.
    Apply {
        /// In words, for the answer.
        what: String,
        /// Name of the file, for messages.
        file: String,
        /// The text.
        source: String,
    },
    /// Let an agent look back on its own work; answered by `News::Done`.
    Review {
        /// Its name.
        agent: String,
    },
    /// Publish an earlier version of a definition again; answered by `News::Done`.
    Restore {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// The version's number.
        number: u64,
    },
    /// Start a run of a workflow or an orchestration; answered by `News::Done`.
    Run {
        /// Its name.
        name: String,
        /// The input.
        input: Value,
    },
    /// Decide what an agent suggests of itself; answered by `News::Done`.
    Suggest {
        /// The suggestion.
        suggestion: EntityId,
        /// What it is, for the answer.
        title: String,
        /// How.
        how: Suggest,
    },
    /// Begin a conversation with an agent; answered by `News::Granted`.
    Talk {
        /// The agent's name.
        agent: String,
    },
    /// Tell a conversation something; answered by `News::Granted`.
    Tell {
        /// Its run.
        run: RunId,
        /// What.
        what: Tell,
        /// Who says so.
        by: String,
    },
    /// Try agents out side by side; answered by `News::Granted`.
    TryOut {
        /// The agent's name.
        agent: String,
        /// What is tried.
        variants: Vec<TryVariant>,
        /// The input of all.
        input: Value,
    },
    /// Try to connect now instead of at the next try.
    Reconnect,
    /// End the link; nothing more is sent.
    Close,
}

/// What becomes of a suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suggest {
    /// It is its agent's draft.
    Accept {
        /// In the place of the one that is there.
        replace: bool,
    },
    /// It is not wanted.
    Decline {
        /// Why.
        reason: String,
    },
}

/// What can be done with an approval without deciding it.
#[derive(Debug, Clone, PartialEq)]
pub enum Handling {
    /// Somebody else decides in one's place.
    HandOver {
        /// The user's name.
        to: String,
    },
    /// Something else is asked.
    Amend {
        /// Digest of what was on the screen, hexadecimal.
        digest: String,
        /// The new content.
        payload: Value,
    },
    /// A link answers once for a user.
    SignLink {
        /// Digest of what was on the screen, hexadecimal.
        digest: String,
        /// The user's name.
        user: String,
    },
}

/// How to change the course of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steer {
    /// No new steps; what runs is stopped.
    Cancel,
    /// No new steps until resumed.
    Pause,
    /// Go on.
    Resume,
    /// Try it again, as a new run.
    Retry(RetryFrom),
    /// Go on from one of its events, as a new run.
    Fork {
        /// The last event that counts.
        at: u64,
        /// Another input.
        input: Option<Box<Changed>>,
    },
}

/// A decision about exactly what was shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The approval.
    pub approval: EntityId,
    /// Digest of what was on the screen, hexadecimal.
    pub digest: String,
    /// Yes, yes as edited, or no; or what became of an effect.
    pub answer: Answer,
    /// The person's words.
    pub reason: Option<String>,
    /// What else is done with it.
    pub also: Option<Also>,
    /// What it is about, for the status line.
    pub title: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To the question of a step.
    Decide(Decision),
    /// To the question what became of an effect.
    Resolve {
        /// The run.
        run: RunId,
        /// The effect.
        effect: EffectId,
        /// What became of it.
        resolution: Resolution,
    },
}

/// A line for the person, shown until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How it is meant.
    pub kind: NoteKind,
    /// The words.
    pub text: String,
}

/// How a note is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// Something happened.
    Info,
    /// Something was not done, and why.
    Refused,
    /// Something went wrong.
    Error,
}

impl Note {
    /// Something happened.
    pub fn info(text: impl Into<String>) -> Self {
        Self {
            kind: NoteKind::Info,
            text: text.into(),
        }
    }

    /// Something was not done, and why.
    pub fn refused(text: impl Into<String>) -> Self {
        Self {
            kind: NoteKind::Refused,
            text: text.into(),
        }
    }

    /// Something went wrong.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            kind: NoteKind::Error,
            text: text.into(),
        }
    }
}
