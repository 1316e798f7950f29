//! A runtime over a real store in a directory of its own, and runs of `noop` steps in it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dirigent_daemon::clock;
use dirigent_daemon::records::{Actor, BOOTSTRAP_USER, DEFAULT_ORG, Draft, Records, put};
use dirigent_daemon::runtime::{Rooms, RuntimeHandle, RuntimeSettings, StartRun};
use dirigent_protocol::command::Command;
use dirigent_protocol::entity::{Document, Kind, WorkflowExecution, WorkflowVersion};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::run::Status;
use dirigent_providers::{PriceTable, Registry};
use dirigent_store::{MaintainBudget, Options, Position, Store, Txn};
use serde_json::json;
use tempfile::TempDir;

use crate::cpu::{self, ByThread};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// A runtime and its store.
pub(crate) struct Bed {
    store: Arc<dyn Store>,
    runtime: RuntimeHandle,
    _dir: TempDir,
}

/// What some runs took.
pub(crate) struct Took {
    /// Steps of all runs together.
    pub(crate) steps: u64,
    /// From the first start until the last end is durable.
    pub(crate) time: Duration,
    pub(crate) commits: u64,
    /// Groups of the journal: one write and one sync each.
    pub(crate) syncs: u64,
    /// Bytes the journal grew by.
    pub(crate) bytes: u64,
    pub(crate) cpu: ByThread,
}

impl Bed {
    pub(crate) async fn open(parent: &Path) -> Result<Self, Box<dyn Error>> {
        let dir = tempfile::tempdir_in(parent)?;
        let store = dirigent_store::open(Options::new(dir.path().join("store")))?;
        let mut settings = RuntimeSettings::new(dir.path());
        settings.worker_program = Some(env!("CARGO_BIN_EXE_dirigentd").into());
        let providers = Registry::open(&[], BTreeMap::new(), "rehearsal/rehearsal", Duration::ZERO)
            .map_err(|errors| format!("{errors:?}"))?;
        let rooms = Rooms {
            store: store.clone(),
            fence: Arc::default(),
            providers: Arc::new(providers),
            prices: Arc::new(PriceTable::default()),
            clock: clock::system(),
            chance: dirigent_daemon::chance::system(),
            door: None,
            performers: Vec::new(),
            space: dirigent_daemon::runtime::Space::Enough,
            settings,
        };
        Ok(Self {
            store,
            runtime: RuntimeHandle::open(rooms).await?,
            _dir: dir,
        })
    }

    /// A version of `steps` steps, one after the other.
    pub(crate) async fn publish(&self, name: &str, steps: u64) -> Result<Document, Box<dyn Error>> {
        let mut text =
            format!("document: {{ dsl: '1.0.3', namespace: bench, name: {name}, version: '0.1.0' }}\ndo:\n");
        for at in 0..steps {
            writeln!(text, "  - s{at}: {{ call: noop }}")?;
        }
        let workflow = dirigent_engine::load("bench.yaml", &text).map_err(|found| format!("{found:?}"))?;
        let body = WorkflowVersion {
            workflow: EntityId::nil(),
            workflow_name: workflow.name().into(),
            digest: workflow.digest().to_string(),
            version: workflow.version().into(),
            number: 1,
            source: text,
            document: (**workflow.definition()).clone(),
        };
        let draft = Draft::of(Kind::WorkflowVersion, "", serde_json::to_value(&body)?);
        let document = draft.document(clock::system()());
        let mut txn = Txn::default();
        put(&mut txn, None, &document)?;
        self.store.commit(txn).await?;
        Ok(document)
    }

    /// Starts `runs` at once and waits until all are over.
    pub(crate) async fn perform(
        &self,
        version: &Document,
        runs: u64,
        steps: u64,
    ) -> Result<Took, Box<dyn Error>> {
        let (before, cpu) = (self.store.stats(), cpu::by_thread());
        let begun = Instant::now();
        let started = futures::future::try_join_all((0..runs).map(|_| {
            let start = StartRun {
                version: version.clone(),
                input: json!({}),
                idempotency_key: None,
                labels: BTreeMap::new(),
                parent: None,
            };
            self.runtime.start(start, somebody())
        }));
        let started = started.await?;
        // A run commits its start and every outcome: waiting for the last of all wakes once, and disturbs nothing.
        let mut seen = Position(before.head.0 + runs * (steps + 1) - 1);
        loop {
            let head = self.store.wait(seen, PATIENCE).await;
            let over = started.iter().try_fold(true, |over, started| {
                Ok::<_, Box<dyn Error>>(over && self.completed(started.run)?)
            });
            if over? {
                break;
            }
            if head <= seen {
                return Err("the runs do not end".into());
            }
            seen = head;
        }
        let (time, after) = (begun.elapsed(), self.store.stats());
        Ok(Took {
            steps: runs * steps,
            time,
            commits: after.commits - before.commits,
            syncs: after.groups - before.groups,
            bytes: after.journal_bytes - before.journal_bytes,
            cpu: cpu::since(&cpu),
        })
    }

    fn completed(&self, run: RunId) -> Result<bool, Box<dyn Error>> {
        let records = Records::new(self.store.clone());
        let found = records.get(Kind::WorkflowExecution, run.into())?;
        let execution: WorkflowExecution = found.ok_or("a run without its document")?.document.body()?;
        match execution.status {
            Status::Completed => Ok(true),
            status if status.is_final() => Err(format!("a run ended {status:?}: {}", execution.error).into()),
            _ => Ok(false),
        }
    }

    /// Until the store has nothing left to do in the background.
    pub(crate) async fn settle(&self) -> Result<(), Box<dyn Error>> {
        let budget = MaintainBudget {
            settle: Some(PATIENCE),
            ..MaintainBudget::default()
        };
        self.store.maintain(budget).await?;
        Ok(())
    }

    pub(crate) async fn close(self) {
        self.runtime.shutdown(Duration::ZERO).await;
    }
}

/// Who starts the runs.
fn somebody() -> Actor {
    let subject = Subject {
        user: BOOTSTRAP_USER,
        name: "bench".into(),
        org: DEFAULT_ORG,
        administrator: true,
    };
    Actor::of(subject, RequestId::new(), &Command::DaemonStop {})
}
