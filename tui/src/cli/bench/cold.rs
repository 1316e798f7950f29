//! W5: from the start of the process until it greets, and what it takes when nothing happens.

use std::time::{Duration, Instant};

use dirigent_protocol::fault::Fault;
use tokio::time::sleep;

use super::bed::Bed;
use super::figure::{Figure, Required, percentile};
use super::loads::Scale;
use super::process;

/// What a new daemon has left to do in the background is done by then.
const REST: Duration = Duration::from_secs(3);

/// 0.0 to the digit that is shown.
pub const NO_CPU: Required = Required::AtMost(0.049);

/// The part of a processor that a process uses while nobody asks it anything, percent.
pub async fn idle_cpu_pct(pid: u32, time: Duration) -> f64 {
    let (begun, before) = (Instant::now(), process::cpu(pid));
    sleep(time).await;
    let used = process::since(&before, &process::cpu(pid));
    used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0
}

/// Measures it.
///
/// # Errors
/// The daemon does not come up.
pub async fn measure(scale: &Scale) -> Result<Vec<Figure>, Fault> {
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    for _ in 0..scale.of(7, 2) {
        let bed = Bed::make(scale.dir.as_deref())?;
        for times in [&mut fresh, &mut again] {
            let daemon = bed.start().await?;
            times.push(daemon.ready.as_secs_f64() * 1e3);
            daemon.stop().await?;
        }
    }
    let bed = Bed::make(scale.dir.as_deref())?;
    let daemon = bed.start().await?;
    sleep(REST).await;
    let pid = daemon.pid();
    let part = idle_cpu_pct(pid, Duration::from_secs(scale.of(20, 2) as u64)).await;
    let (all, own) = (process::resident(pid), process::anonymous(pid));
    daemon.stop().await?;
    let place = |name| ["W5", name];
    Ok(vec![
        Figure::new(&place("ready_ms"), percentile(&fresh, 0.5)).required(Required::AtMost(100.0)),
        Figure::new(&place("idle_mb"), all as f64 / 1e6).required(Required::AtMost(30.0)),
        Figure::new(&place("idle_cpu_pct"), part).required(NO_CPU),
        Figure::new(&place("ready_again_ms"), percentile(&again, 0.5)),
        Figure::new(&place("idle_anonymous_mb"), own as f64 / 1e6),
    ])
}
