//! Calls that only read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent_use::AgentUse;
use crate::bus::{BusEvent, EventsQuery};
use crate::command::RunTarget;
use crate::count::{CountQuery, Counts};
use crate::dry_run::{DryRun, DryRunQuery};
use crate::entity::{ApprovalRule, Column, Definition, Document, Kind, OrchestrationRule};
use crate::filter::Filter;
use crate::graph::Graph;
use crate::id::{EntityId, RunId};
use crate::run::{Origin, RunEvent};
use crate::source::Diagnostic;
pub use crate::status::{DaemonStatus, RunsWaiting, StoreStatus, WallStatus};
use crate::upgrade::UpgradePage;

/// Most items of one page, whatever was asked.
pub const MAX_PAGE: u32 = 1_000;

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Query {
    /// One document.
    Get {
        /// Its kind.
        kind: Kind,
        /// Id, short id or name.
        id: String,
        /// Relations to follow.
        #[serde(default)]
        include: Vec<String>,
    },
    /// A page of documents.
    List(ListQuery),
    /// How many documents there are, by the values of their fields.
    Count(CountQuery),
    /// Earlier revisions of a document, newest first.
    History {
        /// Its kind.
        kind: Kind,
        /// Id, short id or name.
        id: String,
        /// Most items.
        limit: u32,
    },
    /// The kinds there are.
    Kinds {},
    /// The id of a run from its id, short id or prefix.
    ResolveRun {
        /// What a person typed.
        text: String,
    },
    /// Events of a run.
    RunEvents {
        /// The run.
        run: RunId,
        /// Only those behind this one.
        after: u64,
        /// Most items.
        limit: u32,
    },
    /// The graph of the version a run pinned.
    RunGraph {
        /// The run.
        run: RunId,
    },
    /// From which run it comes, and which come from it.
    RunLineage {
        /// The run.
        run: RunId,
    },
    /// The errors of a document, nothing stored.
    Validate {
        /// Name of the file, for messages.
        file: String,
        /// Its text.
        source: String,
    },
    /// Events of the bus, newest first; of a run, in its own order.
    Events(EventsQuery),
    /// What a rule would have answered, had it been there.
    RuleSimulate {
        /// The rule; it need not exist.
        rule: Box<ApprovalRule>,
    },
    /// What a draft is: its errors and its graph, nothing stored.
    Draft {
        /// Its text: one Open Workflow document.
        source: String,
    },
    /// What a draft would do, with sample outcomes: nothing is performed, nothing stored.
    DryRun(DryRunQuery),
    /// What another version of a workflow would mean for its runs that are not over; nothing is changed.
    UpgradeCheck {
        /// The draft, or the newest version of a stored workflow.
        target: RunTarget,
        /// Only this run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
        /// Only runs behind this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<RunId>,
        /// Most runs; clamped to 1..=100, 0 means 20.
        #[serde(default)]
        limit: u32,
    },
    /// Who uses a definition: definitions that name it, and runs that are not over with the version they pinned.
    UsedBy {
        /// Its kind.
        kind: Kind,
        /// Id, short id or name.
        id: String,
    },
    /// What a rule of routing would have chosen, over the choices that runs recorded.
    RouteSimulate {
        /// The rule; it need not exist.
        rule: Box<OrchestrationRule>,
    },
    /// What an agent took, over the runs that are kept.
    AgentUse {
        /// Id, short id or name.
        id: String,
    },
    /// A suggestion, held against its agent as it is now.
    Suggestion {
        /// Id or short id.
        id: String,
    },
    /// How members of an orchestration can work together.
    Strategies {},
    /// The workflow that an orchestration compiles to; nothing is stored.
    Compile {
        /// Its name.
        name: String,
        /// Its body.
        spec: Value,
    },
    /// Health, counts, lag, disk.
    Status {},
}

/// A page of documents of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListQuery {
    /// Their kind.
    pub kind: Kind,
    /// Which ones.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Field to order by, `-` in front for descending; default is newest first.
    #[serde(default)]
    pub order: Option<String>,
    /// Most items; clamped to 1..=[`MAX_PAGE`], 0 means 50.
    #[serde(default)]
    pub limit: u32,
    /// Where the page before ended.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Relations to follow.
    #[serde(default)]
    pub include: Vec<String>,
}

impl ListQuery {
    /// All of a kind, newest first, first page.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            filter: None,
            order: None,
            limit: 0,
            cursor: None,
            include: Vec::new(),
        }
    }
}

