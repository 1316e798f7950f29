//! W1: runs of ten steps, one after the other; through the socket, from the call to its seen end.

use std::time::{Duration, Instant};

use dirigent_protocol::fault::Fault;
use dirigent_protocol::run::Status;
use dirigent_rpc::Connection;
use serde_json::json;
use tokio::time::sleep;

use super::bed::{Bed, Daemon, status};
use super::figure::{Figure, Required, percentile};
use super::fleet::{Fleet, Plan};
use super::loads::Scale;
use super::{process, workflows};

/// Steps of a run.
pub const STEPS: usize = 10;
/// Runs in flight.
const AT_ONCE: usize = 100;
/// Between two looks at the lag.
const LOOK: Duration = Duration::from_millis(250);

/// Measures it.
///
/// # Errors
/// The daemon refuses or a run fails.
pub async fn measure(scale: &Scale) -> Result<Vec<Figure>, Fault> {
    let bed = Bed::make(scale.dir.as_deref())?;
    let daemon = bed.start().await?;
    daemon.publish(workflows::sequence("ten", STEPS)).await?;
    let mut fleet = Fleet::open(&daemon, AT_ONCE).await?;
    // The first runs compile, make threads and fill caches.
    fleet.run(&Plan::of("ten", scale.of(50, 5))).await?;
    let mut figures = one_at_a_time(scale, &mut fleet).await?;
    daemon.settle().await?;
    figures.extend(many_at_once(scale, &daemon, &mut fleet).await?);
    daemon.stop().await?;
    Ok(figures)
}

async fn one_at_a_time(scale: &Scale, fleet: &mut Fleet) -> Result<Vec<Figure>, Fault> {
    let tally = fleet.run(&Plan::of("ten", scale.of(1_000, 20))).await?;
    let at = |part| percentile(&tally.took_ms, part);
    Ok(vec![
        Figure::new(&["W1", "c1", "p50_ms"], at(0.5)).required(Required::AtMost(8.0)),
        Figure::new(&["W1", "c1", "p95_ms"], at(0.95)),
    ])
}

async fn many_at_once(scale: &Scale, daemon: &Daemon, fleet: &mut Fleet) -> Result<Vec<Figure>, Fault> {
    let time = scale.time;
    let plan = Plan {
        workflow: "ten",
        at_once: AT_ONCE,
        most: usize::MAX,
        time,
        until: Status::Completed,
        input: &|| json!({}),
    };
    let (pid, before) = (daemon.pid(), process::cpu(daemon.pid()));
    let commits = daemon.status().await?.store.commits;
    let looking = worst_lag(daemon.another_line().await?, time);
    let (tally, lag_ms) = tokio::join!(fleet.run(&plan), looking);
    let (tally, lag_ms) = (tally?, lag_ms?);
    let after = daemon.status().await?.store.commits;
    let steps = (tally.runs.len() * STEPS) as f64;
    let cpu = process::since(&before, &process::cpu(pid));
    let runs_s = tally.in_time as f64 / time.as_secs_f64();
    let place = |name| ["W1", "c100", name];
    Ok(vec![
        Figure::new(&place("runs_s"), runs_s),
        Figure::new(&place("steps_s"), runs_s * STEPS as f64).required(Required::AtLeast(10_000.0)),
        Figure::new(&place("lag_ms"), lag_ms).required(Required::AtMost(1_000.0)),
        Figure::new(&place("p50_ms"), percentile(&tally.took_ms, 0.5)),
        Figure::new(&place("p95_ms"), percentile(&tally.took_ms, 0.95)),
        Figure::new(
            &place("commits_per_step"),
            after.saturating_sub(commits) as f64 / steps,
        ),
        Figure::new(&place("cpu_us_per_step"), cpu.as_secs_f64() * 1e6 / steps),
        Figure::new(&place("seconds"), time.as_secs_f64()),
    ])
}

/// The longest that a commit waited for sled meanwhile.
async fn worst_lag(line: Connection, time: Duration) -> Result<f64, Fault> {
    let (begun, mut worst) = (Instant::now(), 0);
    while begun.elapsed() < time {
        sleep(LOOK.min(time / 4)).await;
        worst = worst.max(status(&line).await?.store.lag_ms);
    }
    Ok(worst as f64)
}
