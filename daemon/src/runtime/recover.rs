//! The start of the runtime: what it is made of, and what the process before it left unfinished.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::RunId;
use dirigent_store::{ScanRange, Txn};
use serde_json::json;

use super::admission::gate::Gate;
use super::admission::permits::{Grant, Permits};
use super::api::Rooms;
use super::approvals::links::LinkKey;
use super::bus::bell::Bus;
use super::bus::dispatch::Desk;
use super::core::{Core, Ended, Runs};
use super::effects::{Egress, Means, Performers, Security, Watch};
use super::emergency::EmergencyStop;
use super::error::RuntimeError;
use super::lineage::children::Offspring;
use super::live::Live;
use super::plans::{Plans, unread};
use super::routing::{Figures, Router};
use super::rows::{self, Deaths, PausedRow, RateRow, Unfinished};
use super::run::message::Message;
use super::timers::Timers;
use crate::records::{DEFAULT_ORG, Records};
use crate::spawn::Supervisor;
use crate::swap::Swap;
use crate::worker::WorkerPool;

/// Most rows of one commit.
const BATCH: usize = 500;
/// Approvals that wait are counted this far.
const MAX_COUNTED: u64 = 1_000_000;

/// Opens the runtime and takes up every run that was in hand.
pub(crate) async fn open(rooms: Rooms) -> Result<Arc<Core>, RuntimeError> {
    let records = Records::new(rooms.store.clone());
    let plans = Arc::new(Plans::new(records.clone()));
    let settings = rooms.settings;
    let program = program(settings.worker_program.as_ref())?;
    let worker = Arc::new(WorkerPool::new(program.clone(), settings.expression_budget));
    let policy = Arc::new(Swap::new(settings.policy(rooms.providers, rooms.prices)));
    let (offspring, figures) = (Arc::new(Offspring::default()), Arc::new(Figures::default()));
    let security = Arc::new(Security::new(records.clone(), rooms.clock.clone()));
    let means = Means {
        data_dir: settings.data_dir.clone(),
        policy: policy.clone(),
        egress: Egress::new(&settings.egress_allow),
        kill_grace: settings.kill_grace,
        agents: plans.clone(),
        worker: worker.clone(),
        program,
        children: offspring.clone(),
        router: Arc::new(Router::new(records.clone(), plans.clone(), figures.clone())),
        watch: Arc::new(Watch::new(security.clone(), settings.data_dir.clone())),
        security,
        clock: rooms.clock.clone(),
    };
    let performers = Performers::open(&means, rooms.performers)?;
    let (permits, grants) = Permits::new(&settings.permits, settings.permits_total);
    let core = Arc::new(Core {
        gate: Gate::closed(settings.most()),
        ended: Ended::since(rooms.store.head()),
        given_up: tokio::sync::Notify::new(),
        link_key: LinkKey::beside(&settings.data_dir),
        emergency: EmergencyStop::load(&rooms.store)?,
        store: rooms.store,
        fence: rooms.fence,
        records,
        clock: rooms.clock,
        chance: rooms.chance,
        settings,
        policy,
        egress: means.egress,
        performers,
        watch: means.watch,
        figures,
        permits,
        timers: Timers::default(),
        live: Live::default(),
        bus: Bus::default(),
        held: OnceLock::new(),
        plans,
        worker,
        tasks: Supervisor::new(),
        approvals_pending: AtomicI64::new(0),
        draining: AtomicBool::new(false),
        space: Swap::new(rooms.space),
        door: rooms.door,
        runs: Runs::default(),
    });
    offspring.connect(&core);
    take_up(&core, grants).await?;
    Ok(core)
}

/// Takes up what was in hand, and from then on serves everybody.
async fn take_up(
    core: &Arc<Core>,
    grants: tokio::sync::mpsc::UnboundedReceiver<Grant>,
) -> Result<(), RuntimeError> {
    core.hold_effects();
    serve(core, grants);
    let desk = Desk::open(core)?;
    recover(core).await?;
    core.tasks.spawn_until_stop("bus", desk.serve());
    core.hold_gate();
    core.tasks.spawn_until_stop("gate", core.clone().serve_gate());
    Ok(())
}

fn program(given: Option<&PathBuf>) -> Result<PathBuf, RuntimeError> {
    match given {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map_err(|source| RuntimeError::Io {
            what: "find the running executable".into(),
            source,
        }),
    }
}

