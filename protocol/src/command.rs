//! Calls that change something. Each travels with a [`RequestId`](crate::id::RequestId): the same id again gives the
//! first answer and changes nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::entity::{Document, Kind, RuleScope};
use crate::id::{EntityId, RunId};
use crate::run::{Budget, Decision, EffectId, Resolution, Status};
use crate::source::Diagnostic;

/// A change somebody asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Create or update the definitions of a file; all of them or none.
    Apply {
        /// Name of the file, for messages.
        file: String,
        /// Its text: Open Workflow documents and `kind:` documents, separated by `---`.
        source: String,
        /// Say what would happen, change nothing.
        #[serde(default)]
        dry_run: bool,
    },
    /// Create a document.
    Create {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// Its labels.
        #[serde(default)]
        labels: BTreeMap<String, String>,
        /// Its body.
        spec: Value,
    },
    /// Change a document: a JSON merge patch (RFC 7396) on its body, so that an unknown or masked field stays.
    Update {
        /// Its kind.
        kind: Kind,
        /// Its id.
        id: EntityId,
        /// The revision the change was made from.
        revision: u64,
        /// The body's merge patch.
        patch: Value,
        /// New labels; absent leaves them.
        #[serde(default)]
        labels: Option<BTreeMap<String, String>>,
    },
    /// Delete a document nothing uses.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Id, short id or name.
        id: String,
        /// The revision seen, if it matters.
        #[serde(default)]
        revision: Option<u64>,
    },
    /// Publish an earlier version of a definition again, as its newest one.
    Restore {
        /// Its kind.
        kind: Kind,
        /// Id, short id or name.
        id: String,
        /// The version: its number, or the beginning of its digest.
        version: String,
    },
    /// Try agents out side by side on one input, in a run of its own: their tools only read, and nothing is published.
    AgentTry {
        /// The agent's name.
        agent: String,
        /// What is tried, each under its own word.
        variants: Vec<TryVariant>,
        /// The input of all.
        input: Value,
    },
    /// Let an agent look back on its own recent work, in a run of its own: a report and suggestions come of it.
    AgentReview {
        /// Id, short id or name.
        agent: String,
        /// How far back, milliseconds.
        since_ms: u64,
        /// Most runs it is shown; clamped to 1..=50, 0 means 20.
        #[serde(default)]
        runs: u32,
    },
    /// Take a suggestion as the agent's draft; nothing is published.
    SuggestionAccept {
        /// Id or short id.
        suggestion: String,
        /// In the place of a draft that is there already.
        #[serde(default)]
        replace: bool,
        /// Words.
        #[serde(default)]
        reason: String,
    },
    /// Do not take a suggestion; the agent is told why when it looks back again.
    SuggestionDecline {
        /// Id or short id.
        suggestion: String,
        /// Why.
        reason: String,
    },
    /// Begin a conversation with an agent: a run that listens for what is said.
    ConversationStart {
        /// The agent's name.
        agent: String,
        /// What its instructions are written over.
        #[serde(default)]
        input: Value,
    },
    /// Start a run.
    RunStart {
        /// What to run.
        target: RunTarget,
        /// Its input.
        input: Value,
        /// The same key does not start a second run.
        #[serde(default)]
        idempotency_key: Option<String>,
        /// The most it may take; what the document says holds beside it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        budget: Option<Budget>,
        /// Higher goes first where runs wait, from -100 to 100; absent is what the document says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<i32>,
    },
    /// Stop a run: no new step starts, what runs is stopped.
    RunCancel {
        /// The run.
        run: RunId,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Start nothing new in a run until it is resumed.
    RunPause {
        /// The run.
        run: RunId,
    },
    /// Let a paused run go on.
    RunResume {
        /// The run.
        run: RunId,
    },
    /// Let a run go on that was set aside because the daemon died with it in hand again and again.
    RunRelease {
        /// The run.
        run: RunId,
    },
    /// Let no new run of a workflow begin; they wait.
    WorkflowPause {
        /// Its name, or id.
        workflow: String,
        /// Pause its runs, too.
        #[serde(default)]
        runs: bool,
    },
    /// Let new runs of a workflow begin again, those that waited first.
    WorkflowResume {
        /// Its name, or id.
        workflow: String,
        /// Resume its paused runs, too.
        #[serde(default)]
        runs: bool,
    },
    /// Try an ended run again, as a new run that refers to it.
    RunRetry {
        /// The run.
        run: RunId,
        /// From where.
        from: RetryFrom,
    },
    /// Go on from an event of a run, as a new run that refers to it. Effects that had finished by then are not
    /// performed again; those in flight begin anew, with keys of their own.
    RunFork {
        /// The run.
        run: RunId,
        /// The last event that counts.
        at: u64,
        /// Another input for what is still to come; absent keeps the run's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Box<Changed>>,
    },
    /// Let a run that is not over go on under another published version of its workflow.
    RunMigrate {
        /// The run.
        run: RunId,
        /// The version's digest.
        to: Digest,
    },
    /// Delete runs that are over, oldest first and some at a time. What people decided and the audit stay.
    RunPrune {
        /// Which.
        which: Prune,
        /// Delete nothing: only say how many there are.
        #[serde(default)]
        dry_run: bool,
        /// Go on behind this run: `next` of the reply before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<RunId>,
    },
    /// Decide an approval.
    ApprovalDecide {
        /// The approval.
        approval: EntityId,
        /// The digest of what was shown.
        digest: Digest,
        /// Yes, yes with a changed payload, or no.
        decision: Decision,
        /// The decider's words.
        #[serde(default)]
        reason: Option<String>,
        /// What else is done in the same commit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        also: Option<Also>,
    },
    /// Ask an agent about an approval, before deciding. The answer appears among the approval's questions.
    ApprovalAsk {
        /// The approval.
        approval: EntityId,
        /// The digest of what was shown.
        digest: Digest,
        /// The question.
        question: String,
    },
    /// Let somebody else decide in one's place.
    ApprovalDelegate {
        /// The approval.
        approval: EntityId,
        /// Name of the user who decides then.
        to: String,
    },
    /// Change what is asked: it has a new digest, and everybody looks again.
    ApprovalAmend {
        /// The approval.
        approval: EntityId,
        /// The digest of what was shown.
        digest: Digest,
        /// The new content.
        payload: Value,
    },
    /// Make a signed link that answers an approval once.
    ApprovalLink {
        /// The approval.
        approval: EntityId,
        /// The digest of what was shown.
        digest: Digest,
        /// The user it answers for; absent is who asks. Another user's takes an administrator.
        #[serde(default)]
        user: Option<String>,
        /// How long it is good for, milliseconds.
        lifetime_ms: u64,
    },
    /// Answer an approval by a signed link, for the user it was made for.
    ApprovalAnswer {
        /// The link.
        link: String,
        /// Yes or no.
        decision: Decision,
        /// Words.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Say what became of an effect whose outcome nobody knows.
    EffectResolve {
        /// The approval that asks.
        approval: EntityId,
        /// The run.
        run: RunId,
        /// The effect.
        effect: EffectId,
        /// What became of it.
        resolution: Resolution,
    },
    /// Put an event on the bus.
    EventPublish {
        /// A CloudEvent (JSON); id, source and time are filled in where they are missing.
        event: Value,
    },
    /// Let a schedule start nothing until it is resumed.
    SchedulePause {
        /// Name of the workflow, or id.
        schedule: String,
    },
    /// Let a paused schedule go on; what was due meanwhile is not made up for.
    ScheduleResume {
        /// Name of the workflow, or id.
        schedule: String,
    },
    /// End the daemon after letting short steps finish.
    DaemonStop {},
    /// Stop everything: no run begins, nothing is performed until [`Command::EmergencyRelease`], over restarts too.
    EmergencyStop {
        /// Why, for those who find it so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Let everything go on after an emergency stop.
    EmergencyRelease {},
}

/// Which runs are not wanted any more: everything that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Prune {
    /// They ended longer ago than this, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_than_ms: Option<u64>,
    /// They are not among the newest so many of their workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u32>,
    /// They are of this workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
}

/// From where a run is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryFrom {
    /// Where it failed or was stopped: everything that had finished stays.
    Failure {},
    /// The last time this step began; by its address or its task's name.
    Step(String),
    /// Its beginning, with the same version and input.
    Start {},
}

