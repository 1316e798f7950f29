//! Whether a step costs the same behind many finished runs as behind few.

use dirigent_protocol::fault::Fault;

use super::bed::{Bed, Daemon};
use super::figure::{Figure, Required, percentile};
use super::fleet::{Fleet, Plan, Tally};
use super::loads::Scale;
use super::sequence::STEPS;
use super::{process, workflows};

/// Runs behind which the first measurement is made.
const FEW: usize = 1_000;
/// Runs of one round, and how many rounds: the middle one counts.
const ROUND: usize = 500;
const ROUNDS: usize = 5;
/// Runs in flight.
const AT_ONCE: usize = 100;

/// What a step costs.
struct Cost {
    cpu_us: f64,
    wall_us: f64,
}

/// Measures it.
///
/// # Errors
/// The daemon refuses or a run fails.
pub async fn measure(scale: &Scale) -> Result<Vec<Figure>, Fault> {
    let bed = Bed::make(scale.dir.as_deref())?;
    let daemon = bed.start().await?;
    daemon.publish(workflows::sequence("ten", STEPS)).await?;
    daemon.publish(workflows::sequence("one", 1)).await?;
    let mut fleet = Fleet::open(&daemon, AT_ONCE).await?;
    let few = scale.of(FEW, 100).min(scale.runs);
    fleet.run(&Plan::of("ten", few).at_once(AT_ONCE)).await?;
    let first = cost(scale, &daemon, &mut fleet).await?;
    let measured = ROUNDS * scale.of(ROUND, 50);
    let rest = scale.runs.saturating_sub(few + measured);
    let filled = fleet.run(&Plan::of("one", rest).at_once(AT_ONCE)).await?;
    let last = cost(scale, &daemon, &mut fleet).await?;
    let store = daemon.status().await?.store;
    let resident = process::resident(daemon.pid());
    daemon.stop().await?;
    let place = |name| ["history", name];
    Ok(vec![
        Figure::new(&place("cpu_ratio"), last.cpu_us / first.cpu_us).required(Required::AtMost(1.2)),
        Figure::new(&place("wall_ratio"), last.wall_us / first.wall_us).required(Required::AtMost(1.2)),
        Figure::new(&place("cpu_us_few"), first.cpu_us),
        Figure::new(&place("cpu_us_many"), last.cpu_us),
        Figure::new(&place("wall_us_few"), first.wall_us),
        Figure::new(&place("wall_us_many"), last.wall_us),
        Figure::new(&place("runs"), scale.runs as f64),
        Figure::new(&place("fill_runs_s"), rate(&filled)),
        Figure::new(&place("journal_mb"), store.journal_bytes as f64 / 1e6),
        Figure::new(&place("state_mb"), store.state_bytes as f64 / 1e6),
        Figure::new(
            &place("state_kib_per_run"),
            store.state_bytes as f64 / 1024.0 / scale.runs as f64,
        ),
        Figure::new(&place("resident_mb"), resident as f64 / 1e6),
    ])
}

async fn cost(scale: &Scale, daemon: &Daemon, fleet: &mut Fleet) -> Result<Cost, Fault> {
    let (mut cpu_us, mut wall_us) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        daemon.settle().await?;
        let before = process::cpu(daemon.pid());
        let plan = Plan::of("ten", scale.of(ROUND, 50)).at_once(AT_ONCE);
        let tally = fleet.run(&plan).await?;
        // What is done behind the journal's back belongs to the cost.
        daemon.settle().await?;
        let steps = (tally.runs.len() * STEPS) as f64;
        let used = process::since(&before, &process::cpu(daemon.pid()));
        cpu_us.push(used.as_secs_f64() * 1e6 / steps);
        wall_us.push(tally.wall.as_secs_f64() * 1e6 / steps);
    }
    Ok(Cost {
        cpu_us: percentile(&cpu_us, 0.5),
        wall_us: percentile(&wall_us, 0.5),
    })
}

fn rate(tally: &Tally) -> f64 {
    tally.runs.len() as f64 / tally.wall.as_secs_f64().max(1e-9)
}
