//! Finished streams leave the state and are never missed: not by readers meanwhile, not after a stop anywhere, not when
//! the state or a volume is lost.

use crate::common::{Rng, block_on, copy_dir, options};
use crate::sim::{Fault, SimDisk};
use bytes::Bytes;
use dirigent_store::{
    Append, Budget, Feed, FeedItem, MaintainBudget, OpenError, Options, Position, Store, StreamId, Txn,
    check, import, open,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const RECORDS: u64 = 7;

pub(crate) fn with(dir: &Path) -> Options {
    let mut options = options(dir);
    options.archive_streams = 1;
    options
}

pub(crate) fn stream(n: u64) -> StreamId {
    StreamId(u128::from(n).to_be_bytes())
}

fn record(n: u64, seq: u64) -> Bytes {
    Bytes::from(format!("record {seq} of {n} ").repeat(1 + usize::try_from(n * seq % 40).unwrap()))
}

/// Streams `from..=to`, written and closed.
pub(crate) fn write(store: &dyn Store, from: u64, to: u64) {
    let txns = (from..=to).flat_map(|n| {
        (1..=RECORDS).map(move |seq| Txn {
            appends: vec![Append {
                stream: stream(n),
                expected: seq,
                records: vec![record(n, seq)],
            }],
            closes: if seq == RECORDS {
                vec![stream(n)]
            } else {
                Vec::new()
            },
            ..Txn::default()
        })
    });
    let answers: Vec<_> = txns.map(|txn| store.commit(txn)).collect();
    for answer in answers {
        block_on(answer).unwrap();
    }
}

pub(crate) fn archive(store: &dyn Store) -> u64 {
    let budget = MaintainBudget {
        settle: Some(Duration::from_secs(60)),
        archive_bytes: u64::MAX,
        ..MaintainBudget::default()
    };
    block_on(store.maintain(budget)).unwrap().streams_archived
}

fn verify(store: &dyn Store, to: u64, what: &str) {
    verify_these(store, 1..=to, what);
}

pub(crate) fn verify_these(store: &dyn Store, streams: impl IntoIterator<Item = u64>, what: &str) {
    for n in streams {
        let page = store
            .read(Feed::Stream(stream(n)), Position(0), Budget::default())
            .unwrap_or_else(|e| panic!("{what}, stream {n}: {e}"));
        let records: Vec<_> = page
            .items
            .iter()
            .map(|item| match item {
                FeedItem::Record { seq, data, .. } => (*seq, data.clone()),
                FeedItem::Commit(_) => panic!("{what}: a commit in a stream"),
            })
            .collect();
        let wanted: Vec<_> = (1..=RECORDS).map(|seq| (seq, record(n, seq))).collect();
        assert!(
            records == wanted,
            "{what}: stream {n} has {} records",
            records.len()
        );
        assert_eq!(store.stream_end(stream(n)).unwrap(), RECORDS, "{what}");
    }
}

#[test]
fn what_is_archived_leaves_the_state_and_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(with(dir.path())).unwrap();
    write(&*store, 1, 300);
    assert_eq!(store.stats().resting, 300);
    assert_eq!(archive(&*store), 300);
    let stats = store.stats();
    assert_eq!((stats.resting, stats.archived), (0, 300));
    assert!(stats.archive_bytes > 100_000);
    verify(&*store, 300, "archived");
    drop(store);
    let report = check(dir.path()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.volumes, report.archived), (1, 300));
    // Nothing of the streams is left in sled: only which volume there is.
    assert_eq!(report.rows, 0);
    verify(&*open(with(dir.path())).unwrap(), 300, "reopened");
}

#[test]
fn few_streams_rest_until_a_day_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(std::sync::atomic::AtomicU64::new(1_000_000_000_000));
    let mut with = options(dir.path());
    let source = clock.clone();
    with.clock = Arc::new(move || source.load(Ordering::Acquire));
    let store = open(with).unwrap();
    write(&*store, 1, 3);
    assert_eq!(archive(&*store), 0);
    clock.fetch_add(25 * 3600 * 1000, Ordering::AcqRel);
    assert_eq!(archive(&*store), 3);
    verify(&*store, 3, "a day later");
}

