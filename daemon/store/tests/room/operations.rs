//! The n-th operation fails, for every n of a session that does everything once: nothing is acknowledged that is not
//! durable, the error is a clean one, no failed sync is tried again, and what is there opens.

use crate::common::{Rng, block_on, numbered, rounds, seed, verify};
use crate::power::{quiet, small};
use crate::sim::{Fault, SimDisk};
use bytes::Bytes;
use dirigent_store::{BlobError, CommitError, MaintainBudget, OpenError, Position, Store, Txn, open};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What the session was promised.
#[derive(Default)]
struct Promised {
    commits: u64,
    payloads: Vec<(dirigent_store::BlobId, Bytes)>,
    /// It was told of a failure.
    told: bool,
}

/// Commits, payloads, an export, a cut journal, a restart. Goes on after errors as long as that makes sense.
fn session(disk: &SimDisk, dir: &Path) -> Promised {
    let mut promised = Promised::default();
    for life in 0..2u64 {
        let mut with = small(dir);
        with.disk = Arc::new(disk.clone());
        // Each opening writes and syncs the tail anew.
        disk.forget_failed_syncs();
        let store = match open(with) {
            Ok(store) => store,
            Err(OpenError::Io(_)) => {
                promised.told = true;
                continue;
            }
            Err(e) => panic!("{e}"),
        };
        let from = store.head().0;
        assert!(from >= promised.commits);
        if !commits(&*store, from, 12, &mut promised) {
            return promised;
        }
        payload(&*store, life, &mut promised);
        let exported = block_on(store.export(None, true));
        let settle = Some(Duration::from_millis(if exported.is_ok() { 2_000 } else { 0 }));
        let cut = block_on(store.maintain(MaintainBudget {
            settle,
            prune: true,
            ..MaintainBudget::default()
        }));
        promised.told |= exported.is_err() || cut.is_err();
        let from = store.head().0;
        if !commits(&*store, from, 12, &mut promised) {
            return promised;
        }
    }
    promised
}

/// False where the store is of no more use.
fn commits(store: &dyn Store, from: u64, many: u64, promised: &mut Promised) -> bool {
    for n in from + 1..=from + many {
        match block_on(store.commit(numbered(n))) {
            Ok(receipt) => {
                assert_eq!(receipt.position, Position(n));
                promised.commits = n;
            }
            Err(CommitError::Full) => {
                promised.told = true;
                return true;
            }
            Err(CommitError::Unknown | CommitError::Failed(_)) => {
                promised.told = true;
                // It stays that way: nothing is acknowledged any more.
                let again = block_on(store.commit(numbered(n)));
                assert!(matches!(again, Err(CommitError::Failed(_))), "{again:?}");
                return false;
            }
            Err(e) => panic!("{e}"),
        }
    }
    true
}

fn payload(store: &dyn Store, life: u64, promised: &mut Promised) {
    let bytes = Bytes::from(vec![u8::try_from(life).unwrap() + 1; 40_000]);
    match block_on(store.blob_put(crate::common::SPACE, bytes.clone())) {
        Ok(id) => {
            let n = store.head().0 + 1;
            let txn = Txn {
                blobs: vec![id],
                ..numbered(n)
            };
            match block_on(store.commit(txn)) {
                Ok(_) => promised.commits = n,
                Err(CommitError::Full | CommitError::Unknown | CommitError::Failed(_)) => {
                    promised.told = true
                }
                Err(e) => panic!("{e}"),
            }
            promised.payloads.push((id, bytes));
        }
        Err(BlobError::Full | BlobError::Io(_)) => promised.told = true,
        Err(e) => panic!("{e}"),
    }
}

fn held(dir: &Path, promised: &Promised, what: &str) {
    let store = open(small(dir)).unwrap_or_else(|e| panic!("{what}: {e}"));
    verify(&*store, promised.commits, what);
    for (id, bytes) in &promised.payloads {
        let found = block_on(store.blob_get(*id)).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(found == *bytes, "{what}: a payload is another one");
    }
    let next = store.head().next();
    let receipt = block_on(store.commit(numbered(next.0))).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(receipt.position, next, "{what}");
}

/// How many operations a session has that meets no failure.
fn length() -> (u64, u64) {
    let root = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(root.path());
    let promised = session(&disk, &root.path().join("store"));
    assert!(!promised.told && promised.commits == 50 && promised.payloads.len() == 2);
    disk.operations()
}

/// Every n in the long form; a few of each kind, from the whole length, in the short one.
fn chosen(length: u64, kinds: u64, rng: &mut Rng) -> Vec<u64> {
    let many = rounds(16, length * kinds).div_ceil(kinds);
    if many >= length {
        return (1..=length).collect();
    }
    let step = length.div_ceil(many);
    (0..many)
        .map(|i| (i * step + 1 + rng.below(step)).min(length))
        .collect()
}

