//! kill -9 of a process that commits, again and again in one directory, also while it recovers.

use crate::common::verify;
use crate::common::{Rng, block_on, numbered, options};
use dirigent_store::{Store, open};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CHILD: &str = "DIRIGENT_STORE_KILL_CHILD";

/// The child: commits numbered transactions and prints each acknowledged number. Does nothing unless asked to.
#[test]
fn child_commits_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let mut with = options(Path::new(&dir));
    with.segment_bytes = 64 << 10;
    let store = open(with).unwrap();
    let mut n = store.head().0;
    let mut out = std::io::stdout();
    loop {
        let burst: Vec<_> = (1..=n % 5 + 1).map(|i| store.commit(numbered(n + i))).collect();
        for answer in burst {
            n = block_on(answer).unwrap().position.0;
            writeln!(out, "acked {n}").unwrap();
        }
        out.flush().unwrap();
    }
}

/// Runs the child and kills it `patience` after it began; answers the newest acknowledged number.
fn killed(dir: &Path, patience: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kills::child_commits_until_it_is_killed",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let started = Instant::now();
    let (mut acked, mut killed) = (0, false);
    for line in out.lines() {
        let line = line.unwrap();
        acked = line
            .split_once("acked ")
            .and_then(|(_, n)| n.parse().ok())
            .unwrap_or(acked);
        if !killed && started.elapsed() >= patience {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    acked
}

#[test]
fn no_kill_loses_what_was_acknowledged() {
    let kills = if std::env::var_os("DIRIGENT_LONG").is_some() {
        300
    } else {
        8
    };
    let seed = std::env::var("DIRIGENT_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1);
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut acked = 0;
    for kill in 0..kills {
        // Every third time the state is gone, so that the kill may fall into the rebuild.
        if kill % 3 == 2 && dir.path().join("state").exists() {
            std::fs::remove_dir_all(dir.path().join("state")).unwrap();
        }
        acked = killed(dir.path(), Duration::from_millis(rng.below(250))).max(acked);
        if kill % 2 == 0 {
            let mut with = options(dir.path());
            with.segment_bytes = 64 << 10;
            let store = open(with).unwrap_or_else(|e| panic!("seed {seed}, kill {kill}: {e}"));
            verify(&*store, acked, &format!("seed {seed}, kill {kill}"));
            acked = acked.max(head(&*store));
        }
    }
    assert!(acked > 0);
}

fn head(store: &dyn Store) -> u64 {
    store.head().0
}
