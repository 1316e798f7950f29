//! What goes in and out of the runtime's door.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dirigent_config::daemon::{SandboxPolicy, ShellPolicy, WallsPolicy};
use dirigent_protocol::entity::Document;
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::RunsWaiting;
use dirigent_protocol::run::{Budget, EffectKind, Sandbox, Status, StepId, Traits, Waiting};
use dirigent_providers::{PriceTable, Registry};
use dirigent_store::Position;
use jiff::Timestamp;
use serde_json::Value;

use super::admission::gate::Most;
use super::admission::space::Space;
use super::effects::Performer;
use super::policy::Policy;
use super::retention::Kept;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::door::Door;
use crate::sandbox::Profile;
use crate::swap::Swap;

/// Largest output of a step that fits a record with everything around it, bytes.
const MAX_OUTPUT: usize = 900 << 10;

/// What to start.
#[derive(Debug, Clone)]
pub struct StartRun {
    /// The pinned `WorkflowVersion`.
    pub version: Document,
    /// Its input.
    pub input: Value,
    /// The same key does not start a second run in the organisation.
    pub idempotency_key: Option<String>,
    /// Labels of the run's document.
    pub labels: BTreeMap<String, String>,
    /// The run and the step that start it, where it is a run of a run.
    pub parent: Option<(RunId, StepId)>,
}

/// What whoever starts a run says beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// The most it may take; what the document says holds beside it.
    pub budget: Option<Budget>,
    /// Higher goes first where runs wait; what the document says where none is given.
    pub priority: Option<i32>,
    /// What came into the run that starts it.
    pub seen: Traits,
    /// It only tries agents out.
    pub trial: bool,
}

/// A run that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// It existed before this call.
    pub existing: bool,
    /// Where it stands.
    pub status: Status,
}

/// Figures of this moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Runs that are not over, by status.
    pub runs: BTreeMap<Status, u64>,
    /// Runs that ended since the runtime was opened, by status.
    pub ended: BTreeMap<Status, u64>,
    /// What the store held when it was opened: runs that ended by then are not in `ended`.
    pub since: Position,
    /// Runs that had ended by then and were deleted.
    pub deleted_before: u64,
    /// Those of them in memory.
    pub loaded: u64,
    /// Approvals that wait.
    pub approvals_pending: u64,
    /// Effects being performed, by kind.
    pub in_flight: BTreeMap<EffectKind, u64>,
    /// Effects that wait for a permit.
    pub queued: u64,
    /// Runs that were set aside after repeated deaths of the daemon.
    pub quarantined: u64,
    /// Runs that were refused at a door, by what they wait for: the first of them that asks again, and how many.
    pub(crate) waiting: BTreeMap<String, (Timestamp, u64)>,
}

impl Counts {
    /// Counts a run that waits.
    pub(crate) fn note_waiting(&mut self, waits: &Waiting) {
        let (until, runs) = self.waiting.entry(waits.what.clone()).or_insert((waits.until, 0));
        *until = (*until).min(waits.until);
        *runs += 1;
    }

    /// What runs wait for.
    #[must_use]
    pub fn waits(&self) -> Vec<RunsWaiting> {
        let told = |(what, (until, runs)): (&String, &(Timestamp, u64))| RunsWaiting {
            what: what.clone(),
            until: *until,
            runs: *runs,
        };
        self.waiting.iter().map(told).collect()
    }

    /// Effects that do something: one that only waits for a run of its own does not keep the daemon.
    pub(crate) fn at_work(&self) -> u64 {
        let counted = self
            .in_flight
            .iter()
            .filter(|(kind, _)| **kind != EffectKind::Workflow);
        counted.map(|(_, count)| count).sum()
    }
}

/// How the runtime behaves; made from the configuration.
#[derive(Debug, Clone)]
pub struct RuntimeSettings {
    /// Directory for what must outlive the process beside the store: process groups of commands, working directories.
    pub data_dir: PathBuf,
    /// Whether `run: shell` is performed at all.
    pub shell: bool,
    /// What commands are kept to; none is nothing.
    pub sandbox: Option<Profile>,
    /// The loosest that programs of agents may ask for.
    pub agent_sandbox: Sandbox,
    /// What stands around their sandbox.
    pub sandbox_walls: WallsPolicy,
    /// Effects in flight by kind; a kind without a row has no limit of its own.
    pub permits: BTreeMap<EffectKind, usize>,
    /// Effects in flight together, `noop` aside.
    pub permits_total: usize,
    /// Largest output of one step, bytes.
    pub max_output_bytes: usize,
    /// `host:port` that may be reached although it is not public.
    pub egress_allow: Vec<String>,
    /// How long an approval waits when its document does not say.
    pub approval_expiry: Duration,
    /// Whether who started a run may approve what it asks, where its document does not say.
    pub self_approval: bool,
    /// Which runs are deleted after a while.
    pub(crate) retention: Kept,
    /// From SIGTERM to SIGKILL of a cancelled command.
    pub kill_grace: Duration,
    /// Deaths of the daemon with a run in hand, without progress between them, before it is set aside.
    pub max_crashes: u32,
    /// Runs that go at once, of all workflows; none is without end. Runs of runs are not held by it.
    pub max_running: Option<usize>,
    /// Runs that may wait for their turn.
    pub max_queued: usize,
    /// The program that is re-executed as `PROGRAM expression-worker` and `PROGRAM sandbox`; none is the running executable.
    pub worker_program: Option<PathBuf>,
    /// Wall budget of one expression in the worker.
    pub expression_budget: Duration,
}