#[test]
fn readers_miss_nothing_while_streams_move() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(with(dir.path())).unwrap();
    write(&*store, 1, 120);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        verify(&*store, 120, "meanwhile");
                    }
                })
            })
            .collect();
        for round in 1..6 {
            archive(&*store);
            write(&*store, round * 120 + 1, round * 120 + 120);
        }
        done.store(true, Ordering::Release);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    verify(&*store, 720, "at the end");
}

#[test]
fn a_lost_state_comes_back_without_what_the_archive_holds() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(with(dir.path())).unwrap();
    write(&*store, 1, 50);
    archive(&*store);
    write(&*store, 51, 60);
    drop(store);
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let store = open(with(dir.path())).unwrap();
    verify(&*store, 60, "rebuilt from the journal");
    assert_eq!(archive(&*store), 60, "50 marks and 10 streams");
    assert_eq!(store.stats().archived, 60);
    let report = block_on(store.export(None, false)).unwrap();
    write(&*store, 61, 70);
    let prune = MaintainBudget {
        settle: Some(Duration::from_secs(60)),
        prune: true,
        ..MaintainBudget::default()
    };
    block_on(store.maintain(prune)).unwrap();
    drop(store);
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    verify(&*open(with(dir.path())).unwrap(), 70, "rebuilt from an export");
    assert!(check(dir.path()).unwrap().is_sound());
    // What was exported for this store's own use needs its archive; elsewhere it is refused, not half restored.
    let other = dir.path().join("other");
    assert!(import(&with(&other), &report.path).is_err());
}

#[test]
fn a_damaged_or_missing_volume_is_built_again_or_refused_by_name() {
    for (seed, pruned) in (0..12u64).flat_map(|seed| [(seed, false), (seed, true)]) {
        let mut rng = Rng::new(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut small = with(dir.path());
        small.segment_bytes = 64 << 10;
        let store = open(small.clone()).unwrap();
        write(&*store, 1, 40);
        archive(&*store);
        if pruned {
            block_on(store.export(None, false)).unwrap();
            write(&*store, 41, 300);
            let prune = MaintainBudget {
                settle: Some(Duration::from_secs(60)),
                prune: true,
                ..MaintainBudget::default()
            };
            assert!(block_on(store.maintain(prune)).unwrap().segments_removed > 0);
        }
        drop(store);
        let to = if pruned { 300 } else { 40 };
        let volume = dir.path().join("archive/000000000001.arc");
        let mut bytes = std::fs::read(&volume).unwrap();
        let what = seed % 3;
        match what {
            0 => std::fs::remove_file(&volume).unwrap(),
            1 => {
                bytes.truncate(usize::try_from(rng.below(bytes.len() as u64)).unwrap());
                std::fs::write(&volume, bytes).unwrap();
            }
            _ => {
                let at = bytes.len() - 1 - usize::try_from(rng.below(90)).unwrap();
                bytes[at] ^= 1 << rng.below(8);
                std::fs::write(&volume, bytes).unwrap();
            }
        }
        let what = format!("seed {seed}, pruned {pruned}, damage {what}");
        assert!(!check(dir.path()).unwrap().is_sound(), "{what}");
        match open(small) {
            Ok(store) => {
                assert!(!pruned, "{what}: nothing else holds it");
                verify(&*store, to, &what);
            }
            Err(OpenError::NotRebuildable { fault, .. }) => {
                assert!(pruned, "{what}: the journal holds it");
                assert!(fault.to_string().contains("volume 1"), "{what}: {fault}");
            }
            Err(e) => panic!("{what}: {e}"),
        }
    }
}

#[test]
fn rot_in_a_page_is_never_handed_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(with(dir.path())).unwrap();
    write(&*store, 1, 40);
    archive(&*store);
    let volume = dir.path().join("archive/000000000001.arc");
    let good = std::fs::read(&volume).unwrap();
    let mut rng = Rng::new(3);
    let mut noticed = 0;
    for round in 0..60 {
        let mut bad = good.clone();
        let at = usize::try_from(rng.below(good.len() as u64)).unwrap();
        bad[at] ^= 1 << rng.below(8);
        std::fs::write(&volume, bad).unwrap();
        for n in 1..=40 {
            match store.read(Feed::Stream(stream(n)), Position(0), Budget::default()) {
                Ok(page) => assert_eq!(page.items.len() as u64, RECORDS, "round {round}, byte {at}"),
                Err(e) => {
                    noticed += 1;
                    assert!(e.to_string().contains("000000000001.arc"), "{e}");
                }
            }
        }
    }
    std::fs::write(&volume, good).unwrap();
    assert!(noticed > 20, "{noticed}");
    verify(&*store, 40, "repaired");
}

