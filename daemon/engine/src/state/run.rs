//! The state of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{
    Account, Amounts, ApprovalRequest, DecisionRecord, Doubt, EffectId, EffectRequest, OnUnknown, Pins,
    Status, StepId, TimerId, TimerPurpose, Traits, Usage, WorkflowError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conversation::Conversation;
use super::frame::{Frame, FrameId};
use super::listening::Listening;
use super::table::Table;

/// Everything known of a run; shared values are shared, so cloning is cheap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub(crate) run: RunId,
    pub(crate) seq: u64,
    pub(crate) status: Status,
    pub(crate) workflow: Arc<str>,
    pub(crate) version: Option<Digest>,
    pub(crate) input: Payload,
    pub(crate) context: Payload,
    pub(crate) pins: Arc<Pins>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) output: Option<Payload>,
    pub(crate) error: Option<WorkflowError>,
    pub(crate) cancelling: bool,
    pub(crate) suspended: bool,
    pub(crate) usage: Usage,
    pub(crate) root: FrameId,
    pub(crate) frames: Table<Arc<Frame>>,
    pub(crate) by_step: Table<Vec<FrameId>>,
    pub(crate) effects: Table<Arc<Effect>>,
    pub(crate) timers: Table<Timer>,
    pub(crate) approvals: Table<Arc<PendingApproval>>,
    /// What is undone where the run is cancelled, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) undo: Vec<Undo>,
    /// Up to this event it is another run's journal, whose work is undone with its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) inherited: u64,
    /// A cancel has stopped everything and undoes what was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) undoing: bool,
    /// What is being undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) undo_at: Option<StepId>,
    /// What could not be undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) undo_failed: Vec<StepId>,
    /// The account of the run itself.
    #[serde(default, skip_serializing_if = "is_empty_account")]
    pub(crate) account: Account,
    /// Accounts of agents, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) agents: BTreeMap<String, Account>,
    /// Calls that nobody knows the bill of, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) doubts: Vec<Doubt>,
    /// Frames that listen for events.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub(crate) listens: Table<FrameId>,
    /// Handoffs between agents, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) handoffs: Vec<Handed>,
    /// What came into the run so far: with conversations of agents, with steps, with what started it.
    #[serde(default, skip_serializing_if = "Traits::is_empty")]
    pub(crate) seen: Traits,
}

/// A handoff that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handed {
    /// The frame of its step: trying again is no other handoff.
    pub frame: FrameId,
    /// Who had the matter.
    pub from: String,
    /// Who has it.
    pub to: String,
}

/// Something a task did that its compensation can undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undo {
    /// The event that says that it was done; 0 in states of earlier versions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seq: u64,
    /// The step.
    pub step: StepId,
    /// What it was given.
    pub input: Payload,
    /// What came out.
    pub output: Payload,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_empty_account(account: &Account) -> bool {
    *account == Account::default()
}

/// An effect that is not settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Names it.
    pub id: EffectId,
    /// The step it is of.
    pub step: StepId,
    /// The frame of that step.
    pub frame: FrameId,
    /// From 1; a new attempt has a new key.
    pub attempt: u32,
    /// What is to be done.
    pub request: EffectRequest,
    /// Where it stands.
    pub phase: EffectPhase,
    /// How often its outcome was unknown.
    pub unknowns: u32,
    /// Its task was stopped: abort it, and report how it ended.
    pub abort: bool,
    /// Set aside for it of the budgets around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Amounts>,
}

/// Where an effect stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectPhase {
    /// It waits for a permit; nothing was done.
    Queued,
    /// It waits until a budget has room for it.
    Held,
    /// It may be running.
    Intended {
        /// Its idempotency key.
        key: Arc<str>,
        /// What to do when nobody knows how it ended.
        on_unknown: OnUnknown,
    },
    /// Nobody knows how it ended; a person must say.
    Parked {
        /// Its idempotency key.
        key: Arc<str>,
        /// As declared.
        on_unknown: OnUnknown,
    },
    /// Nobody knows how it ended; its step's lookup is asked.
    Verifying {
        /// Its idempotency key.
        key: Arc<str>,
        /// As declared.
        on_unknown: OnUnknown,
    },
}

impl EffectPhase {
    /// Its key, once it was intended.
    #[must_use]
    pub fn key(&self) -> Option<&Arc<str>> {
        match self {
            Self::Queued | Self::Held => None,
            Self::Intended { key, .. } | Self::Parked { key, .. } | Self::Verifying { key, .. } => Some(key),
        }
    }

    /// Nothing is done about the effect itself: somebody, or something else, must say first.
    #[must_use]
    pub const fn rests(&self) -> bool {
        matches!(self, Self::Held | Self::Parked { .. } | Self::Verifying { .. })
    }
}

/// A timer that has not fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    /// Names it.
    pub id: TimerId,
    /// The frame it belongs to.
    pub frame: FrameId,
    /// When it fires.
    pub due: Timestamp,
    /// What for.
    pub purpose: TimerPurpose,
}

/// A question a person has not answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingApproval {
    /// Names it.
    pub id: EntityId,
    /// The step that asks.
    pub step: StepId,
    /// The frame of that step.
    pub frame: FrameId,
    /// What a decision must name.
    pub digest: Digest,
    /// What is asked.
    pub request: ApprovalRequest,
    /// Yeses so far, where it takes several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<DecisionRecord>,
}

