//! The power goes at any moment: whatever was acknowledged is there, and nothing is there that never was.
//!
//! Journal, blobs, exports and names come from a recording disk. sled does its own writing, so it is copied while it
//! works: what it had synced is the base, and of what it wrote since each sector is kept by chance.

use crate::blend::{self, Sled, Watcher};
use crate::common::{Rng, block_on, numbered, options, rounds, seed, verify};
use crate::sim::SimDisk;
use bytes::Bytes;
use dirigent_store::{BlobId, MaintainBudget, Options, Position, Store, Txn, open};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) fn small(dir: &Path) -> Options {
    let mut options = options(dir);
    options.segment_bytes = 64 << 10;
    options
}

/// What was true from which moment on.
type Moments<T> = Vec<(usize, T)>;

/// What a few sessions on a recording disk acknowledged, and when.
#[derive(Default)]
struct Recorded {
    commits: Moments<u64>,
    blobs: Moments<(BlobId, Bytes)>,
    sleds: Vec<Sled>,
}

/// Commits a few at once, every tenth one with a payload of its own.
fn burst(store: &dyn Store, disk: &SimDisk, n: &mut u64, many: u64, seen: &mut Recorded) {
    let mut answers = Vec::new();
    for _ in 0..many {
        *n += 1;
        let mut txn = numbered(*n);
        if n.is_multiple_of(10) {
            let bytes = Bytes::from(format!("payload {n} ").repeat(usize::try_from(*n).unwrap()));
            let id = block_on(store.blob_put(crate::common::SPACE, bytes.clone())).unwrap();
            seen.blobs.push((disk.moment(), (id, bytes)));
            txn.blobs.push(id);
        }
        answers.push(store.commit(txn));
    }
    for answer in answers {
        let position = block_on(answer).unwrap().position;
        seen.commits.push((disk.moment(), position.0));
    }
}

/// Until everything acknowledged is in sled, durably.
fn settle(store: &dyn Store, prune: bool) {
    let settle = Some(Duration::from_secs(60));
    block_on(store.maintain(MaintainBudget {
        settle,
        prune,
        ..MaintainBudget::default()
    }))
    .unwrap();
}

/// A burst onto a settled sled, which is copied before, and while it writes.
fn torn(store: &dyn Store, disk: &SimDisk, dir: &Path, copies: &Path, n: &mut u64, seen: &mut Recorded) {
    settle(store, false);
    let mut base = blend::copy(disk, dir, &copies.join("base"));
    let done = AtomicBool::new(false);
    let watcher = Watcher::new(store, disk, dir, copies);
    std::thread::scope(|scope| {
        let caught = scope.spawn(|| watcher.until(&done));
        burst(store, disk, n, 5, seen);
        settle(store, false);
        done.store(true, Ordering::Release);
        base.newer = caught.join().unwrap();
    });
    seen.sleds.push(base);
}

/// Five sessions; an export in the second and the fourth, behind which the journal is cut.
fn record(disk: &SimDisk, dir: &Path, copies: &Path) -> Recorded {
    let mut seen = Recorded::default();
    let mut n = 0;
    for session in 0..5 {
        let mut with = small(dir);
        with.disk = Arc::new(disk.clone());
        let store = open(with).unwrap();
        for round in 0..12u64 {
            if round % 3 == 0 {
                torn(
                    &*store,
                    disk,
                    dir,
                    &copies.join(format!("{session}-{round}")),
                    &mut n,
                    &mut seen,
                );
            } else {
                burst(&*store, disk, &mut n, round % 6 + 1, &mut seen);
            }
            if session % 2 == 1 && round == 6 {
                block_on(store.export(None, true)).unwrap();
                settle(&*store, true);
            }
        }
        drop(store);
        let name = format!("end-{session}");
        seen.sleds.push(blend::copy(disk, dir, &copies.join(name)));
    }
    seen
}

fn newest<T>(moments: &Moments<T>, moment: usize) -> Option<&T> {
    moments
        .iter()
        .rfind(|(at, _)| *at <= moment)
        .map(|(_, what)| what)
}

/// Chooses a moment and what sled had on disk by then; says what it chose.
fn choose(seen: &Recorded, end: usize, rng: &mut Rng, state: &Path) -> (usize, &'static str) {
    let torn: Vec<_> = seen
        .sleds
        .iter()
        .flat_map(|base| base.newer.iter().map(move |newer| (base, newer)))
        .collect();
    match rng.below(4) {
        0 if !torn.is_empty() => {
            let (base, newer) = torn[usize::try_from(rng.below(torn.len() as u64)).unwrap()];
            blend::blend(&base.dir, &newer.dir, rng, state);
            (newer.at, "sled torn")
        }
        1 | 2 => {
            let moment = usize::try_from(rng.below(end as u64 + 1)).unwrap();
            match seen.sleds.iter().rfind(|base| base.at <= moment) {
                None => (moment, "no sled yet"),
                Some(base) => {
                    crate::common::copy_dir(&base.dir, state);
                    (moment, "sled as synced")
                }
            }
        }
        _ => (usize::try_from(rng.below(end as u64 + 1)).unwrap(), "sled gone"),
    }
}