/// Starts the tasks that bring permits and due timers to runs.
fn serve(core: &Arc<Core>, mut grants: tokio::sync::mpsc::UnboundedReceiver<Grant>) {
    let permits = core.clone();
    core.tasks.spawn_until_stop("permits", async move {
        while let Some(Grant { run, effect, permit }) = grants.recv().await {
            // A run that is over has no use for it; dropped with the message, it goes to the next one.
            drop(permits.deliver(run, Message::Permitted { effect, permit }));
        }
    });
    let timers = core.clone();
    core.tasks.spawn_until_stop("timers", async move {
        let wake = |run| drop(timers.deliver(run, Message::Wake));
        timers.timers.run(&timers.clock, wake).await;
    });
}

/// Parked runs are noted; runs that were in hand are counted durably, then taken up.
async fn recover(core: &Arc<Core>) -> Result<(), RuntimeError> {
    restore_gate(core)?;
    let in_order = core.store.get(rows::STOPPED_IN_ORDER)?.is_some();
    let (mut in_hand, mut pending) = (Vec::new(), Some(0));
    let mut range = ScanRange::prefix(rows::UNFINISHED).limited(BATCH);
    loop {
        let page = core.store.scan(range.clone())?;
        for (key, found) in page.items {
            let Some(run) = rows::run_of(&key) else { continue };
            let row: Unfinished = rows::decode(&found.value, "a run's row")?;
            core.runs.note_parked(run, &row);
            core.figures.set(run, row.agents.clone());
            if !row.quarantined {
                core.gate.restore(row.org, run, row.place.as_deref());
            }
            pending = pending.zip(row.pending).map(|(sum, own)| sum + i64::from(own));
            if row.parked {
                core.timers.set(run, row.due);
            } else {
                in_hand.push(run);
            }
        }
        match page.next {
            Some(next) => range = range.after(next),
            None => break,
        }
    }
    let pending = match pending {
        Some(pending) => pending,
        None => count_pending(core)?,
    };
    core.approvals_pending.fetch_add(pending, Ordering::Relaxed);
    let deaths = count_deaths(core, &in_hand, in_order).await?;
    for (run, count) in in_hand.into_iter().zip(deaths) {
        let quarantine = count >= core.settings.max_crashes;
        let message = if quarantine {
            Message::Quarantine
        } else {
            Message::Recovered
        };
        drop(core.deliver(run, message));
    }
    Ok(())
}

/// Tells the gate which definitions are paused and which runs rates count.
fn restore_gate(core: &Core) -> Result<(), RuntimeError> {
    let now = (core.clock)();
    for prefix in [rows::PAUSED, rows::RATES] {
        let mut range = ScanRange::prefix(prefix).limited(BATCH);
        loop {
            let page = core.store.scan(range.clone())?;
            for (_, found) in page.items {
                if prefix == rows::PAUSED {
                    let row: PausedRow = rows::decode(&found.value, "a paused definition")?;
                    core.gate.pause(row.org, &row.definition, true, now);
                } else {
                    let row: RateRow = rows::decode(&found.value, "a run that a rate counts")?;
                    core.gate
                        .restore_rate(row.org, &row.definition, row.number, row.at);
                }
            }
            match page.next {
                Some(next) => range = range.after(next),
                None => break,
            }
        }
    }
    Ok(())
}

/// Approvals that wait, where rows of an earlier version do not say how many are theirs.
fn count_pending(core: &Core) -> Result<i64, RuntimeError> {
    let (kind, status) = (Kind::WorkflowApproval, json!("pending"));
    let counted = core
        .records
        .count_by_index(DEFAULT_ORG, kind, "status", &status, MAX_COUNTED);
    Ok(i64::try_from(counted.map_err(unread)?).unwrap_or(i64::MAX))
}

/// Counts this start as a death of the daemon for every run that was in hand and made no progress since the last one,
/// unless the daemon was stopped in order.
async fn count_deaths(core: &Core, in_hand: &[RunId], in_order: bool) -> Result<Vec<u32>, RuntimeError> {
    let mut counts = Vec::with_capacity(in_hand.len());
    for runs in in_hand.chunks(BATCH) {
        let mut txn = Txn {
            reserve: true,
            ..Txn::default()
        };
        for run in runs {
            let seq = core.store.stream_end(rows::stream(*run))?;
            let known: Option<Deaths> = rows::get(&*core.store, &rows::deaths_key(*run), "deaths")?;
            let before = known
                .filter(|known| known.seq == seq)
                .map_or(0, |known| known.count);
            let count = if in_order { before } else { before + 1 };
            txn.puts
                .push((rows::deaths_key(*run), rows::encode(&Deaths { count, seq })?));
            counts.push(count);
        }
        core.store.commit(txn).await?;
    }
    if in_order {
        let txn = Txn {
            deletes: vec![rows::STOPPED_IN_ORDER.into()],
            reserve: true,
            ..Txn::default()
        };
        core.store.commit(txn).await?;
    }
    Ok(counts)
}
