//! Takes a run up from the store: its snapshot, the events behind it, its document, its version.
//!
//! Only folds; nothing is interpreted and nothing is decided.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use dirigent_engine::machine::{MOST_EVENTS, Workflow};
use dirigent_engine::state::{RunState, apply};
use dirigent_protocol::entity::WorkflowExecution;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, Status};
use dirigent_store::Budget;

use super::driver::{Driver, Tally};
use super::in_hand::{self, Steps};
use crate::records::{Journal, Stored};
use crate::runtime::conversation;
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::{body, unread};
use crate::runtime::rows::{self, Unfinished};

impl Driver {
    /// A driver for a run that has not begun.
    pub(crate) fn new(core: &Arc<Core>, run: RunId, workflow: Arc<Workflow>) -> Self {
        Self {
            core: core.clone(),
            fence: core.fence.get(),
            run,
            workflow,
            state: RunState::new(run),
            base: 0,
            document: None,
            row: None,
            tally: Tally::default(),
            performing: BTreeMap::new(),
            in_queue: 0,
            kept_back: VecDeque::new(),
            deferred: BTreeSet::new(),
            most_events: MOST_EVENTS,
            own: VecDeque::new(),
            unsettled: false,
            recovering: false,
            quarantined: false,
            asked: false,
            aside: false,
            place: None,
            begins: None,
            in_hand: Steps::new(),
        }
    }
}

/// The run as the store has it, with what waits for permits queued again.
pub(crate) async fn load(core: &Arc<Core>, run: RunId) -> Result<Driver, RuntimeError> {
    let document = core.plans.execution(run)?;
    let execution: WorkflowExecution = body(&document)?;
    let workflow = core.plans.of_run(&execution)?;
    let mut driver = Driver::new(core, run, workflow);
    if let Some(snapshot) = rows::read_snapshot(&*core.store, run).await? {
        driver.state = snapshot.state;
        driver.tally = Tally {
            done: snapshot.done,
            at: snapshot.at,
            ..Tally::default()
        };
    }
    let journal = Journal::of(&core.records, run, execution.origin.as_ref()).map_err(unread)?;
    driver.tally.talk = execution.conversation.clone().unwrap_or_default();
    driver.base = journal.base();
    fold_tail(&mut driver, &journal, u64::MAX)?;
    let row: Option<Unfinished> = rows::get(&*core.store, &rows::unfinished_key(run), "a run's row")?;
    driver.quarantined = row.as_ref().is_some_and(|row| row.quarantined);
    driver.aside = driver.quarantined;
    driver.place = row.as_ref().and_then(|row| row.place.clone());
    driver.asked = true;
    driver.row = row;
    driver.document = Some(Stored::sole_writer(document));
    driver.in_hand = in_hand::loaded(&driver.state);
    core.live.began(run);
    let stands = (driver.state.status(), driver.quarantined);
    core.runs.update(run, stands, driver.state.waiting());
    if driver.state.status() != Status::Suspended {
        driver.enqueue_waiting();
    }
    core.timers.set(run, driver.next_due(&driver.state));
    Ok(driver)
}

/// Folds the events behind the state's, the one at `end` the last. Only what is the run's own counts towards the next
/// snapshot.
pub(crate) fn fold_tail(driver: &mut Driver, journal: &Journal, end: u64) -> Result<(), RuntimeError> {
    loop {
        let page = journal
            .page(&*driver.core.store, driver.state.seq(), Budget::default())
            .map_err(unread)?;
        if page.is_empty() {
            return Ok(());
        }
        for (event, bytes) in page {
            if event.seq > end {
                return Ok(());
            }
            apply(&mut driver.state, &event);
            if event.seq > journal.base() {
                driver.tally.events += 1;
                driver.tally.bytes += bytes;
            }
            conversation::note(&mut driver.tally.talk, &event);
            match &event.body {
                EventBody::TaskStarted { task, .. } => driver.tally.at = task.to_string(),
                EventBody::TaskCompleted { .. } | EventBody::TaskSkipped { .. } => driver.tally.done += 1,
                _ => {}
            }
        }
    }
}
