//! Durable commits per second, beside the same bytes appended to a zeroed file with one `fdatasync` per group in the same
//! run: the ratio is what can be compared between machines.
//!
//! `cargo bench -p dirigent-store`; `DIRIGENT_BENCH_DIR` chooses the disk, `DIRIGENT_BENCH_N` the number of commits.

#![expect(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

use bytes::Bytes;
use dirigent_store::{
    Append, Guard, Key, MaintainBudget, Options, Position, Stats, Store, StreamId, Txn, open,
};
use futures::stream::{FuturesUnordered, StreamExt};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// What one step of a run commits: a record of its journal and its state document, guarded by its revision.
fn step(run: u64, seq: u64, revision: Option<u64>) -> Txn {
    let key = Key::from(format!("run/{run:016}"));
    let guards = revision
        .map(|revision| Guard::Revision {
            key: key.clone(),
            revision,
        })
        .into_iter()
        .collect();
    let record = Bytes::from(vec![b'e'; 200]);
    let stream = StreamId(u128::from(run + 1).to_be_bytes());
    let appends = vec![Append {
        stream,
        expected: seq,
        records: vec![record],
    }];
    Txn {
        guards,
        appends,
        puts: vec![(key, Bytes::from(vec![b's'; 100]))],
        ..Txn::default()
    }
}

fn per_second(n: u64, took: Duration) -> f64 {
    n as f64 / took.as_secs_f64()
}

/// Appends `groups` times `bytes` to a zeroed file, each made durable.
fn raw(dir: &Path, groups: u64, bytes: usize) -> Duration {
    let path = dir.join("raw");
    let file = File::create(&path).unwrap();
    let zeros = vec![0; 1 << 20];
    let size = groups * bytes as u64;
    (0..=size >> 20).for_each(|i| file.write_all_at(&zeros, i << 20).unwrap());
    file.sync_all().unwrap();
    let frame = vec![1; bytes];
    let started = Instant::now();
    for i in 0..groups {
        file.write_all_at(&frame, i * bytes as u64).unwrap();
        file.sync_data().unwrap();
    }
    let took = started.elapsed();
    std::fs::remove_file(path).unwrap();
    took
}

fn sequential(store: &dyn Store, n: u64) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let started = Instant::now();
    let mut revision = None;
    for seq in 1..=n {
        revision = Some(
            runtime
                .block_on(store.commit(step(0, seq, revision)))
                .unwrap()
                .position
                .0,
        );
    }
    started.elapsed()
}

/// `writers` runs at once, each waiting for its step before the next. Answers the time and the worst answer times.
fn grouped(store: &dyn Store, writers: u64, steps: u64) -> (Duration, Duration, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let started = Instant::now();
    let mut latencies = Vec::new();
    runtime.block_on(async {
        let mut open = FuturesUnordered::new();
        let submit = |run: u64, seq: u64, revision| {
            let (sent, answer) = (
                Instant::now(),
                store.commit(step(writers * 10 + run, seq, revision)),
            );
            async move { (run, seq, sent, answer.await) }
        };
        (0..writers).for_each(|run| open.push(submit(run, 1, None)));
        while let Some((run, seq, sent, answer)) = open.next().await {
            latencies.push(sent.elapsed());
            if seq < steps {
                open.push(submit(run, seq + 1, Some(answer.unwrap().position.0)));
            }
        }
    });
    let took = started.elapsed();
    latencies.sort();
    (
        took,
        latencies[latencies.len() / 2],
        latencies[latencies.len() * 99 / 100],
    )
}

fn settle(store: &dyn Store) {
    let budget = MaintainBudget {
        settle: Some(Duration::from_secs(120)),
        ..MaintainBudget::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.maintain(budget)).unwrap();
}

/// Groups since `before`, and bytes of one.
fn per_group(store: &dyn Store, before: Stats) -> (u64, usize) {
    let after = store.stats();
    let groups = after.groups - before.groups;
    (
        groups,
        usize::try_from((after.journal_bytes - before.journal_bytes) / groups).unwrap(),
    )
}

fn row(dir: &Path, writers: u64, total: u64, took: Duration, (groups, bytes): (u64, usize)) {
    let (ours, theirs) = (
        per_second(total, took),
        per_second(total, raw(dir, groups, bytes)),
    );
    let share = total as f64 / groups as f64;
    print!(
        "{writers:7} {ours:11.0} {theirs:9.0} {:7.2} {share:15.1}",
        ours / theirs
    );
}

fn main() {
    let n: u64 = std::env::var("DIRIGENT_BENCH_N")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2_000);
    let parent = std::env::var_os("DIRIGENT_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(parent).unwrap();
    let store = open(Options::new(dir.path().join("store"))).unwrap();
    println!("writers   commits/s     raw/s   ratio   commits/group   p50 ms   p99 ms");
    let before = store.stats();
    let took = sequential(&*store, n);
    row(dir.path(), 1, n, took, per_group(&*store, before));
    println!();
    for writers in [10, 100, 1000] {
        settle(&*store);
        let before = store.stats();
        let steps = (n * 20 / writers).max(10);
        let (took, p50, p99) = grouped(&*store, writers, steps);
        row(
            dir.path(),
            writers,
            writers * steps,
            took,
            per_group(&*store, before),
        );
        println!(" {:8.2} {:8.2}", p50.as_secs_f64() * 1e3, p99.as_secs_f64() * 1e3);
    }
    let started = Instant::now();
    settle(&*store);
    let stats = store.stats();
    let (journal, sled) = (stats.journal_bytes >> 10, stats.state_bytes >> 10);
    let caught_up = started.elapsed();
    println!(
        "state caught up {caught_up:?} later: {} commits, {journal} KiB journal, {sled} KiB sled",
        stats.applied
    );
    assert_eq!((stats.applied, stats.state_blobs), (stats.head, 0));
    assert!(stats.head > Position(n));
    drop(store);
    std::fs::remove_dir_all(dir.path().join("store/state")).unwrap();
    let started = Instant::now();
    let rebuilt = open(Options::new(dir.path().join("store"))).unwrap();
    let took = started.elapsed();
    println!(
        "rebuilt from the journal: {:.0} commits/s",
        per_second(rebuilt.head().0, took)
    );
}
