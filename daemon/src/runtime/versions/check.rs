//! Runs that are not over, held against another version of their workflow; and their change to it.
//!
//! A run is looked at by reading its whole journal, one run at a time: what is in memory is one state and one trace.
//! Invariants: looking changes nothing; a run is migrated only as it was looked at, so that whatever happened to it in
//! between is looked at again.

use std::sync::Arc;

use dirigent_engine::machine::{Migrate, Workflow};
use dirigent_engine::state::{RunState, apply};
use dirigent_engine::upgrade::{Alignment, Trace, check, passed};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, WorkflowExecution, WorkflowVersion};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::Status;
use dirigent_protocol::upgrade::{RunCheck, UpgradePage};
use dirigent_store::{Budget, ScanRange};

use crate::records::{Actor, Journal};
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};
use crate::runtime::rows;
use crate::runtime::run::message::{Migration, Wish};

/// Runs looked at for one page, those of other workflows among them.
const MOST_SEEN: usize = 1_000;
const MOST: u32 = 100;
const USUAL: u32 = 20;
/// How often a run is looked at again that went on meanwhile.
const TRIES: usize = 20;

/// Which runs are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Which {
    /// Whose.
    pub org: EntityId,
    /// Only this one.
    pub run: Option<RunId>,
    /// Only those behind this one.
    pub after: Option<RunId>,
    /// Most of a page; 0 is the usual number.
    pub limit: u32,
}

/// A run as its journal tells it.
struct Past {
    execution: WorkflowExecution,
    old: Arc<Workflow>,
    state: RunState,
    trace: Trace,
}

impl Past {
    fn check(&self, run: RunId, new: &Workflow) -> RunCheck {
        let aligned = Alignment::of(&self.old, new);
        RunCheck {
            run,
            from: self.old.digest(),
            version: self.execution.version.clone(),
            status: self.state.status(),
            event: self.state.seq(),
            findings: check(&aligned, &self.state, &self.trace),
        }
    }
}

impl RuntimeHandle {
    /// The compiled form of a published version.
    ///
    /// # Errors
    /// It does not compile.
    pub fn compiled(&self, version: &Document) -> Result<Arc<Workflow>, RuntimeError> {
        self.core.plans.compiled(&body::<WorkflowVersion>(version)?)
    }

    /// What a draft would mean for the runs of its workflow that are not over, a page by id; only runs that `sees` lets
    /// through.
    ///
    /// # Errors
    /// The run that was asked for is no run of that workflow or is over, or a record cannot be read.
    pub async fn check_upgrade(
        &self,
        draft: &Workflow,
        which: Which,
        sees: &(dyn Fn(&Document) -> bool + Sync),
    ) -> Result<UpgradePage, RuntimeError> {
        let plans = &self.core.plans;
        let mut page = UpgradePage {
            workflow: draft.name().to_owned(),
            to: draft.digest(),
            version: draft.version().to_owned(),
            published: plans
                .published(which.org, draft.name(), draft.digest())?
                .is_some(),
            items: Vec::new(),
            on_it: 0,
            next: None,
        };
        if let Some(run) = which.run {
            let past = self.past_of(run)?.ok_or_else(|| not_begun(run))?;
            self.refuse_other(run, &past, draft)?;
            add(&mut page, past.check(run, draft));
            return Ok(page);
        }
        let most = if which.limit == 0 {
            USUAL
        } else {
            which.limit.clamp(1, MOST)
        } as usize;
        let mut range = ScanRange::prefix(rows::UNFINISHED).limited(64);
        if let Some(after) = which.after {
            range = range.after(rows::unfinished_key(after));
        }
        let mut seen = 0;
        loop {
            let scanned = self.core.store.scan(range.clone())?;
            for (key, _) in scanned.items {
                let Some(run) = rows::run_of(&key) else { continue };
                seen += 1;
                if self.is_of(run, draft.name(), which.org, sees)?
                    && let Some(past) = self.past_of(run)?
                {
                    add(&mut page, past.check(run, draft));
                }
                if page.items.len() >= most || seen >= MOST_SEEN {
                    page.next = Some(run);
                    return Ok(page);
                }
                tokio::task::yield_now().await;
            }
            match scanned.next {
                Some(next) => range = range.after(next),
                None => return Ok(page),
            }
        }
    }

