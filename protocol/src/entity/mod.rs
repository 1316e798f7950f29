//! The registry of kinds. Adding a kind is one new file here and one row in the list below; table, permission,
//! schema, list and form page, command line and audit follow from the row.
//!
//! A kind's file declares its body and its [`Definition`]; this module knows no behaviour of any.

mod access_token;
mod agent;
mod agent_retry;
mod agent_self_report;
mod agent_suggestion;
mod agent_tool;
mod agent_version;
mod approval_rule;
mod audit_log;
mod capability;
mod conversation;
mod definition;
mod document;
mod foreign_agent;
mod notification;
mod offer;
mod orchestration;
mod orchestration_rule;
mod orchestration_schedule;
mod orchestration_version;
mod organization;
mod schedule;
mod team;
mod user;
mod workflow;
mod workflow_approval;
mod workflow_execution;
mod workflow_version;

pub use access_token::AccessToken;
pub use agent::{Agent, AgentBudget, ContextPolicy, OnCut, WhenFull};
pub use agent_retry::{AgentRetry, AttemptLimit, IsoDuration, RetryBackoff, RetryLimit};
pub use agent_self_report::{AgentSelfReport, Assessment, RefusedSuggestion, ReviewFigures};
pub use agent_suggestion::{AgentSuggestion, SuggestionStatus};
pub use agent_tool::{
    AgentTool, CommandTool, Elicitation, FileTool, HttpTool, McpServer, McpSignIn, PublishedTool,
};
pub use agent_version::AgentVersion;
pub use approval_rule::{ApprovalRule, RuleAnswer, RuleScope, may_be_ruled, shape_of};
pub use audit_log::{AuditLog, Verdict};
pub use capability::{Capability, DeclaredCapability};
pub use conversation::Conversation;
pub use definition::{Column, Definition, Entity, Index, Relation, Writer};
pub use document::{Document, Metadata, Visibility};
pub use foreign_agent::{ForeignAgent, ForeignKind, ForeignOutput, KeepTree};
pub use notification::{Level, Notification};
pub use offer::{Offer, Offered, Over};
pub use orchestration::{Member, Orchestration, OrchestrationLimits, VoteRule, VoteRules};
pub use orchestration_rule::{OrchestrationRule, Preference};
pub use orchestration_schedule::OrchestrationSchedule;
pub use orchestration_version::OrchestrationVersion;
pub use organization::Organization;
pub use schedule::Schedule;
pub use team::Team;
pub use user::User;
pub use workflow::{Paused, Workflow};
pub use workflow_approval::{ApprovalStatus, Question, Vote, WorkflowApproval};
pub use workflow_execution::{Progress, Quarantine, Queued, WorkflowExecution};
pub use workflow_version::WorkflowVersion;

macro_rules! entities {
    ($($kind:ident),+ $(,)?) => {
        /// A kind of stored document.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub enum Kind { $(#[doc = concat!("See [`", stringify!($kind), "`].")] $kind,)+ }

        impl Kind {
            /// Every kind, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The kind's declaration.
            #[must_use]
            pub fn definition(self) -> &'static Definition {
                match self { $(Self::$kind => &<$kind as Entity>::DEFINITION,)+ }
            }

            /// `WorkflowExecution`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)+ }
            }
        }
    };
}

entities! {
    Agent,
    AgentVersion,
    AgentSelfReport,
    AgentSuggestion,
    Workflow,
    WorkflowVersion,
    WorkflowExecution,
    WorkflowApproval,
    Orchestration,
    OrchestrationVersion,
    OrchestrationRule,
    ApprovalRule,
    Offer,
    AccessToken,
    Schedule,
    Notification,
    AuditLog,
    User,
    Organization,
    Team,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Kind {
    /// The kind of its published versions, and their field that holds the draft's id; none where its documents are not
    /// published.
    #[must_use]
    pub const fn versions(self) -> Option<(Self, &'static str)> {
        match self {
            Self::Agent => Some((Self::AgentVersion, "agent")),
            Self::Workflow => Some((Self::WorkflowVersion, "workflow")),
            Self::Orchestration => Some((Self::OrchestrationVersion, "orchestration")),
            _ => None,
        }
    }

    /// Reads a kind as people write it: `Agent`, `agent`, `agents`, `workflow-execution`, `workflow_executions`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, '-' | '_' | ' '))
            .flat_map(char::to_lowercase)
            .collect();
        Self::ALL.iter().copied().find(|kind| {
            let singular = kind.as_str().to_lowercase();
            plain == singular
                || plain
                    == kind
                        .definition()
                        .plural
                        .to_lowercase()
                        .replace(['-', '_', ' '], "")
                || kind.definition().aliases.contains(&plain.as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_as_people_write_them() {
        for text in [
            "WorkflowExecution",
            "workflow-executions",
            "workflowexecution",
            "runs",
            "run",
        ] {
            assert_eq!(Kind::parse(text), Some(Kind::WorkflowExecution), "{text}");
        }
        assert_eq!(Kind::parse("spaceship"), None);
    }

    #[test]
    fn every_kind_has_a_schema_a_sample_that_fits_its_body_and_indexes_that_exist() {
        for kind in Kind::ALL {
            let definition = kind.definition();
            assert_eq!(definition.kind, *kind);
            let schema = (definition.schema)();
            let properties = schema["properties"].as_object().unwrap();
            for index in definition.indexes {
                let first = index.field.split('.').next().unwrap();
                assert!(
                    properties.contains_key(first),
                    "{kind}: index on unknown field {}",
                    index.field
                );
            }
            assert!(
                (definition.check)(&(definition.sample)()).is_ok(),
                "{kind}: sample does not fit"
            );
        }
    }
}