impl RuntimeSettings {
    /// Defaults with everything under `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            shell: true,
            sandbox: None,
            agent_sandbox: Sandbox::Build,
            sandbox_walls: WallsPolicy::Found,
            permits: BTreeMap::from([
                (EffectKind::Noop, 1_024),
                (EffectKind::Http, 32),
                (EffectKind::Shell, 4),
                (EffectKind::Agent, 8),
                (EffectKind::Mcp, 8),
                (EffectKind::File, 8),
            ]),
            permits_total: 64,
            max_output_bytes: 1 << 20,
            egress_allow: Vec::new(),
            approval_expiry: Duration::from_secs(72 * 3_600),
            self_approval: true,
            retention: Kept::default(),
            kill_grace: Duration::from_secs(10),
            max_crashes: 3,
            max_running: None,
            max_queued: 100_000,
            worker_program: None,
            expression_budget: Duration::from_millis(500),
        }
    }

    /// From the configuration.
    #[must_use]
    pub fn of(config: &dirigent_config::DaemonConfig, data_dir: impl Into<PathBuf>) -> Self {
        let limits = config.run.concurrency;
        let mut settings = Self::new(data_dir);
        settings.shell = config.run.shell == ShellPolicy::Allow;
        settings.sandbox = Profile::of(sandbox(config.run.sandbox));
        settings.agent_sandbox = sandbox(config.run.agent_sandbox);
        settings.sandbox_walls = config.run.sandbox_walls;
        settings.permits.insert(EffectKind::Http, limits.http);
        settings.permits.insert(EffectKind::Shell, limits.shell);
        settings.permits.insert(EffectKind::Agent, limits.agent);
        settings.permits_total = limits.total;
        settings.max_output_bytes = usize::try_from(config.run.max_output_bytes).unwrap_or(usize::MAX);
        settings.max_crashes = config.run.max_crashes;
        settings.max_running = Some(config.run.max_running).filter(|most| *most > 0);
        settings.max_queued = config.run.max_queued;
        settings.egress_allow.clone_from(&config.egress.allow);
        settings.approval_expiry = config.approvals.default_expiry;
        settings.self_approval =
            config.approvals.self_approval == dirigent_config::daemon::SelfApproval::Allow;
        settings.retention = Kept {
            runs: Duration::from_secs(u64::from(config.retention.runs_days) * 24 * 3_600),
            newest: config.retention.newest,
        };
        settings
    }

    /// How many runs there may be.
    pub(crate) fn most(&self) -> Most {
        Most {
            going: self.max_running,
            waiting: Some(self.max_queued),
        }
    }

    /// The part of it that a reload may change.
    pub(crate) fn policy(&self, providers: Arc<Registry>, prices: Arc<PriceTable>) -> Policy {
        Policy {
            shell: self.shell,
            sandbox: self.sandbox,
            agent_sandbox: self.agent_sandbox,
            sandbox_walls: self.sandbox_walls,
            max_output_bytes: self.max_output_bytes.min(MAX_OUTPUT),
            approval_expiry: self.approval_expiry,
            self_approval: self.self_approval,
            retention: self.retention,
            providers,
            prices,
        }
    }
}

/// The configuration's word for it.
const fn sandbox(policy: SandboxPolicy) -> Sandbox {
    match policy {
        SandboxPolicy::Host => Sandbox::Host,
        SandboxPolicy::Online => Sandbox::Online,
        SandboxPolicy::Build => Sandbox::Build,
        SandboxPolicy::Pure => Sandbox::Pure,
    }
}

/// What the runtime stands on.
#[derive(Clone)]
pub struct Rooms {
    /// The store.
    pub store: Arc<dyn dirigent_store::Store>,
    /// The lease of the daemon as it is now: a driver commits under the one it took its run up under.
    pub fence: Arc<Swap<Option<dirigent_store::Fence>>>,
    /// The model clients.
    pub providers: Arc<dirigent_providers::Registry>,
    /// What their calls cost.
    pub prices: Arc<dirigent_providers::PriceTable>,
    /// The clock.
    pub clock: Clock,
    /// Ids and random numbers.
    pub chance: Arc<dyn Chance>,
    /// Performers in the place of the daemon's own, each for its kind; usually none.
    pub performers: Vec<Arc<dyn Performer>>,
    /// Asked before a run starts another; none lets every run through.
    pub door: Option<Arc<Door>>,
    /// What the disk has room for as the runs are taken up.
    pub space: Space,
    /// How to behave.
    pub settings: RuntimeSettings,
}