/// Power cuts at every kind of moment of a move; sled as it was when the last session ended, or gone.
#[test]
fn no_power_cut_during_a_move_loses_a_stream() {
    let seed = std::env::var("DIRIGENT_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1);
    println!("seed {seed}");
    let rounds = if std::env::var_os("DIRIGENT_LONG").is_some() {
        4000
    } else {
        60
    };
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("store");
    let disk = SimDisk::new(&dir);
    let mut moments = Vec::new();
    for session in 0..3u64 {
        let mut with = with(&dir);
        with.disk = Arc::new(disk.clone());
        let store = open(with).unwrap();
        for round in 0..3 {
            let to = session * 30 + round * 10 + 10;
            write(&*store, to - 9, to);
            moments.push((disk.moment(), to, None));
            archive(&*store);
        }
        drop(store);
        let copy = root.path().join(format!("sled-{session}"));
        copy_dir(&dir.join("state"), &copy);
        moments.push((disk.moment(), session * 30 + 30, Some(copy)));
    }
    let end = disk.moment();
    for round in 0..rounds {
        let moment = usize::try_from(rng.below(end as u64 + 1)).unwrap();
        let what = format!("seed {seed}, round {round}, moment {moment} of {end}");
        let image = tempfile::tempdir().unwrap();
        disk.crash(moment, &mut rng, image.path());
        let before = || moments.iter().rev().filter(|(at, _, _)| *at <= moment);
        let sled = before().find_map(|(_, _, copy)| copy.as_ref());
        if let Some(copy) = sled.filter(|_| rng.below(3) > 0) {
            copy_dir(copy, &image.path().join("state"));
        }
        let to = before().next().map_or(0, |(_, to, _)| *to);
        let store = open(with(image.path())).unwrap_or_else(|e| panic!("{what}: {e}"));
        verify(&*store, to, &what);
        archive(&*store);
        verify(&*store, to, &format!("{what}, moved again"));
    }
}

#[test]
fn whichever_operation_of_a_move_fails_nothing_is_lost() {
    for kind in Fault::ALL {
        for nth in 1..=14 {
            let dir = tempfile::tempdir().unwrap();
            let disk = SimDisk::new(dir.path());
            let mut failing = with(dir.path());
            failing.disk = Arc::new(disk.clone());
            let store = open(failing).unwrap();
            write(&*store, 1, 30);
            let what = format!("{kind:?} at operation {nth}");
            let budget = |archive_bytes| MaintainBudget {
                settle: Some(Duration::from_secs(60)),
                archive_bytes,
                ..MaintainBudget::default()
            };
            block_on(store.maintain(budget(0))).unwrap();
            disk.fail_nth(nth, kind, false);
            let outcome = block_on(store.maintain(budget(u64::MAX)));
            verify(&*store, 30, &what);
            if outcome.is_err() {
                assert!(block_on(store.maintain(budget(u64::MAX))).is_ok(), "{what}");
                verify(&*store, 30, &what);
            }
            drop(store);
            verify(&*open(with(dir.path())).unwrap(), 30, &what);
        }
    }
}
