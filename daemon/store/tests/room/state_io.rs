//! The n-th read, write or open of the state fails, once or for good: what is read is right or said to be missing, the
//! state is built again or the store stops by name, and nothing acknowledged is lost.

use crate::common::{Rng, block_on, numbered, options, rounds, seed, try_verify, verify};
use dirigent_store::io::{Disk, DiskFile, Mode, RealDisk, StateIo};
use dirigent_store::{CommitError, Guard, Key, MaintainBudget, OpenError, Position, ReadError, Store, open};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What fails: the n-th operation of a kind, and perhaps every one after it.
#[derive(Clone, Copy)]
struct Plan {
    kind: StateIo,
    nth: u64,
    for_good: bool,
    errno: i32,
}

/// The plan, and how many operations of each kind there were.
type Met = (Option<Plan>, BTreeMap<u8, u64>);

#[derive(Clone, Default)]
struct Failing(Arc<Mutex<Met>>);

impl Failing {
    fn set(&self, plan: Option<Plan>) {
        *self.0.lock().unwrap() = (plan, BTreeMap::new());
    }

    fn count(&self, kind: StateIo) -> u64 {
        self.0.lock().unwrap().1.get(&(kind as u8)).copied().unwrap_or(0)
    }
}

impl Disk for Failing {
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

    fn state_io(&self, what: StateIo) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        let count = inner.1.entry(what as u8).or_default();
        *count += 1;
        let count = *count;
        match inner.0 {
            Some(plan) if plan.kind == what && (count == plan.nth || plan.for_good && count > plan.nth) => {
                Err(io::Error::from_raw_os_error(plan.errno))
            }
            _ => Ok(()),
        }
    }
}

fn with(disk: &Failing, dir: &Path) -> dirigent_store::Options {
    let mut with = options(dir);
    with.disk = Arc::new(disk.clone());
    with
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Unnoticed,
    Rebuilt,
    Stopped,
    Refused,
}

/// Commits `many`, some of which must read before; goes on while the state is built again. Answers what is acknowledged.
fn commits(store: &dyn Store, many: u64, acked: &mut u64) -> bool {
    let until = store.head().0 + many;
    let begun = Instant::now();
    while store.head().0 < until {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no commit gets through"
        );
        let n = store.head().0 + 1;
        let mut txn = numbered(n);
        if n > 40 && n.is_multiple_of(7) {
            txn.guards = vec![Guard::Exists(Key::from(format!("own/{:08}", n - 30)))];
        }
        match block_on(store.commit(txn)) {
            Ok(receipt) => *acked = receipt.position.0,
            Err(CommitError::Rebuilding { .. } | CommitError::Overloaded { .. }) => {
                block_on(store.wait(Position(u64::MAX), Duration::from_millis(5)));
            }
            Err(CommitError::Failed(_) | CommitError::Unknown) => {
                if store.stats().failed {
                    return false;
                }
            }
            Err(e) => panic!("{e}"),
        }
    }
    true
}

/// What is read is right, or it is said that it cannot be read now.
fn reads(store: &dyn Store, rng: &mut Rng, what: &str) {
    for _ in 0..30 {
        let n = 1 + rng.below(store.head().0);
        match store.get(format!("own/{n:08}").as_bytes()) {
            Ok(found) => assert_eq!(found.map(|v| v.value), Some(n.to_string().into()), "{what}"),
            Err(ReadError::Rebuilding { .. } | ReadError::State(_)) => {}
            Err(e) => panic!("{what}: {e}"),
        }
    }
}

/// Waits until the state is whole, and looks at all of it; not where the store has stopped. A look may itself be what
/// finds the fault.
fn verified(store: &dyn Store, acked: u64, what: &str) -> bool {
    let begun = Instant::now();
    while !store.stats().failed {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{what}: never built again"
        );
        if store.stats().rebuilding.is_some() {
            block_on(store.wait(Position(u64::MAX), Duration::from_millis(5)));
            continue;
        }
        match try_verify(store, acked, what) {
            Ok(()) => return true,
            Err(ReadError::Rebuilding { .. } | ReadError::State(_)) => {}
            Err(e) => panic!("{what}: {e}"),
        }
    }
    false
}