#[test]
fn whichever_change_fails_nothing_acknowledged_is_lost() {
    let seed = seed("failing changes");
    let mut rng = Rng::new(seed);
    let (length, _) = length();
    let (mut all, mut told) = (0, 0);
    for fault in Fault::ALL {
        for for_good in [false, true] {
            for nth in chosen(length, 6, &mut rng) {
                let what =
                    format!("seed {seed}, {fault:?} at change {nth} of {length}, for good: {for_good}");
                let root = tempfile::tempdir().unwrap();
                let disk = SimDisk::new(root.path());
                disk.fail_nth(nth, fault, for_good);
                let promised = session(&disk, &root.path().join("store"));
                let resynced = disk.resynced();
                let again: Vec<_> = resynced
                    .iter()
                    .filter(|p| p.extension().is_some_and(|e| e == "seg"))
                    .collect();
                assert!(again.is_empty(), "{what}: synced again: {again:?}");
                // The power goes too: what was acknowledged does not depend on what only seems to be written.
                let image = tempfile::tempdir().unwrap();
                disk.crash(disk.moment(), &mut rng, image.path());
                held(
                    &image.path().join("store"),
                    &promised,
                    &format!("{what}, then power"),
                );
                held(&root.path().join("store"), &promised, &what);
                all += 1;
                told += u64::from(promised.told);
            }
        }
    }
    println!("failing changes: {all} sessions of {length} changes, {told} were told");
    assert!(told > all / 4);
}

#[test]
fn whichever_read_fails_nothing_acknowledged_is_lost() {
    let seed = seed("failing reads");
    let mut rng = Rng::new(seed);
    let (_, length) = length();
    let chosen = chosen(length, 1, &mut rng);
    for nth in &chosen {
        let what = format!("seed {seed}, read {nth} of {length}");
        let root = tempfile::tempdir().unwrap();
        let disk = SimDisk::new(root.path());
        disk.fail_nth_read(*nth);
        let promised = session(&disk, &root.path().join("store"));
        held(&root.path().join("store"), &promised, &what);
    }
    println!("failing reads: {} sessions of {length} reads", chosen.len());
}

#[test]
fn a_failed_sync_is_the_end_of_acknowledging_and_is_not_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(dir.path());
    let mut with = small(dir.path());
    with.disk = Arc::new(disk.clone());
    let store = open(with).unwrap();
    for n in 1..=5 {
        block_on(store.commit(numbered(n))).unwrap();
    }
    quiet(&*store, &disk);
    disk.fail_nth(2, Fault::Error, false);
    assert_eq!(block_on(store.commit(numbered(6))), Err(CommitError::Unknown));
    for _ in 0..3 {
        assert!(matches!(
            block_on(store.commit(numbered(6))),
            Err(CommitError::Failed(_))
        ));
    }
    assert_eq!(store.head(), Position(5));
    verify(&*store, 5, "after the failure");
    assert!(store.stats().failed);
    drop(store);
    assert!(disk.resynced().is_empty(), "{:?}", disk.resynced());
    let store = open(small(dir.path())).unwrap();
    verify(&*store, 5, "after the restart");
}

/// Found by the sessions above (seed 3001): the export had its name, but only in memory, and the journal was cut behind it.
#[test]
fn an_export_whose_name_is_not_durable_cuts_nothing() {
    for nth in 1.. {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("store");
        let disk = SimDisk::new(root.path());
        let mut with = small(&dir);
        with.disk = Arc::new(disk.clone());
        for life in 0..2 {
            let store = open(with.clone()).unwrap();
            assert!(commits(&*store, life * 20, 20, &mut Promised::default()));
            quiet(&*store, &disk);
            if life == 0 {
                continue;
            }
            disk.fail_nth(nth, Fault::Error, false);
            let exported = block_on(store.export(None, true));
            disk.heal();
            let settle = Some(Duration::from_secs(60));
            let budget = MaintainBudget {
                settle,
                prune: true,
                ..MaintainBudget::default()
            };
            let cut = block_on(store.maintain(budget)).unwrap();
            for seed in 0..8 {
                let image = tempfile::tempdir().unwrap();
                disk.crash(disk.moment(), &mut Rng::new(seed), image.path());
                let store = open(small(&image.path().join("store"))).unwrap_or_else(|e| panic!("{nth}: {e}"));
                verify(&*store, 40, "after the cut");
            }
            if exported.is_ok() {
                assert!(nth > 4 && cut.segments_removed > 0);
                return;
            }
        }
    }
}
