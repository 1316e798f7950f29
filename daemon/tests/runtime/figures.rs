//! Figures, not promises: `cargo test --release -p dirigentd --test runtime -- --ignored --nocapture figures`.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::json;

use crate::bed::Bed;

fn noops(count: usize) -> String {
    (0..count).fold("do:\n".to_owned(), |mut text, at| {
        writeln!(text, "  - s{at}: {{ call: noop }}").unwrap();
        text
    })
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, proves nothing"]
async fn figures() {
    let bed = Bed::new().await;
    let steps = 300;
    let version = bed.publish(&noops(steps)).await;
    let begun = Instant::now();
    let run = bed.begin(version, json!({}), None).await.unwrap().run;
    bed.ended(run).await;
    println!("sequential: {:.0} durable noop steps/s", rate(steps, begun));
    let version = bed.publish(&noops(50)).await;
    let (begun, commits, groups) = (
        Instant::now(),
        bed.store.stats().commits,
        bed.store.stats().groups,
    );
    let starts = (0..100).map(|_| bed.begin(version.clone(), json!({}), None));
    let runs = futures::future::join_all(starts).await;
    for started in runs {
        bed.ended(started.unwrap().run).await;
    }
    let stats = bed.store.stats();
    let (commits, groups) = (stats.commits - commits, stats.groups - groups);
    println!(
        "100 runs side by side: {:.0} durable noop steps/s, {commits} commits in {groups} syncs",
        rate(5_000, begun)
    );
}
