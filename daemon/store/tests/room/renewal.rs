//! The state fails while the store is open: commits go on, and it is built again behind them.

use crate::common::{block_on, contents, fill, numbered, options};
use bytes::Bytes;
use dirigent_store::io::{Disk, DiskFile, Mode, RealDisk};
use dirigent_store::{
    CommitError, Key, MaintainBudget, Options, Position, ReadError, Store, Txn, check, open,
};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How the state's own sync behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sync {
    Works,
    /// Fails, and from then on waits until it works again.
    FailsOnce,
    Waits,
    Fails,
}

#[derive(Clone)]
struct Gate {
    sync: Arc<(Mutex<Sync>, Condvar)>,
    failed: Arc<AtomicU64>,
}

impl Gate {
    fn new() -> Self {
        Self {
            sync: Arc::new((Mutex::new(Sync::Works), Condvar::new())),
            failed: Arc::default(),
        }
    }

    fn set(&self, to: Sync) {
        *self.sync.0.lock().unwrap() = to;
        self.sync.1.notify_all();
    }

    fn options(&self, dir: &Path) -> Options {
        let mut with = options(dir);
        with.disk = Arc::new(self.clone());
        with
    }
}

impl Disk for Gate {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Arc<dyn DiskFile>> {
        RealDisk.open(path, mode)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }

    fn sync_state(&self, log: &File) -> io::Result<()> {
        let (sync, changed) = &*self.sync;
        let mut now = sync.lock().unwrap();
        if matches!(*now, Sync::FailsOnce | Sync::Fails) {
            if *now == Sync::FailsOnce {
                *now = Sync::Waits;
            }
            self.failed.fetch_add(1, Ordering::AcqRel);
            return Err(io::Error::from_raw_os_error(5));
        }
        let now = changed
            .wait_timeout_while(now, Duration::from_secs(60), |now| *now == Sync::Waits)
            .unwrap();
        assert!(!now.1.timed_out(), "the gate was never opened");
        log.sync_data()
    }
}

fn until(store: &dyn Store, mut reached: impl FnMut() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < Duration::from_secs(60), "not reached in 60 s");
        block_on(store.wait(Position(u64::MAX), Duration::from_millis(5)));
    }
}

fn settle(store: &dyn Store) {
    let settle = Some(Duration::from_secs(60));
    block_on(store.maintain(MaintainBudget {
        settle,
        ..MaintainBudget::default()
    }))
    .unwrap();
}

#[test]
fn commits_go_on_while_the_state_is_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new();
    let store = open(gate.options(dir.path())).unwrap();
    fill(&*store, 1, 3000);
    settle(&*store);
    gate.set(Sync::FailsOnce);
    fill(&*store, 3001, 3001);
    until(&*store, || store.stats().rebuilding.is_some());
    // The next state cannot become durable, and yet everybody is answered.
    fill(&*store, 3002, 3200);
    assert_eq!(store.head(), Position(3200));
    assert!(store.get(b"own/00003200").unwrap().is_some());
    assert!(
        store.get(b"own/00002999").unwrap().is_some(),
        "remembered from before"
    );
    assert!(matches!(
        store.get(b"own/00000001"),
        Err(ReadError::Rebuilding { .. })
    ));
    let guarded = Txn {
        guards: vec![dirigent_store::Guard::Exists(Key::from_static(b"own/00000001"))],
        ..Txn::default()
    };
    assert!(matches!(
        block_on(store.commit(guarded.clone())),
        Err(CommitError::Rebuilding { .. })
    ));
    assert!(!store.stats().failed);
    gate.set(Sync::Works);
    until(&*store, || store.stats().rebuilding.is_none());
    assert!(block_on(store.commit(guarded)).is_ok());
    fill_after(&*store);
    let before = contents(&*store);
    assert_eq!((before.1, before.2), (3200, Position(3202)));
    settle(&*store);
    assert_eq!(contents(&*store), before);
    drop(store);
    assert!(check(dir.path()).unwrap().is_sound());
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    assert_eq!(contents(&*open(options(dir.path())).unwrap()), before);
}

fn fill_after(store: &dyn Store) {
    block_on(store.commit(Txn {
        puts: vec![(Key::from_static(b"own/00000001"), Bytes::from_static(b"new"))],
        ..Txn::default()
    }))
    .unwrap();
}

#[test]
fn a_long_rebuild_ends_in_overloaded_not_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new();
    let mut with = gate.options(dir.path());
    with.overlay_bytes = 256 << 10;
    let store = open(with).unwrap();
    fill(&*store, 1, 20);
    settle(&*store);
    gate.set(Sync::FailsOnce);
    let mut n = 20;
    let refused = loop {
        match block_on(store.commit(numbered(n + 1))) {
            Ok(_) => n += 1,
            Err(e) => break e,
        }
        assert!(n < 2000, "never refused");
    };
    assert!(matches!(refused, CommitError::Overloaded { .. }), "{refused}");
    until(&*store, || store.stats().rebuilding.is_some());
    gate.set(Sync::Works);
    until(&*store, || block_on(store.commit(numbered(n + 1))).is_ok());
    assert_eq!(contents(&*store).1, n + 1);
}

#[test]
fn rot_under_an_open_state_is_read_around() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    // More than the cache holds: what lies in memory is not read, and its rot not noticed.
    fill(&*store, 1, 9000);
    let before = contents(&*store);
    drop(store);
    let mut small = options(dir.path());
    small.cache_bytes = 1 << 20;
    let store = open(small).unwrap();
    let db = dir.path().join("state/db");
    let bytes = std::fs::metadata(&db).unwrap().len();
    let file = File::options().write(true).open(&db).unwrap();
    let rot = vec![0xa5; 4096];
    for page in (0..bytes / 4096).step_by(2) {
        std::os::unix::fs::FileExt::write_all_at(&file, &rot, page * 4096).unwrap();
    }
    let aside = || {
        let mut names = std::fs::read_dir(dir.path()).unwrap();
        names.any(|e| {
            e.unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("state.aside-")
        })
    };
    assert!(!aside());
    for n in 1..=9000 {
        match store.get(format!("own/{n:08}").as_bytes()) {
            Ok(found) => assert_eq!(found.unwrap().value, Bytes::from(n.to_string())),
            Err(ReadError::Rebuilding { .. }) => break,
            Err(e) => panic!("{e}"),
        }
    }
    until(&*store, || aside() && store.stats().rebuilding.is_none());
    assert_eq!(contents(&*store), before);
    fill(&*store, 9001, 9010);
    settle(&*store);
    assert!(!dir.path().join("state.suspect").exists());
}

#[test]
fn a_disk_that_takes_no_state_stops_the_store_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::new();
    let store = open(gate.options(dir.path())).unwrap();
    fill(&*store, 1, 50);
    gate.set(Sync::Fails);
    let mut acked = 50;
    until(&*store, || {
        if block_on(store.commit(numbered(acked + 1))).is_ok() {
            acked += 1;
        }
        store.stats().failed
    });
    assert!(gate.failed.load(Ordering::Acquire) >= 3, "it was tried again");
    assert!(matches!(
        block_on(store.commit(numbered(acked + 1))),
        Err(CommitError::Failed(_))
    ));
    drop(store);
    let store = open(options(dir.path())).unwrap();
    crate::common::verify(&*store, acked, "after the restart");
}