    fn is_of(
        &self,
        run: RunId,
        workflow: &str,
        org: EntityId,
        sees: &(dyn Fn(&Document) -> bool + Sync),
    ) -> Result<bool, RuntimeError> {
        let document = match self.core.plans.execution(run) {
            // It ended and was deleted meanwhile.
            Err(RuntimeError::UnknownRun { .. }) => return Ok(false),
            other => other?,
        };
        Ok(document.metadata.org == org && document.spec["workflow"] == workflow && sees(&document))
    }

    fn refuse_other(&self, run: RunId, past: &Past, draft: &Workflow) -> Result<(), RuntimeError> {
        let status = past.state.status();
        if status.is_final() {
            return Err(RuntimeError::Ended { run, status });
        }
        if past.execution.workflow == draft.name() {
            return Ok(());
        }
        Err(RuntimeError::WrongState {
            run,
            detail: format!(
                "it is a run of `{}`, and the draft is one of `{}`",
                past.execution.workflow,
                draft.name()
            ),
        })
    }

    /// Lets a run go on under another published version of its workflow: one commit. It is on it already: nothing.
    ///
    /// # Errors
    /// The version is not published, a step of the run would break (the first is named), or the store did not commit.
    pub async fn migrate(&self, run: RunId, to: Digest, actor: Actor) -> Result<(), RuntimeError> {
        for _ in 0..TRIES {
            let past = self.past_of(run)?.ok_or_else(|| not_begun(run))?;
            if past.state.version() == Some(to) {
                return Ok(());
            }
            let org = actor.subject.org;
            let found = self.core.plans.published(org, &past.execution.workflow, to)?;
            let version = found.ok_or_else(|| RuntimeError::NotPublished {
                workflow: past.execution.workflow.clone(),
                digest: to.short(),
            })?;
            let new = self.compiled(&version)?;
            self.refuse_other(run, &past, &new)?;
            let looked = past.check(run, &new);
            if looked.breaks() {
                return Err(RuntimeError::Breaks(Box::new(looked)));
            }
            let mut pins = self.core.plans.pins(org, &new)?;
            pins.agents
                .retain(|name, _| !past.state.pins().agents.contains_key(name));
            let migrate = Migrate {
                moved: Alignment::of(&past.old, &new).moved(),
                passed: passed(&looked.findings),
                old: past.old,
                pins,
                by: actor.subject.name.clone(),
            };
            let wish = Wish::Migrate(Box::new(Migration {
                at: looked.event,
                version,
                workflow: new,
                migrate,
            }));
            match self.core.ask(run, wish, actor.clone()).await {
                Err(RuntimeError::Overtaken { .. }) => tokio::task::yield_now().await,
                other => return other.map(drop),
            }
        }
        Err(RuntimeError::Overtaken { run })
    }

    fn past_of(&self, run: RunId) -> Result<Option<Past>, RuntimeError> {
        let core = &self.core;
        let execution: WorkflowExecution = body(&core.plans.execution(run)?)?;
        let journal = Journal::of(&core.records, run, execution.origin.as_ref()).map_err(unread)?;
        let (mut state, mut trace) = (RunState::new(run), Trace::default());
        loop {
            let page = journal
                .page(&*core.store, state.seq(), Budget::default())
                .map_err(unread)?;
            if page.is_empty() {
                break;
            }
            for (event, _) in &page {
                apply(&mut state, event);
                trace.note(event);
            }
        }
        if state.status() == Status::Pending {
            // It waits for its turn: nothing of it has happened.
            return Ok(None);
        }
        let old = core.plans.of_state(&execution, &state)?.1;
        Ok(Some(Past {
            execution,
            old,
            state,
            trace,
        }))
    }
}

fn not_begun(run: RunId) -> RuntimeError {
    RuntimeError::WrongState {
        run,
        detail: "it has not begun".into(),
    }
}

fn add(page: &mut UpgradePage, looked: RunCheck) {
    if looked.from == page.to {
        page.on_it += 1;
    } else if !looked.status.is_final() {
        page.items.push(looked);
    }
}
