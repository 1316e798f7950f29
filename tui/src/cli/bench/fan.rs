//! W2: one run that forks into many branches of one step each.

use dirigent_protocol::fault::Fault;

use super::bed::Bed;
use super::figure::{Figure, Required, percentile};
use super::fleet::{Fleet, Plan};
use super::loads::Scale;
use super::workflows;

/// Measures it.
///
/// # Errors
/// The daemon refuses or a run fails.
pub async fn measure(scale: &Scale) -> Result<Vec<Figure>, Fault> {
    let bed = Bed::make(scale.dir.as_deref())?;
    let daemon = bed.start().await?;
    daemon
        .publish(workflows::fan("fan", scale.of(1_000, 100)))
        .await?;
    let mut fleet = Fleet::open(&daemon, 1).await?;
    // The first compiles it.
    fleet.run(&Plan::of("fan", 1)).await?;
    let mut took = Vec::new();
    for _ in 0..scale.of(5, 2) {
        daemon.settle().await?;
        took.extend(fleet.run(&Plan::of("fan", 1)).await?.took_ms);
    }
    daemon.stop().await?;
    let wall = percentile(&took, 0.5) / 1e3;
    Ok(vec![
        Figure::new(&["W2", "wall_s"], wall).required(Required::AtMost(0.3)),
    ])
}
