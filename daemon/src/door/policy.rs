//! The rules. Pure: who, what, on what.

use std::fmt;

use dirigent_protocol::entity::{Document, Kind, Visibility, Writer};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;

use super::denial::Denial;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Look at documents, events, figures.
    Read,
    /// Make a document.
    Create,
    /// Change a document.
    Update,
    /// Delete a document.
    Delete,
    /// Apply a file of definitions.
    Apply,
    /// Publish an earlier version again.
    Restore,
    /// Try an agent out.
    AgentTry,
    /// Let an agent look back on its work.
    AgentReview,
    /// Accept or decline what an agent suggests of itself.
    SuggestionDecide,
    /// Start a run.
    RunStart,
    /// Stop a run.
    RunCancel,
    /// Pause a run.
    RunPause,
    /// Let a paused run go on.
    RunResume,
    /// Let a run go on that was set aside.
    RunRelease,
    /// Pause a workflow, or let it go on.
    WorkflowSteer,
    /// Try an ended run again, as a new one.
    RunRetry,
    /// Go on from an event of a run, as a new one.
    RunFork,
    /// Let a run go on under another version.
    RunMigrate,
    /// Delete runs that are over.
    RunPrune,
    /// Decide an approval.
    ApprovalDecide,
    /// Ask an agent about an approval.
    ApprovalAsk,
    /// Let somebody else decide an approval.
    ApprovalDelegate,
    /// Change what an approval asks.
    ApprovalAmend,
    /// Make a signed link for an approval.
    ApprovalLink,
    /// Say what became of an unknown effect.
    EffectResolve,
    /// Put an event on the bus.
    EventPublish,
    /// Pause a schedule, or let it go on.
    ScheduleSteer,
    /// End the daemon.
    DaemonStop,
    /// Stop everything, or let it go on.
    EmergencyStop,
    /// Connect.
    Hello,
}

impl Action {
    /// The word in the audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Apply => "apply",
            Self::Restore => "restore",
            Self::AgentTry => "agent.try",
            Self::AgentReview => "agent.review",
            Self::SuggestionDecide => "suggestion.decide",
            Self::RunStart => "run.start",
            Self::RunCancel => "run.cancel",
            Self::RunPause => "run.pause",
            Self::RunResume => "run.resume",
            Self::RunRelease => "run.release",
            Self::WorkflowSteer => "workflow.steer",
            Self::RunRetry => "run.retry",
            Self::RunFork => "run.fork",
            Self::RunMigrate => "run.migrate",
            Self::RunPrune => "run.prune",
            Self::ApprovalDecide => "approval.decide",
            Self::ApprovalAsk => "approval.ask",
            Self::ApprovalDelegate => "approval.delegate",
            Self::ApprovalAmend => "approval.amend",
            Self::ApprovalLink => "approval.link",
            Self::EffectResolve => "effect.resolve",
            Self::EventPublish => "event.publish",
            Self::ScheduleSteer => "schedule.steer",
            Self::DaemonStop => "daemon.stop",
            Self::EmergencyStop => "emergency.stop",
            Self::Hello => "hello",
        }
    }
}

/// What it is to be done to.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// The daemon itself.
    Daemon,
    /// Documents of a kind.
    Kind(Kind),
    /// A document.
    Document(&'a Document),
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon => f.write_str("Daemon"),
            Self::Kind(kind) => f.write_str(kind.as_str()),
            Self::Document(document) => write!(f, "{}/{}", document.kind, document.metadata.name),
        }
    }
}

/// Whether the subject may see the document at all. `in_team` says whether they belong to a team.
pub(super) fn sees(subject: &Subject, document: &Document, in_team: &dyn Fn(EntityId) -> bool) -> bool {
    let meta = &document.metadata;
    if meta.org != subject.org {
        return false;
    }
    if subject.administrator || meta.owner == subject.user || meta.shared_with.contains(&subject.user) {
        return true;
    }
    if document.kind == Kind::AuditLog {
        return false;
    }
    match meta.visibility {
        Visibility::Organization => true,
        Visibility::Team => meta.team.is_some_and(in_team),
        Visibility::Private => false,
    }
}

/// Kinds that only administrators write.
const ADMINISTRATORS: &[Kind] = &[Kind::User, Kind::Organization, Kind::Team, Kind::Offer];

/// The one decision.
pub(super) fn decide(
    subject: &Subject,
    action: Action,
    object: &Object<'_>,
    in_team: &dyn Fn(EntityId) -> bool,
) -> Result<(), Denial> {
    if let Object::Document(document) = object
        && !sees(subject, document, in_team)
    {
        let what = document.metadata.name.clone();
        return Err(Denial::Hidden {
            kind: document.kind,
            what,
        });
    }
    let kind = match object {
        Object::Daemon => None,
        Object::Kind(kind) => Some(*kind),
        Object::Document(document) => Some(document.kind),
    };
    let writes = matches!(action, Action::Create | Action::Update | Action::Delete);
    if let Some(kind) = kind
        && writes
        && kind.definition().writer == Writer::Daemon
    {
        return Err(Denial::DaemonWrites { kind });
    }
    if subject.administrator {
        return Ok(());
    }
    let needs_administrator = match action {
        Action::DaemonStop | Action::EmergencyStop | Action::RunPrune => true,
        Action::Read => kind == Some(Kind::AuditLog),
        _ => writes && kind.is_some_and(|kind| ADMINISTRATORS.contains(&kind)),
    };
    if needs_administrator {
        return Err(Denial::NeedsAdministrator {
            action: action.as_str(),
            object: object.to_string(),
        });
    }
    if let Object::Document(document) = object
        && is_for_owners(action)
        && document.metadata.owner != subject.user
    {
        return Err(Denial::NeedsOwner {
            action: action.as_str(),
            object: object.to_string(),
        });
    }
    Ok(())
}

/// What only owners do with a document, and administrators.
const fn is_for_owners(action: Action) -> bool {
    matches!(
        action,
        Action::Update
            | Action::Restore
            | Action::SuggestionDecide
            | Action::Delete
            | Action::RunCancel
            | Action::RunPause
            | Action::RunResume
            | Action::RunRelease
            | Action::WorkflowSteer
            | Action::RunRetry
            | Action::RunFork
            | Action::RunMigrate
            | Action::ScheduleSteer
    )
}