impl RunState {
    /// A run before its first event.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        let null: Payload = Arc::new(Value::Null);
        Self {
            run,
            seq: 0,
            status: Status::Pending,
            workflow: Arc::from(""),
            version: None,
            input: null.clone(),
            context: null,
            pins: Arc::default(),
            started_at: None,
            ended_at: None,
            output: None,
            error: None,
            cancelling: false,
            suspended: false,
            usage: Usage::default(),
            root: 0,
            frames: Table::default(),
            by_step: Table::default(),
            effects: Table::default(),
            timers: Table::default(),
            approvals: Table::default(),
            undo: Vec::new(),
            inherited: 0,
            undoing: false,
            undo_at: None,
            undo_failed: Vec::new(),
            account: Account::default(),
            agents: BTreeMap::new(),
            doubts: Vec::new(),
            listens: Table::default(),
            handoffs: Vec::new(),
            seen: Traits::default(),
        }
    }

    /// The run's id.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Sequence number of the last event; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The workflow's name, empty before the first event.
    #[must_use]
    pub fn workflow(&self) -> &str {
        &self.workflow
    }

    /// The pinned version.
    #[must_use]
    pub fn version(&self) -> Option<Digest> {
        self.version
    }

    /// Versions of everything else it uses.
    #[must_use]
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// What came into it so far: no more than two of the three go together without a person.
    #[must_use]
    pub fn seen(&self) -> Traits {
        self.seen
    }

    /// What it was given.
    #[must_use]
    pub fn input(&self) -> &Payload {
        &self.input
    }

    /// `$context`.
    #[must_use]
    pub fn context(&self) -> &Payload {
        &self.context
    }

    /// Its output, when completed.
    #[must_use]
    pub fn output(&self) -> Option<&Payload> {
        self.output.as_ref()
    }

    /// Its error, when faulted.
    #[must_use]
    pub fn error(&self) -> Option<&WorkflowError> {
        self.error.as_ref()
    }

    /// When it began.
    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    /// When it ended.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// Whether a cancel was accepted.
    #[must_use]
    pub fn cancelling(&self) -> bool {
        self.cancelling || self.undoing
    }

    /// Whether what runs before this one did would be undone with its own: the events that say so, oldest first.
    pub fn undo_inherited(&self) -> impl Iterator<Item = u64> {
        let inherited = self.inherited;
        self.undo
            .iter()
            .map(|undo| undo.seq)
            .filter(move |seq| (1..=inherited).contains(seq))
    }

    /// Whether anything it did would be undone by a cancel.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// A cancel has stopped everything, and who else goes on behind what runs before this one did must be known before
    /// anything is undone.
    #[must_use]
    pub fn shares_undo(&self) -> bool {
        self.cancelling && !self.undoing && self.effects.is_empty() && self.undo_inherited().next().is_some()
    }

    /// What its model calls took so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// What the run took, has set aside and is in doubt about; empty where no budget holds.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Calls that nobody knows the bill of, oldest first: the newest thousand of them.
    #[must_use]
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// Effects that are not settled, oldest first.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter().map(|(_, effect)| &**effect)
    }

    /// One effect that is not settled.
    #[must_use]
    pub fn effect(&self, id: EffectId) -> Option<&Effect> {
        self.effects.get(id.0).map(|effect| &**effect)
    }

    /// Whether an agent's model asked for an effect.
    #[must_use]
    pub fn is_tool_call(&self, effect: &Effect) -> bool {
        let around = self.frame(effect.frame).and_then(|own| self.frame(own.parent?));
        around.is_some_and(|around| around.conversation.is_some())
    }

    /// What the agent of an effect has said and been told; none before its second turn.
    #[must_use]
    pub fn conversation(&self, effect: &Effect) -> Option<Arc<Conversation>> {
        match &effect.request {
            EffectRequest::Agent(call) if call.turn.is_some() => {
                self.frame(effect.frame)?.conversation.clone()
            }
            _ => None,
        }
    }

    /// Timers that have not fired. While a person holds the run, limits do not count: they are left out.
    pub fn timers(&self) -> impl Iterator<Item = &Timer> {
        let limit = |timer: &Timer| timer.purpose.is_limit();
        let over = self.cancelling || self.status.is_final();
        self.timers
            .iter()
            .map(|(_, timer)| timer)
            .filter(move |timer| !(over || self.suspended && limit(timer)))
    }

    /// The earliest of them.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers().map(|timer| timer.due).min()
    }

    /// Questions nobody has answered.
    pub fn approvals(&self) -> impl Iterator<Item = &PendingApproval> {
        self.approvals.iter().map(|(_, approval)| &**approval)
    }

    /// Task instances that listen for events, oldest first.
    pub fn listens(&self) -> impl Iterator<Item = (FrameId, &Listening)> {
        self.listens
            .iter()
            .filter_map(|(id, _)| Some((id, self.frame(id)?.listening.as_deref()?)))
    }

    /// Task instances that live, oldest first; the first is the workflow itself.
    pub fn frames(&self) -> impl Iterator<Item = (FrameId, &Frame)> {
        self.frames.iter().map(|(id, frame)| (id, &**frame))
    }

    pub(crate) fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.frames.get(id).map(|frame| &**frame)
    }

    pub(crate) fn frame_mut(&mut self, id: FrameId) -> Option<&mut Frame> {
        self.frames.get_mut(id).map(Arc::make_mut)
    }

    pub(crate) fn frame_of(&self, step: &StepId) -> Option<FrameId> {
        let bucket = self.by_step.get(bucket(&step.pointer, &step.iterations))?;
        bucket
            .iter()
            .copied()
            .find(|id| self.frame(*id).is_some_and(|frame| frame.step == *step))
    }
}

/// Where a step is kept in `by_step`: FNV-1a, the same in every build.
pub(super) fn bucket(pointer: &str, iterations: &[u32]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let bytes = iterations.iter().flat_map(|i| i.to_be_bytes());
    for byte in pointer.bytes().chain(bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash ^ (hash >> 32)) & 0xfff
}