/// One life with a restart in the middle; answers what was acknowledged and how it ended.
fn session(disk: &Failing, dir: &Path, rng: &mut Rng, what: &str) -> (u64, End) {
    let (mut acked, mut end) = (0, End::Unnoticed);
    for _ in 0..2 {
        let store = match open(with(disk, dir)) {
            Ok(store) => store,
            Err(OpenError::State { .. } | OpenError::NotRebuildable { .. }) => return (acked, End::Refused),
            Err(e) => panic!("{what}: {e}"),
        };
        for _ in 0..4 {
            if !commits(&*store, 40, &mut acked) {
                return (acked, End::Stopped);
            }
            reads(&*store, rng, what);
            let settle = Some(Duration::from_millis(300));
            drop(block_on(store.maintain(MaintainBudget {
                settle,
                ..MaintainBudget::default()
            })));
        }
        if !verified(&*store, acked, what) {
            return (acked, End::Stopped);
        }
        drop(store);
        let aside = std::fs::read_dir(dir).unwrap().any(|e| {
            let name = e.unwrap().file_name();
            name.to_string_lossy().starts_with("state.aside")
        });
        if aside {
            end = End::Rebuilt;
        }
    }
    (acked, end)
}

#[test]
fn whichever_operation_of_the_state_fails_nothing_acknowledged_is_lost() {
    let seed = seed("failing state");
    let mut rng = Rng::new(seed);
    let disk = Failing::default();
    let root = tempfile::tempdir().unwrap();
    let (acked, end) = session(&disk, root.path(), &mut rng, "nothing fails");
    assert_eq!((acked, end), (320, End::Unnoticed));
    let length = |kind| disk.count(kind);
    let lengths = [StateIo::Open, StateIo::Read, StateIo::Write].map(|kind| (kind, length(kind)));
    let mut ends: BTreeMap<(String, bool, End), u64> = BTreeMap::new();
    for round in 0..rounds(18, 1_200) {
        let (kind, length) = lengths[usize::try_from(round % 3).unwrap()];
        let plan = Plan {
            kind,
            nth: 1 + rng.below(length),
            for_good: rng.below(3) == 0,
            // EIO, ENOSPC
            errno: [5, 28][usize::try_from(rng.below(2)).unwrap()],
        };
        let what = format!(
            "seed {seed}, round {round}, {kind:?} {} of {length}, for good: {}",
            plan.nth, plan.for_good
        );
        let root = tempfile::tempdir().unwrap();
        disk.set(Some(plan));
        let (acked, end) = session(&disk, root.path(), &mut rng, &what);
        *ends.entry((format!("{kind:?}"), plan.for_good, end)).or_default() += 1;
        assert!(
            plan.for_good || end != End::Stopped,
            "{what}: one failure stopped it"
        );
        // What was wrong is mended: everything is there.
        disk.set(None);
        let store = open(with(&disk, root.path())).unwrap_or_else(|e| panic!("{what}, mended: {e}"));
        verify(&*store, acked, &format!("{what}, mended"));
        let next = store.head().next();
        assert_eq!(
            block_on(store.commit(numbered(next.0))).unwrap().position,
            next,
            "{what}"
        );
    }
    println!("failing state: {ends:?}");
    assert!(ends.keys().any(|(_, _, end)| *end == End::Rebuilt));
}

/// Not by the seam, but for real: the file loses its end under an open state, and its reads fail.
#[test]
fn a_state_whose_file_is_cut_under_it_is_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    // More than the cache holds: what lies in memory is not read from the file.
    crate::common::fill(&*store, 1, 9_000);
    drop(store);
    let mut small = options(dir.path());
    small.cache_bytes = 1 << 20;
    let store = open(small).unwrap();
    let file = File::options()
        .write(true)
        .open(dir.path().join("state/db"))
        .unwrap();
    file.set_len(0).unwrap();
    let (mut rng, mut acked) = (Rng::new(seed("cut state")), 9_000);
    let begun = Instant::now();
    while store.stats().rebuilding.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody noticed");
        reads(&*store, &mut rng, "cut");
        if std::fs::read_dir(dir.path()).unwrap().any(|e| {
            let name = e.unwrap().file_name();
            name.to_string_lossy().starts_with("state.aside")
        }) {
            break;
        }
    }
    assert!(commits(&*store, 20, &mut acked));
    let begun = Instant::now();
    while store.stats().rebuilding.is_some() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never built again");
        block_on(store.wait(Position(u64::MAX), Duration::from_millis(5)));
    }
    verify(&*store, acked, "cut, then built again");
}
