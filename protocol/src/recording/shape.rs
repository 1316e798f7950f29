//! The shape of a recorded test.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Payload;
use crate::digest::Digest;
use crate::entity::Agent;
use crate::id::{EntityId, RunId};
use crate::run::{
    Amounts, ApprovalRequest, Budget, BusPosition, DecisionRecord, EffectOutcome, EffectRequest, Lineage,
    Moved, Pins, Resolution, Status, StepId, TimerPurpose, Traits, WorkflowError,
};

/// The first line of every file: what it is, and which shape it has.
pub const FORMAT: &str = "dirigent/recorded-test@1";

/// A recorded test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// [`FORMAT`].
    pub format: String,
    /// What it is for, in the words of whoever keeps it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The run it was made of.
    pub run: RunId,
    /// The version the run was on.
    pub workflow: RecordedWorkflow,
    /// Versions it was on before that one, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<RecordedWorkflow>,
    /// Agents it pinned, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<String, RecordedAgent>,
    /// The most it might take, as its starter said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What had come into the run that started it.
    #[serde(default, skip_serializing_if = "Traits::is_empty")]
    pub seen: Traits,
    /// It only tried agents out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trial: bool,
    /// What it was given.
    pub input: Payload,
    /// When it began, by the engine's clock.
    pub started_at: Timestamp,
    /// Ids that were drawn for it, in order: of approvals and emitted events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<EntityId>,
    /// What came from outside, in order.
    #[serde(default)]
    pub boundary: Vec<Moment>,
    /// What it did.
    pub expect: Expected,
}

/// The document of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedWorkflow {
    /// Its name.
    pub name: String,
    /// The author's version.
    #[serde(default)]
    pub version: String,
    /// The digest the run pinned.
    pub digest: Digest,
    /// Where its file lies, from where the test lies: held against the test where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its text as it was published.
    pub source: String,
}

/// An agent as the run pinned it: its prompts, its schemas, its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedAgent {
    /// The digest the run pinned.
    pub digest: Digest,
    /// What it was.
    pub definition: Agent,
}

/// Something that came from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What came from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// An effect ended: a model, a tool, a request, a command, a run of another workflow.
    Effect(Box<EffectMoment>),
    /// A time came.
    Timer {
        /// The step it was set for.
        step: StepId,
        /// What for.
        purpose: TimerPurpose,
    },
    /// Somebody decided, or voted.
    Decision {
        /// The step that asked.
        step: StepId,
        /// What they said.
        record: DecisionRecord,
    },
    /// Somebody changed what was asked.
    Amendment {
        /// The step that asked.
        step: StepId,
        /// The new content.
        payload: Payload,
        /// Who.
        by: String,
    },
    /// Somebody was to decide in the place of another.
    Delegation {
        /// The step that asked.
        step: StepId,
        /// In whose place.
        from: String,
        /// Who then.
        to: String,
        /// Who said so.
        by: String,
    },
    /// An event of the bus was taken.
    Event {
        /// The step that listened.
        step: StepId,
        /// Where it stood on the bus.
        place: BusPosition,
        /// The event.
        event: Payload,
    },
    /// A person said what became of an effect.
    Resolution {
        /// Its step.
        step: StepId,
        /// Its attempt.
        attempt: u32,
        /// Which visit of the step, from 1.
        visit: u32,
        /// What they said.
        resolution: Resolution,
        /// Who.
        by: String,
    },
    /// A person stopped it.
    Cancel {
        /// Who.
        by: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A person held it.
    Pause {
        /// Who.
        by: String,
    },
    /// A person let it go on.
    Resume {
        /// Who.
        by: String,
    },
    /// The daemon began again with effects in flight.
    Restart {},
    /// What happened so far was another run's; from here on it went on as the recorded one.
    Fork {
        /// The other run.
        origin: RunId,
        /// How the one came from the other.
        how: Lineage,
        /// Another input; none keeps it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Payload>,
        /// Events that count of what came of the moment before: it may have gone on in the middle of a decision.
        behind: u32,
    },
    /// It went on under the next of its versions.
    Migrate {
        /// Who wanted it.
        by: String,
        /// Tasks that stand elsewhere in that one, or not at all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        moved: Vec<Moved>,
        /// Tasks of it that the run goes without.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        passed: Vec<Arc<str>>,
        /// Versions of what it uses and the other did not.
        #[serde(default)]
        pins: Pins,
    },
    /// It was known what of the work of runs before it was left to others that go on behind it.
    Undo {
        /// The last event whose work was left.
        left: u64,
    },
}

/// An effect and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectMoment {
    /// Its step.
    pub step: StepId,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// Which visit of the step at that attempt, from 1: a flow may come by a step again.
    pub visit: u32,
    /// What was asked for.
    pub request: EffectRequest,
    /// Set aside of budgets for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Amounts>,
    /// How it ended.
    pub outcome: EffectOutcome,
}

/// What the run did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// How it ended.
    pub status: Status,
    /// Its output, where it completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Payload>,
    /// Its error, where it faulted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WorkflowError>,
    /// Its steps, in the order they began.
    #[serde(default)]
    pub steps: Vec<Taken>,
    /// What people were asked, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// Events it put on the bus, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emitted: Vec<Payload>,
}

/// A step that was come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The step.
    pub step: StepId,
    /// How it ended: `completed`, `faulted`, `cancelled`, `skipped`.
    pub ended: Arc<str>,
}

/// A question to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The step that asked.
    pub step: StepId,
    /// What was shown.
    pub request: ApprovalRequest,
}

impl Recording {
    /// Effects that ended, in that order.
    pub fn effects(&self) -> impl Iterator<Item = &EffectMoment> {
        self.boundary.iter().filter_map(|moment| match &moment.what {
            What::Effect(effect) => Some(&**effect),
            _ => None,
        })
    }

    /// As JSON, for files.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}