/// What a query answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum QueryReply {
    /// One document.
    Document(Box<Document>),
    /// A page of documents.
    Page {
        /// The documents.
        items: Vec<Document>,
        /// Where the next page begins.
        #[serde(default)]
        next: Option<String>,
    },
    /// How many documents there are.
    Counts(Counts),
    /// The kinds there are.
    Kinds(Vec<KindInfo>),
    /// A run's id.
    Run {
        /// The run.
        run: RunId,
    },
    /// Events of a run.
    Events {
        /// In order.
        events: Vec<RunEvent>,
        /// Number of the newest event there is.
        last: u64,
    },
    /// From which run one comes, and which come from it.
    Lineage {
        /// Where it comes from.
        #[serde(default)]
        origin: Option<Origin>,
        /// What comes from it, oldest first.
        #[serde(default)]
        offspring: Vec<Offspring>,
    },
    /// Events of the bus.
    BusEvents {
        /// The events.
        items: Vec<BusEvent>,
        /// Where the next page begins.
        #[serde(default)]
        next: Option<String>,
    },
    /// A graph.
    Graph(Graph),
    /// Errors and warnings; empty is fine.
    Diagnostics(Vec<Diagnostic>),
    /// What a rule would have answered.
    Simulated(Simulation),
    /// What a draft is.
    Draft {
        /// Errors and warnings; empty is fine.
        findings: Vec<Diagnostic>,
        /// Its graph, unless errors keep it from being read.
        #[serde(default)]
        graph: Option<Graph>,
    },
    /// What a draft would do.
    DryRun(Box<DryRun>),
    /// What another version would mean for runs.
    Upgrade(UpgradePage),
    /// Who uses a definition.
    UsedBy(Vec<Use>),
    /// What an agent took.
    AgentUse(AgentUse),
    /// A suggestion, held against its agent as it is now.
    Suggestion(Box<SuggestionLook>),
    /// What a rule of routing would have chosen.
    RouteSimulated(RouteSimulation),
    /// Strategies of orchestrations.
    Strategies(Vec<StrategyRow>),
    /// What an orchestration compiles to.
    Compiled {
        /// The document; none where errors keep it from being made.
        #[serde(default)]
        document: Option<Value>,
        /// Errors and warnings; places are pointers into the body.
        findings: Vec<Diagnostic>,
    },
    /// Health.
    Status(Box<DaemonStatus>),
}

/// A suggestion, held against its agent as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuggestionLook {
    /// The suggestion.
    pub suggestion: Document,
    /// Number of the agent's newest version.
    pub number: u64,
    /// Digest of that version; empty where an older daemon does not say.
    #[serde(default)]
    pub digest: String,
    /// That version's definition; of one that was accepted, the definition its draft changes.
    pub now: Value,
    /// The definition with the change; none where it does not fit any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Value>,
    /// It was made of an older version and is carried over.
    #[serde(default)]
    pub carried_over: bool,
    /// Why it does not fit any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
}

/// Somebody who uses a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Kind of who uses it; a run is a `WorkflowExecution`.
    pub kind: Kind,
    /// Its id.
    pub id: EntityId,
    /// Its name; of a run, that of its workflow.
    pub name: String,
    /// Where a run stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The digest that is pinned; none takes the newest version whenever it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The number of that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// What a rule of routing would have chosen, over the newest runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteSimulation {
    /// Runs that were looked at.
    pub runs: u32,
    /// Choices in them.
    pub choices: u32,
    /// Of them, those it would have made.
    pub covered: u32,
    /// Of them, those it would have made the same way.
    pub same: u32,
    /// Choices it is about where it leaves nobody: another rule would have been asked.
    pub left_nobody: u32,
    /// Choices it would have made otherwise, newest first; at most a hundred.
    pub differs: Vec<OtherRoute>,
}

/// A choice that a rule would have made otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherRoute {
    /// The run.
    pub run: RunId,
    /// The capability.
    pub capability: String,
    /// Who was chosen.
    pub chosen: String,
    /// Who would have been.
    pub would: String,
    /// Why.
    pub why: String,
}

/// A strategy of orchestrations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyRow {
    /// As it is written.
    pub name: String,
    /// One line.
    pub about: String,
    /// Somebody may lead.
    pub led: bool,
}

/// A run that comes from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offspring {
    /// The run.
    pub run: RunId,
    /// From where, and how.
    pub origin: Origin,
}

/// What a rule would have answered, over the decisions that are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Simulation {
    /// Decisions of people that were looked at.
    pub looked_at: u32,
    /// Of them, those it would have answered.
    pub covered: u32,
    /// Of them, those it would have answered as the person did.
    pub agrees: u32,
    /// Of them, those a rule that denies would have answered first.
    pub denied_first: u32,
    /// Requests that wait and would be answered now.
    pub waiting: u32,
    /// Decisions it would have made otherwise, newest first; at most a hundred.
    pub differs: Vec<Difference>,
}

/// A decision that a rule would have made otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The approval.
    pub approval: EntityId,
    /// What was asked.
    pub title: String,
    /// What was decided: `approved`, `denied`, `edited`.
    pub decided: String,
    /// By whom.
    pub by: String,
    /// What the rule says: `allow`, `deny`.
    pub rule: String,
}

/// A kind, for clients that do not know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KindInfo {
    /// `WorkflowExecution`.
    pub name: String,
    /// One line.
    pub about: String,
    /// JSON Schema of the body.
    pub schema: Value,
    /// Columns of a list: heading and field.
    pub columns: Vec<(String, String)>,
}

impl From<&Definition> for KindInfo {
    fn from(definition: &Definition) -> Self {
        Self {
            name: definition.kind.as_str().to_owned(),
            about: definition.about.to_owned(),
            schema: (definition.schema)(),
            columns: definition
                .columns
                .iter()
                .map(|Column { title, field }| ((*title).to_owned(), (*field).to_owned()))
                .collect(),
        }
    }
}
