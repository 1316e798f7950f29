//! W3: many runs that wait for a person: what each costs in memory, and how long it takes to approve them all.

use std::time::{Duration, Instant};

use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Kind, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::{EntityId, RequestId};
use dirigent_protocol::query::{ListQuery, MAX_PAGE, Query, QueryReply};
use dirigent_protocol::run::{Decision, Status};
use dirigent_rpc::{CallError, Connection};
use futures::stream::{self, TryStreamExt};
use serde_json::json;
use tokio::time::sleep;

use super::bed::{Bed, Daemon};
use super::cold::{NO_CPU, idle_cpu_pct};
use super::figure::{Figure, Required};
use super::fleet::{CALLS, Fleet, Plan};
use super::loads::Scale;
use super::{process, workflows};
use crate::link::snapshot::unexpected;

/// Calls in flight.
const AT_ONCE: usize = 100;
/// A daemon rests this long before its memory is read.
const REST: Duration = Duration::from_secs(2);
/// The daemon has counted what it told within this time.
const COUNTED: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// Measures it.
///
/// # Errors
/// The daemon refuses or a run fails.
pub async fn measure(scale: &Scale) -> Result<Vec<Figure>, Fault> {
    let bed = Bed::make(scale.dir.as_deref())?;
    let runs = scale.of(10_000, 200);
    let daemon = bed.start().await?;
    daemon.publish(workflows::question("ask")).await?;
    daemon.stop().await?;
    let daemon = bed.start().await?;
    let without = memory(&daemon).await?;
    let park = begin(&daemon, runs).await?;
    daemon.stop().await?;

    let daemon = bed.start().await?;
    let with = memory(&daemon).await?;
    let idle = idle_cpu_pct(daemon.pid(), Duration::from_secs(scale.of(10, 2) as u64)).await;
    let (ready, drain) = (daemon.ready, drain(&daemon, runs).await?);
    daemon.stop().await?;
    let each = with.saturating_sub(without) as f64 / 1024.0 / runs as f64;
    Ok(vec![
        Figure::new(&["W3", "kib_per_run"], each).required(Required::AtMost(1.0)),
        Figure::new(&["W3", "drain_s"], drain.as_secs_f64()).required(Required::AtMost(10.0)),
        Figure::new(&["W3", "runs"], runs as f64),
        Figure::new(&["W3", "park_s"], park.as_secs_f64()),
        // What W5 asks of a new daemon holds for one with all these runs, too.
        Figure::new(&["W3", "ready_ms"], ready.as_secs_f64() * 1e3).required(Required::AtMost(100.0)),
        Figure::new(&["W3", "mb_with"], with as f64 / 1e6).required(Required::AtMost(30.0)),
        Figure::new(&["W3", "idle_cpu_pct"], idle).required(NO_CPU),
        Figure::new(&["W3", "mb_without"], without as f64 / 1e6),
    ])
}

async fn memory(daemon: &Daemon) -> Result<u64, Fault> {
    daemon.settle().await?;
    sleep(REST).await;
    Ok(process::resident(daemon.pid()))
}

/// Starts them and waits until each waits.
async fn begin(daemon: &Daemon, runs: usize) -> Result<Duration, Fault> {
    let mut fleet = Fleet::open(daemon, AT_ONCE).await?;
    let plan = Plan {
        until: Status::Waiting,
        ..Plan::of("ask", runs).at_once(AT_ONCE)
    };
    let tally = fleet.run(&plan).await?;
    let counting = Instant::now();
    loop {
        let pending = daemon.status().await?.approvals_pending;
        if pending == runs as u64 {
            break;
        }
        if counting.elapsed() > COUNTED {
            let text = format!("{runs} runs wait, and {pending} approvals");
            return Err(Fault::new(Code::Internal, text));
        }
        sleep(LOOK).await;
    }
    Ok(tally.wall)
}

/// Approves all and waits for their ends.
async fn drain(daemon: &Daemon, runs: usize) -> Result<Duration, Fault> {
    let fleet = Fleet::open(daemon, AT_ONCE).await?;
    let begun = Instant::now();
    let cursor = fleet.now().await?;
    let deciding = async {
        let asked = pending(&daemon.line).await?;
        if asked.len() != runs {
            let text = format!("{} approvals are listed, {runs} wait", asked.len());
            return Err(Fault::new(Code::Internal, text));
        }
        let lines = fleet.lines();
        let share = asked.len().div_ceil(lines.len()).max(1);
        let each = asked.chunks(share).zip(lines).map(|(asked, line)| {
            let asked = stream::iter(asked.iter().map(Ok));
            asked.try_for_each_concurrent(CALLS, |(id, digest)| approve(line.clone(), *id, *digest))
        });
        futures::future::try_join_all(each).await.map(drop)
    };
    tokio::try_join!(deciding, fleet.arrive(cursor, Status::Completed, runs))?;
    Ok(begun.elapsed())
}

/// Every approval that waits, with the digest of what it shows.
async fn pending(line: &Connection) -> Result<Vec<(EntityId, Digest)>, Fault> {
    let (mut asked, mut cursor) = (Vec::new(), None);
    loop {
        let query = ListQuery {
            filter: Some(Filter::eq("status", json!("pending"))),
            limit: MAX_PAGE,
            cursor,
            ..ListQuery::of(Kind::WorkflowApproval)
        };
        let reply = line
            .query(Query::List(query))
            .await
            .map_err(CallError::into_fault)?;
        let QueryReply::Page { items, next } = reply else {
            return Err(unexpected("a list"));
        };
        for document in &items {
            asked.push((document.metadata.id, digest(document)?));
        }
        match next {
            Some(next) => cursor = Some(next),
            None => return Ok(asked),
        }
    }
}

fn digest(document: &Document) -> Result<Digest, Fault> {
    let approval: WorkflowApproval = document.body().unwrap_or_default();
    approval.digest.parse().map_err(|_| unexpected("an approval"))
}

async fn approve(line: Connection, approval: EntityId, digest: Digest) -> Result<(), Fault> {
    let command = Command::ApprovalDecide {
        approval,
        digest,
        decision: Decision::Approve { edited: None },
        reason: None,
        also: None,
    };
    let reply = line.command(RequestId::new(), command).await;
    reply.map(drop).map_err(CallError::into_fault)
}