#[test]
fn no_power_cut_loses_what_was_acknowledged() {
    let seed = seed("power");
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().unwrap();
    let home = root.path().join("disk");
    std::fs::create_dir(&home).unwrap();
    let disk = SimDisk::new(&home);
    let seen = record(&disk, &home.join("store"), &root.path().join("copies"));
    let end = disk.moment();
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for round in 0..rounds(300, 20_000) {
        let image = tempfile::tempdir().unwrap();
        let dir = image.path().join("store");
        let state = tempfile::tempdir().unwrap();
        let (moment, sled) = choose(&seen, end, &mut rng, &state.path().join("state"));
        disk.crash(moment, &mut rng, image.path());
        if dir.exists() && state.path().join("state").exists() {
            crate::common::copy_dir(&state.path().join("state"), &dir.join("state"));
        }
        let what = format!("seed {seed}, round {round}, moment {moment} of {end}, {sled}");
        let acked = newest(&seen.commits, moment).copied().unwrap_or(0);
        let store = open(small(&dir)).unwrap_or_else(|e| panic!("{what}: {e}"));
        let rebuilt = std::fs::read_dir(&dir).unwrap().any(|e| {
            e.unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("state.aside")
        });
        *counts
            .entry((
                sled,
                if rebuilt {
                    "rebuilt"
                } else {
                    "as it was or from nothing"
                },
            ))
            .or_default() += 1;
        verify(&*store, acked, &what);
        for (_, (id, bytes)) in seen.blobs.iter().filter(|(at, _)| *at <= moment) {
            let found = block_on(store.blob_get(*id)).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(found == *bytes, "{what}: a payload is another one");
        }
        // What comes after a cut holds as well.
        let next = store.head().next();
        let receipt = block_on(store.commit(numbered(next.0))).unwrap();
        assert_eq!(receipt.position, next, "{what}");
        drop(store);
        if round % 8 == 0 {
            let store = open(small(&dir)).unwrap_or_else(|e| panic!("{what}, opened again: {e}"));
            verify(&*store, next.0, &format!("{what}, opened again"));
        }
    }
    println!("power cuts: {counts:?}");
}

/// The tail whose sync failed is not trusted because it can be read: it is written and synced again before it counts.
#[test]
fn a_tail_whose_sync_failed_is_written_again_before_it_counts() {
    let seed = seed("failed sync, then power");
    let mut rng = Rng::new(seed);
    for round in 0..rounds(12, 500) {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("store");
        let disk = SimDisk::new(root.path());
        let mut with = small(&dir);
        with.disk = Arc::new(disk.clone());
        let store = open(with.clone()).unwrap();
        let mut acked = 0;
        disk.fail_nth(1 + rng.below(40), crate::sim::Fault::Error, false);
        for n in 1..=40 {
            match block_on(store.commit(numbered(n))) {
                Ok(receipt) => acked = receipt.position.0,
                Err(_) => break,
            }
        }
        drop(store);
        assert_eq!(
            disk.resynced(),
            Vec::<std::path::PathBuf>::new(),
            "seed {seed}, round {round}"
        );
        disk.heal();
        disk.forget_failed_syncs();
        let store = open(with).unwrap();
        verify(
            &*store,
            acked,
            &format!("seed {seed}, round {round}, opened again"),
        );
        let shown = store.head();
        let next = block_on(store.commit(numbered(shown.next().0))).unwrap().position;
        let moment = disk.moment();
        drop(store);
        let image = tempfile::tempdir().unwrap();
        disk.crash(moment, &mut rng, image.path());
        let store = open(small(&image.path().join("store"))).unwrap();
        verify(
            &*store,
            next.0,
            &format!("seed {seed}, round {round}, then power"),
        );
    }
}

/// Nothing happens by itself any more: spares are made, the confirmation is written, sled has caught up.
pub(crate) fn quiet(store: &dyn Store, disk: &SimDisk) {
    loop {
        let before = disk.moment();
        block_on(store.wait(Position(u64::MAX), Duration::from_millis(300)));
        if disk.moment() == before {
            return;
        }
    }
}

#[test]
fn a_cut_between_a_payload_and_its_reference_leaves_no_reference_without_a_payload() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("store");
    let disk = SimDisk::new(root.path());
    let mut with = small(&dir);
    with.disk = Arc::new(disk.clone());
    let store = open(with).unwrap();
    let bytes = Bytes::from(vec![9; 70_000]);
    let id = block_on(store.blob_put(crate::common::SPACE, bytes.clone())).unwrap();
    let before = disk.moment();
    let txn = Txn {
        blobs: vec![id],
        ..numbered(1)
    };
    block_on(store.commit(txn)).unwrap();
    let mut rng = Rng::new(seed("payload"));
    for moment in before..=disk.moment() {
        for _ in 0..3 {
            let image = tempfile::tempdir().unwrap();
            disk.crash(moment, &mut rng, image.path());
            let store = open(small(&image.path().join("store"))).unwrap();
            assert_eq!(block_on(store.blob_get(id)).unwrap(), bytes, "moment {moment}");
        }
    }
}