/// A value that replaces another; `null` is one too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The new value.
    pub value: Value,
}

/// An agent that is tried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TryVariant {
    /// Its word in the run: letters, digits, `-`.
    pub name: String,
    /// The agent's body.
    pub definition: Value,
}

/// What is done together with a decision: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Also {
    /// With a no: the run is cancelled.
    StopRun {},
    /// The decision counts for requests like this one from now on, and for those that wait.
    AddRule {
        /// How much like this one.
        scope: RuleScope,
        /// Name of the rule; without one it is made from the workflow and the step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunTarget {
    /// The newest version of a stored workflow.
    Name(String),
    /// A document sent along; it is stored as a version of the workflow it names.
    Source {
        /// Name of the file, for messages.
        file: String,
        /// Its text.
        text: String,
    },
    /// The newest version of an agent, in a run of its own.
    Agent(String),
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CommandReply {
    /// What became of each definition.
    Applied {
        /// In the order of the file.
        items: Vec<Applied>,
        /// Warnings.
        #[serde(default)]
        warnings: Vec<Diagnostic>,
    },
    /// The document as it is now.
    Document(Box<Document>),
    /// It is gone.
    Deleted {},
    /// A run exists.
    RunStarted {
        /// The run.
        run: RunId,
        /// It existed already: the idempotency key was used before.
        #[serde(default)]
        existing: bool,
        /// Where it stands.
        status: Status,
    },
    /// Runs were deleted, or would be.
    Pruned {
        /// How many.
        runs: u64,
        /// How many more match and stay, because others need them.
        kept: u64,
        /// There may be more: go on behind this run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<RunId>,
    },
    /// It was recorded.
    Accepted {},
    /// The decision was recorded, and with it a rule.
    Ruled {
        /// The rule's name.
        rule: String,
        /// Requests that waited and are answered by it now.
        covers: u32,
    },
    /// The event is on the bus.
    Published {
        /// Its id.
        id: String,
        /// Its source.
        source: String,
        /// An event of that source and id was there already; nothing changed.
        #[serde(default)]
        existing: bool,
    },
    /// The yes was recorded; it takes more of them.
    Voted {
        /// Yeses so far.
        votes: u32,
        /// How many it takes.
        quorum: u32,
    },
    /// A link that answers once.
    Link {
        /// The link.
        link: String,
        /// Until when.
        expires_at: Timestamp,
    },
    /// The question was recorded; this run answers it.
    Asked {
        /// The run.
        run: RunId,
    },
}

/// What became of one definition of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: EntityId,
    /// What happened.
    pub outcome: ApplyOutcome,
    /// Its revision now.
    pub revision: u64,
    /// Digest of the version that is current now.
    #[serde(default)]
    pub digest: Option<Digest>,
}

/// What applying did to a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplyOutcome {
    /// It is new.
    Created,
    /// It was the same already.
    Unchanged,
    /// It changed.
    Updated,
}
