//! W4: many runs half way when the daemon is killed: how long until all are over, and what was done twice.
//!
//! All runs stand behind a gate that opens for all at the same moment, so that all are in flight together. What was
//! repeated is counted in their journals, which also show that nothing is missing.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::{EffectId, EffectOutcome, EventBody, RunEvent, Status, StepId};
use dirigent_rpc::{CallError, Connection};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;
use tokio::time::sleep;

use super::bed::{Bed, Daemon};
use super::figure::{Figure, Required};
use super::fleet::{CALLS, Fleet, Plan};
use super::loads::Scale;
use super::sequence::STEPS;
use super::workflows;
use crate::link::snapshot::unexpected;

/// Runs started at once.
const AT_ONCE: usize = 100;
/// Before the gate opens: every run must be started by then.
const GATE: Duration = Duration::from_secs(4);
/// Between two looks at the progress.
const LOOK: Duration = Duration::from_millis(5);

/// Measures it.
///
/// # Errors
/// The daemon refuses, a run fails, or a finished step is missing.
pub async fn measure(scale: &Scale) -> Result<Vec<Figure>, Fault> {
    let bed = Bed::make(scale.dir.as_deref())?;
    let count = scale.of(1_000, 50);
    let daemon = bed.start().await?;
    daemon.publish(workflows::gated("gated", STEPS)).await?;
    let runs = half_way(&daemon, count).await?;
    daemon.kill()?;

    let begun = Instant::now();
    let daemon = bed.start().await?;
    let ready = daemon.ready;
    let open = wait_for_all(&daemon).await?;
    let recovery = begun.elapsed();
    let seen = read_journals(&daemon, &runs).await?;
    daemon.stop().await?;
    if seen.finished != runs.len() * STEPS {
        let text = format!(
            "{} steps are finished, {} were wanted",
            seen.finished,
            runs.len() * STEPS
        );
        return Err(Fault::new(Code::Internal, text));
    }
    let place = |name| ["W4", name];
    Ok(vec![
        Figure::new(&place("recovery_s"), recovery.as_secs_f64()).required(Required::AtMost(4.0)),
        Figure::new(&place("repeated"), seen.repeated as f64).required(Required::AtMost(0.0)),
        Figure::new(&place("in_flight"), open as f64),
        Figure::new(&place("steps_before"), (seen.finished - seen.after) as f64),
        Figure::new(&place("open_effects_again"), seen.again as f64),
        Figure::new(&place("ready_ms"), ready.as_secs_f64() * 1e3),
    ])
}

/// Starts all behind one gate, lets it open, and returns when about half of the steps are durable.
async fn half_way(daemon: &Daemon, count: usize) -> Result<Vec<RunId>, Fault> {
    let mut fleet = Fleet::open(daemon, AT_ONCE).await?;
    let opens = Instant::now() + GATE;
    let missed = Cell::new(false);
    let input = || {
        let left = opens.saturating_duration_since(Instant::now());
        missed.set(missed.get() || left.is_zero());
        json!({ "gate": format!("PT{:.3}S", left.as_secs_f64()) })
    };
    let plan = Plan {
        until: Status::Waiting,
        input: &input,
        ..Plan::of("gated", count).at_once(AT_ONCE)
    };
    let tally = fleet.run(&plan).await?;
    if missed.get() {
        return Err(Fault::new(
            Code::Internal,
            "the runs could not be started before their gate opened",
        ));
    }
    let before = daemon.status().await?.store.commits;
    let half = (count * STEPS / 2) as u64;
    while daemon.status().await?.store.commits < before + half {
        if opens.elapsed() > GATE * 10 {
            return Err(Fault::new(
                Code::Internal,
                "the runs do not go on behind their gate",
            ));
        }
        sleep(LOOK).await;
    }
    Ok(tally.runs)
}

/// Waits until no run is open any more; answers how many were at first.
async fn wait_for_all(daemon: &Daemon) -> Result<u64, Fault> {
    let mut first = None;
    loop {
        let status = daemon.status().await?;
        let of = |status: Status| {
            let found = status.is_final();
            (!found).then(|| status.as_str())
        };
        let open: u64 = Status::ALL
            .into_iter()
            .filter_map(of)
            .filter_map(|word| status.runs.get(word))
            .sum();
        let first = *first.get_or_insert(open);
        if open == 0 {
            return Ok(first);
        }
        sleep(LOOK).await;
    }
}

/// What journals show.
#[derive(Debug, Default)]
struct Seen {
    /// Steps that ended as they should.
    finished: usize,
    /// Of those, the ones that ended behind the crash.
    after: usize,
    /// Effects performed although their step had a result.
    repeated: usize,
    /// Effects that were open in the crash and were performed again.
    again: usize,
}

async fn read_journals(daemon: &Daemon, runs: &[RunId]) -> Result<Seen, Fault> {
    let killed = daemon.status().await?.started_at;
    stream::iter(runs.iter().map(|run| journal(daemon.line.clone(), *run)))
        .buffer_unordered(CALLS)
        .try_fold(Seen::default(), |mut seen, events| {
            count(&events, killed, &mut seen);
            futures::future::ready(Ok(seen))
        })
        .await
}

async fn journal(line: Connection, run: RunId) -> Result<Vec<RunEvent>, Fault> {
    let query = Query::RunEvents {
        run,
        after: 0,
        limit: 1_000,
    };
    match line.query(query).await.map_err(CallError::into_fault)? {
        QueryReply::Events { events, .. } => Ok(events),
        _ => Err(unexpected("events")),
    }
}

fn count(events: &[RunEvent], killed: jiff::Timestamp, seen: &mut Seen) {
    let mut steps: BTreeMap<EffectId, StepId> = BTreeMap::new();
    let mut done: BTreeSet<StepId> = BTreeSet::new();
    for event in events {
        match &event.body {
            EventBody::EffectQueued { effect, step, .. } | EventBody::EffectIntended { effect, step, .. } => {
                seen.repeated += usize::from(done.contains(step));
                steps.insert(*effect, step.clone());
            }
            EventBody::EffectUnknown { effect, .. } => {
                let known = steps.get(effect).is_some_and(|step| done.contains(step));
                seen.repeated += usize::from(known);
                seen.again += usize::from(!known);
            }
            EventBody::EffectSettled {
                effect,
                outcome: EffectOutcome::Done { .. },
            } => {
                let fresh = steps.get(effect).is_some_and(|step| done.insert(step.clone()));
                seen.repeated += usize::from(!fresh);
                seen.finished += usize::from(fresh);
                seen.after += usize::from(fresh && event.time >= killed);
            }
            _ => {}
        }
    }
}
