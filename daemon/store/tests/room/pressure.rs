//! Readers beside writers, a full overlay, a full disk.

use crate::common::verify;
use crate::common::{block_on, fill, numbered, options};
use dirigent_store::io::{Disk, DiskFile, Mode, RealDisk};
use dirigent_store::{
    Budget, CommitError, Feed, FeedItem, Key, OpenError, Position, ScanRange, Store, Txn, open,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Waits for a state, with a deadline; the store's own wait paces the looking.
fn until(store: &dyn Store, mut reached: impl FnMut() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < Duration::from_secs(30), "not reached in 30 s");
        block_on(store.wait(Position(u64::MAX), Duration::from_millis(5)));
    }
}

fn counter(store: &dyn Store) -> u64 {
    let found = store.get(b"counter").unwrap().map_or(0, |v| v.revision);
    let scanned = store.scan(ScanRange::prefix(b"counter")).unwrap();
    let scanned = scanned.items.first().map_or(0, |(_, v)| v.revision);
    assert!(scanned >= found, "a scan saw {scanned} after a get saw {found}");
    scanned
}

fn read_on(store: &dyn Store, acked: &AtomicU64, done: &AtomicBool) -> u64 {
    let mut seen = 0;
    while !done.load(Ordering::Acquire) {
        let least = acked.load(Ordering::Acquire).max(seen);
        let now = counter(store);
        assert!(
            now >= least,
            "{least} was acknowledged or seen, then {now} was read"
        );
        seen = now;
    }
    seen
}

fn follow(store: &dyn Store, to: u64) {
    let mut cursor = Position(0);
    while cursor.0 < to {
        block_on(store.wait(cursor, Duration::from_secs(30)));
        let page = store
            .read(
                Feed::All,
                cursor,
                Budget {
                    items: 7,
                    bytes: 1 << 20,
                },
            )
            .unwrap();
        for item in page.items {
            let FeedItem::Commit(commit) = item else {
                panic!("a commit was expected")
            };
            assert_eq!(commit.position, cursor.next());
            cursor = commit.position;
        }
    }
}

#[test]
fn readers_never_see_less_than_was_acknowledged() {
    const N: u64 = 4_000;
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    let (acked, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| read_on(&*store, &acked, &done)))
            .collect();
        let follower = scope.spawn(|| follow(&*store, N));
        for n in 0..N {
            let puts = vec![(Key::from_static(b"counter"), n.to_string().into())];
            let receipt = block_on(store.commit(Txn {
                puts,
                ..Txn::default()
            }))
            .unwrap();
            acked.store(receipt.position.0, Ordering::Release);
        }
        done.store(true, Ordering::Release);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
        follower.join().unwrap();
    });
}

#[test]
fn a_full_overlay_refuses_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let mut with = options(dir.path());
    with.overlay_bytes = 64 << 10;
    let store = open(with).unwrap();
    let (mut n, mut refused) = (1, 0);
    while refused == 0 || n < 200 {
        match block_on(store.commit(numbered(n))) {
            Ok(_) => n += 1,
            Err(CommitError::Overloaded { retry_after }) => {
                refused += 1;
                until(&*store, || store.stats().overlay_bytes < 32 << 10);
                assert!(retry_after > Duration::ZERO);
            }
            Err(e) => panic!("{e}"),
        }
        assert!(n < 20_000, "the overlay never filled");
    }
    verify(&*store, n - 1, "after overload");
}

/// A disk whose free space is what the test says.
struct Gauge(Arc<AtomicU64>);

impl Disk for Gauge {
    fn open(&self, path: &Path, mode: Mode) -> std::io::Result<Arc<dyn DiskFile>> {
        let full = self.0.load(Ordering::Acquire) == 0;
        if full && mode == Mode::Create {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        RealDisk.open(path, mode)
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        RealDisk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> std::io::Result<()> {
        RealDisk.create_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> std::io::Result<()> {
        RealDisk.sync_dir(path)
    }
    fn free_bytes(&self, _: &Path) -> std::io::Result<u64> {
        Ok(self.0.load(Ordering::Acquire))
    }
}

/// Until the next segment and the one kept for a full disk are there.
fn until_prepared(store: &dyn Store, dir: &Path) {
    until(store, || {
        ["spare", "reserve"]
            .iter()
            .all(|name| dir.join("journal").join(name).exists())
    });
}

#[test]
fn a_full_disk_can_be_opened_while_a_segment_is_in_hand() {
    let dir = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let mut with = options(dir.path());
    with.disk = Arc::new(Gauge(free.clone()));
    let store = open(with.clone()).unwrap();
    fill(&*store, 1, 10);
    until_prepared(&*store, dir.path());
    drop(store);
    free.store(0, Ordering::Release);
    for n in 11..=12 {
        let store = open(with.clone()).unwrap();
        block_on(store.commit(Txn {
            reserve: true,
            ..numbered(n)
        }))
        .unwrap();
    }
    match open(with.clone()) {
        Err(OpenError::Io(fault)) => assert_eq!(fault.source.kind(), std::io::ErrorKind::StorageFull),
        other => panic!("{:?}", other.map(|store| store.head())),
    }
    free.store(u64::MAX, Ordering::Release);
    verify(&*open(with).unwrap(), 12, "after space came back");
}

#[test]
fn a_full_disk_refuses_new_work_but_takes_outcomes_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let mut with = options(dir.path());
    with.segment_bytes = 64 << 10;
    with.disk = Arc::new(Gauge(free.clone()));
    let store = open(with.clone()).unwrap();
    fill(&*store, 1, 10);
    until(&*store, || {
        ["spare", "reserve"]
            .iter()
            .all(|name| dir.path().join("journal").join(name).exists())
    });
    free.store(0, Ordering::Release);
    until(&*store, || store.stats().full);
    assert_eq!(block_on(store.commit(numbered(11))), Err(CommitError::Full));
    // Outcomes go on until spare and reserve are used up: two segments of 64 KiB at least.
    let mut n = 11;
    let last = loop {
        let outcome = Txn {
            reserve: true,
            ..numbered(n)
        };
        match block_on(store.commit(outcome)) {
            Ok(_) => n += 1,
            Err(e) => break e,
        }
    };
    assert_eq!(last, CommitError::Full);
    assert!(n > 40, "only {n} outcomes fitted");
    verify(&*store, n - 1, "while full");
    free.store(u64::MAX, Ordering::Release);
    let started = Instant::now();
    until(&*store, || block_on(store.commit(numbered(n))).is_ok());
    assert!(started.elapsed() < Duration::from_secs(10));
    verify(&*store, n, "after space came back");
    drop(store);
    verify(&*open(with).unwrap(), n, "after a restart");
}
