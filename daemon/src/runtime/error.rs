//! Why the runtime did not do what was asked.

use std::time::Duration;

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::Status;
use dirigent_protocol::upgrade::RunCheck;
use dirigent_store::{CommitError, ReadError};
use jiff::Timestamp;

/// Why a call of the runtime failed; nothing changed unless it says `outcome unknown`.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Runs start runs that start runs.
    #[error("runs start runs more than {most} deep")]
    TooDeep {
        /// How deep is allowed.
        most: usize,
    },
    /// No such run.
    #[error("there is no run {run}")]
    UnknownRun {
        /// As asked.
        run: RunId,
    },
    /// No such approval.
    #[error("there is no approval {approval}")]
    UnknownApproval {
        /// As asked.
        approval: EntityId,
    },
    /// Somebody was first.
    #[error("the approval was {status} by {by}{}", at.map_or_else(String::new, |at| format!(" at {at}")))]
    AlreadyDecided {
        /// `approved`, `denied`, `expired`, `withdrawn`.
        status: String,
        /// Who decided.
        by: String,
        /// When.
        at: Option<Timestamp>,
    },
    /// What was shown is not what would run.
    #[error("the approval has changed: it has digest {wanted}, the decision names {given}")]
    Stale {
        /// The request's digest.
        wanted: String,
        /// The decision's digest.
        given: String,
    },
    /// Who decides is not who may.
    #[error("{who} may not decide this: {why}")]
    NotDecider {
        /// Who wants to.
        who: String,
        /// Who may, or what stands against it.
        why: String,
    },
    /// The changed content does not fit the schema that the workflow declares for it.
    #[error("the changed content does not fit: {0}")]
    BadEdit(String),
    /// A signed link that answers nothing.
    #[error("the link {0}")]
    BadLink(&'static str),
    /// A decision and what was to be done along with it do not go together.
    #[error("{0}")]
    NotAlso(&'static str),
    /// A question that cannot be asked.
    #[error("{0}")]
    BadQuestion(String),
    /// Nobody can answer a question about the request.
    #[error("{0}")]
    NoAgent(String),
    /// What was to be published is no event.
    #[error("{message}")]
    BadEvent {
        /// What is wrong.
        message: String,
        /// What to write instead.
        help: &'static str,
    },
    /// The input does not fit the workflow.
    #[error("the input does not fit: {detail}")]
    BadInput {
        /// Why.
        detail: String,
    },
    /// A run cannot go on from there.
    #[error("run {run}: {detail}")]
    NotFrom {
        /// The run.
        run: RunId,
        /// Why not.
        detail: String,
        /// What can be asked instead.
        help: &'static str,
    },
    /// Steps of the run would break under the other version.
    #[error("run {} cannot go on under that version: {}", .0.run, first(.0))]
    Breaks(Box<RunCheck>),
    /// The run went on while it was looked at.
    #[error("run {run} goes on faster than it can be looked at")]
    Overtaken {
        /// The run.
        run: RunId,
    },
    /// Runs go on under published versions alone.
    #[error("version {digest} of `{workflow}` is not published")]
    NotPublished {
        /// The workflow.
        workflow: String,
        /// The version's digest, short.
        digest: String,
    },
    /// No room for a new run.
    #[error("the disk of the daemon has {free_mib} MiB left; a new run needs {needed_mib} MiB to be free")]
    StorageFull {
        /// Free now.
        free_mib: u64,
        /// Least that must be free.
        needed_mib: u64,
    },
    /// The run is over.
    #[error("run {run} is {status} already")]
    Ended {
        /// The run.
        run: RunId,
        /// How it ended.
        status: Status,
    },
    /// The run is not in a state that allows this.
    #[error("run {run}: {detail}")]
    WrongState {
        /// The run.
        run: RunId,
        /// What is in the way.
        detail: String,
    },
    /// The idempotency key started another run.
    #[error("the idempotency key was used for run {run}, with another workflow or another input")]
    KeyReused {
        /// The run it started.
        run: RunId,
    },
    /// The version's document does not compile; it should not have been published.
    #[error("the workflow version cannot be run")]
    BadVersion {
        /// Every finding.
        details: Vec<dirigent_protocol::source::Diagnostic>,
    },
    /// A stored document does not have the shape of its kind.
    #[error("{what} cannot be read: {detail}")]
    BadDocument {
        /// Which.
        what: String,
        /// What does not fit.
        detail: String,
    },
    /// Something the run would pin does not exist.
    #[error("there is no {what}")]
    Missing {
        /// `agent \`reviewer\``.
        what: String,
    },
    /// It would have to wait, and cannot: it goes on from another run's state.
    #[error("a run of `{workflow}` would have to wait: {why}")]
    NoTurn {
        /// The definition.
        workflow: String,
        /// What is in the way.
        why: String,
    },
    /// The definition is not in a state that allows this.
    #[error("the workflow `{workflow}` is {state}")]
    WrongDefinition {
        /// Its name.
        workflow: String,
        /// What is in the way.
        state: &'static str,
    },
    /// Who started a run may not start another.
    #[error("a run of `{workflow}` may not be started: {why}")]
    MayNotStart {
        /// The definition.
        workflow: String,
        /// The door's words.
        why: String,
    },
    /// As many runs wait as may.
    #[error("{most} runs wait for their turn, and no more may")]
    QueueFull {
        /// How many.
        most: usize,
    },
    /// Too much at once.
    #[error("too much is waiting")]
    Overloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// The daemon is going down.
    #[error("the daemon is stopping")]
    Stopping,
    /// The store did not commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The daemon's own files.
    #[error("{what}: {source}")]
    Io {
        /// What was done to which file.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A defect of ours.
    #[error("internal: {0}")]
    Internal(&'static str),
}

/// The first step that breaks.
fn first(looked: &RunCheck) -> String {
    match looked.findings.iter().find(|finding| finding.breaks) {
        Some(finding) => format!(
            "event {}: step {}: {} ({})",
            finding.event, finding.step, finding.detail, finding.reason
        ),
        None => "nothing of it breaks".to_owned(),
    }
}

impl From<RuntimeError> for Fault {
    fn from(error: RuntimeError) -> Self {
        let text = error.to_string();
        let fault = |code| Self::new(code, text.clone());
        match error {
            RuntimeError::UnknownRun { .. }
            | RuntimeError::UnknownApproval { .. }
            | RuntimeError::Missing { .. } => fault(Code::NotFound),
            RuntimeError::AlreadyDecided { .. } => fault(Code::AlreadyDecided),
            RuntimeError::Stale { .. } => {
                fault(Code::Stale).help("look at the approval again, then decide on what it says now")
            }
            RuntimeError::BadInput { .. } => {
                fault(Code::Usage).help("nothing was started; give another input")
            }
            RuntimeError::Breaks(_) => fault(Code::WrongState)
                .help("`dirigent upgrade --check` names every such step, and what the draft can declare"),
            RuntimeError::Overtaken { .. } => fault(Code::Conflict)
                .help("pause it first: `dirigent runs pause RUN`, migrate it, then resume it"),
            RuntimeError::NotPublished { .. } => {
                fault(Code::NotFound).help("publish it first: `dirigent apply -f FILE`")
            }
            RuntimeError::NotFrom { help, .. } => fault(Code::WrongState).help(help),
            RuntimeError::Ended { .. } | RuntimeError::WrongState { .. } | RuntimeError::TooDeep { .. } => {
                fault(Code::WrongState)
            }
            RuntimeError::MayNotStart { .. } => fault(Code::NotPermitted),
            RuntimeError::WrongDefinition { .. } => fault(Code::WrongState),
            RuntimeError::NoTurn { .. } => fault(Code::WrongState)
                .help("ask again when one of them is over, or begin it anew: `dirigent runs retry RUN --from-start`"),
            RuntimeError::QueueFull { .. } => fault(Code::Overloaded)
                .help("ask again when some have begun, or cancel some: `dirigent runs list --status pending`"),
            RuntimeError::NotAlso(_) => fault(Code::Usage).help("decide without it; nothing was decided"),
            RuntimeError::BadEvent { help, .. } => fault(Code::Invalid).help(help),
            RuntimeError::NotDecider { .. } => fault(Code::NotPermitted)
                .help("one who may can hand it over: `dirigent approvals delegate ID --to USER`"),
            RuntimeError::BadEdit(_) => fault(Code::Invalid).help("nothing was decided"),
            RuntimeError::BadLink(_) => {
                fault(Code::NotPermitted).help("ask for a new one: `dirigent approvals link ID`")
            }
            RuntimeError::BadQuestion(_) => fault(Code::Usage).help("nothing was asked"),
            RuntimeError::NoAgent(_) => fault(Code::NoAgent)
                .help("name one in the workflow: `with: { agent: NAME }` of the `call: approval`"),
            RuntimeError::KeyReused { .. } => {
                fault(Code::Conflict).help("use a new key for a new run, or the same input for the same run")
            }
            RuntimeError::BadVersion { details } => fault(Code::Invalid).details(details),
            RuntimeError::BadDocument { .. } => fault(Code::Invalid),
            RuntimeError::StorageFull { .. } => fault(Code::StorageFull)
                .help("free space on the disk of the data directory, then ask again; what runs goes on"),
            RuntimeError::Overloaded { retry_after } => overloaded(&text, retry_after),
            RuntimeError::Stopping => fault(Code::Overloaded)
                .retry_after_ms(1_000)
                .help("ask again when the daemon is back"),
            RuntimeError::Commit(error) => commit_fault(&error, &text),
            RuntimeError::Read(ReadError::Rebuilding { retry_after, .. }) => overloaded(&text, retry_after),
            RuntimeError::Read(_) => fault(Code::StoreDamaged),
            RuntimeError::Io { .. } => fault(Code::Io),
            RuntimeError::Internal(_) => fault(Code::Internal),
        }
    }
}

fn overloaded(text: &str, retry_after: Duration) -> Fault {
    let ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
    Fault::new(Code::Overloaded, text).retry_after_ms(ms.max(1))
}

fn commit_fault(error: &CommitError, text: &str) -> Fault {
    match error {
        CommitError::Overloaded { retry_after } | CommitError::Rebuilding { retry_after } => {
            overloaded(text, *retry_after)
        }
        CommitError::Conflict(_) => Fault::new(Code::Conflict, text),
        CommitError::Full => {
            Fault::new(Code::StorageFull, text).help("free space on the disk of the data directory")
        }
        CommitError::RequestReused => Fault::new(Code::RequestIdReused, text),
        CommitError::Unknown => Fault::new(Code::OutcomeUnknown, text),
        CommitError::TooLarge { .. } => Fault::new(Code::TooLarge, text),
        CommitError::Fenced { .. } | CommitError::Failed(_) => Fault::new(Code::StoreFailed, text),
        CommitError::BlobMissing(_) => Fault::new(Code::Internal, text),
    }
}
