//! Seeds: two thousand in the ordinary run, more by `DIRIGENT_ROUNDS` (from `DIRIGENT_FIRST` on, by `DIRIGENT_THREADS`),
//! one by `DIRIGENT_SEED` with its story.

use std::sync::atomic::{AtomicU64, Ordering};

use dirigent_simulation::{Report, plan, run};

const ROUNDS: u64 = 2_000;

/// Seeds that once broke a promise; `.github/BUGS.md` says which.
const KNOWN: [u64; 4] = [343, 100_363, 102_182, 115_820];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn told(report: &Report) -> String {
    let from = report.trace.len().saturating_sub(60);
    let story = report.trace[from..].join("\n");
    format!(
        "seed {}: {}\n{story}\nagain: DIRIGENT_SEED={} cargo test -p dirigent-simulation -- --nocapture",
        report.seed,
        report.violation.as_deref().unwrap_or("no violation"),
        report.seed
    )
}

#[test]
fn no_seed_breaks_a_promise() {
    if let Some(seed) = number("DIRIGENT_SEED") {
        let report = run(plan(seed));
        println!("{}\nhash {:016x}", report.trace.join("\n"), report.hash);
        assert_eq!(report.violation, None, "seed {seed}");
        return;
    }
    let rounds = number("DIRIGENT_ROUNDS").unwrap_or(ROUNDS);
    let first = number("DIRIGENT_FIRST").unwrap_or(0);
    let next = AtomicU64::new(first);
    let work = || {
        let (mut sum, mut broken) = ([0; 4], Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + rounds {
                return (sum, broken);
            }
            let report = run(plan(seed));
            sum[0] += report.commits.unsigned_abs();
            sum[1] += report.performed;
            sum[2] += report.lives as u64;
            sum[3] += report.runs as u64;
            if report.violation.is_some() {
                broken.push(report);
            }
        }
    };
    let threads = number("DIRIGENT_THREADS").unwrap_or(2);
    let results: Vec<_> = std::thread::scope(|scope| {
        let each: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        each.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut sum = [0; 4];
    let mut broken = Vec::new();
    for (part, found) in results {
        sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        broken.extend(found);
    }
    let [commits, performed, lives, runs] = sum;
    println!("{rounds} seeds: {runs} runs, {lives} lives, {commits} commits, {performed} effects performed");
    broken.sort_by_key(|report| (report.trace.len(), report.seed));
    for report in &broken {
        println!(
            "seed {}: {}",
            report.seed,
            report.violation.as_deref().unwrap_or_default()
        );
    }
    let shortest = broken.first().map(told).unwrap_or_default();
    assert!(
        broken.is_empty(),
        "{} of {rounds} seeds\n{shortest}",
        broken.len()
    );
}

#[test]
fn seeds_that_once_broke_a_promise_keep_it() {
    for seed in KNOWN {
        let report = run(plan(seed));
        assert_eq!(report.violation, None, "{}", told(&report));
    }
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in 0..40 {
        let (first, second) = (run(plan(seed)), run(plan(seed)));
        if first.hash != second.hash {
            let differ = first.trace.iter().zip(&second.trace).position(|(a, b)| a != b);
            let at = differ.unwrap_or(0);
            panic!(
                "seed {seed}, line {at}:\n{:?}\n{:?}",
                first.trace.get(at),
                second.trace.get(at)
            );
        }
    }
}
