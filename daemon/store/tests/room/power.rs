//! The power goes at any moment: whatever was acknowledged is there, and nothing is there that never was.

use crate::common::{Rng, STREAM, block_on, copy_dir, fill, numbered, options};
use crate::sim::SimDisk;
use dirigent_store::{Budget, CommitError, Feed, FeedItem, Key, Options, Position, ScanRange, Store, open};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn small(dir: &Path) -> Options {
    let mut options = options(dir);
    options.segment_bytes = 64 << 10;
    options
}

/// How many states to look at: few by default, many when asked.
fn states(short: u64) -> u64 {
    if std::env::var_os("DIRIGENT_LONG").is_some() {
        short * 100
    } else {
        short
    }
}

/// The store must hold exactly the first `head` numbered transactions.
pub(crate) fn verify(store: &dyn Store, at_least: u64, what: &str) {
    let head = store.head().0;
    assert!(
        head >= at_least,
        "{what}: commit {at_least} was acknowledged, but the head is {head}"
    );
    let mut model: BTreeMap<Key, (u64, Vec<u8>)> = BTreeMap::new();
    for n in 1..=head {
        let txn = numbered(n);
        txn.deletes.iter().for_each(|key| drop(model.remove(key)));
        model.extend(
            txn.puts
                .into_iter()
                .map(|(key, value)| (key, (n, value.to_vec()))),
        );
    }
    let mut range = ScanRange::prefix(b"");
    let mut found = BTreeMap::new();
    loop {
        let page = store.scan(range.clone()).unwrap();
        found.extend(
            page.items
                .into_iter()
                .map(|(key, v)| (key, (v.revision, v.value.to_vec()))),
        );
        match page.next {
            Some(next) => range = range.after(next),
            None => break,
        }
    }
    assert!(found == model, "{what}: the state is not that of commit {head}");
    for of in [Feed::All, Feed::Stream(STREAM)] {
        let mut cursor = Position(0);
        while cursor < Position(head) {
            let page = store.read(of, cursor, Budget::default()).unwrap();
            for item in &page.items {
                cursor = cursor.next();
                let txn = numbered(cursor.0);
                match item {
                    FeedItem::Commit(commit) => {
                        assert!(commit.position == cursor && commit.puts == txn.puts, "{what}")
                    }
                    FeedItem::Record { seq, data, .. } => {
                        assert!(
                            Position(*seq) == cursor && *data == txn.appends[0].records[0],
                            "{what}"
                        );
                    }
                }
            }
            assert!(!page.items.is_empty(), "{what}: the feed ends at {cursor}");
        }
    }
}

/// What was true from which moment on.
type Moments<T> = Vec<(usize, T)>;

/// Three sessions on a recording disk. Answers when which commit was acknowledged, and copies of sled between sessions.
fn record(disk: &SimDisk, dir: &Path, copies: &Path) -> (Moments<u64>, Moments<PathBuf>) {
    let (mut acks, mut states) = (Vec::new(), Vec::new());
    let mut n = 0;
    for session in 0..3 {
        let mut with = small(dir);
        with.disk = Arc::new(disk.clone());
        let store = open(with).unwrap();
        for burst in 0..25u64 {
            let answers: Vec<_> = (0..burst % 6 + 1)
                .map(|_| {
                    n += 1;
                    store.commit(numbered(n))
                })
                .collect();
            for answer in answers {
                let position = block_on(answer).unwrap().position;
                acks.push((disk.moment(), position.0));
            }
        }
        drop(store);
        let copy = copies.join(session.to_string());
        copy_dir(&dir.join("state"), &copy);
        states.push((disk.moment(), copy));
    }
    (acks, states)
}

#[test]
fn no_power_cut_loses_what_was_acknowledged() {
    let seed = std::env::var("DIRIGENT_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1);
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("store");
    let disk = SimDisk::new(&dir);
    let (acks, sleds) = record(&disk, &dir, root.path());
    let end = disk.moment();
    for round in 0..states(60) {
        let moment = usize::try_from(rng.below(end as u64 + 1)).unwrap();
        let what = format!("seed {seed}, round {round}, moment {moment} of {end}");
        let image = tempfile::tempdir().unwrap();
        disk.crash(moment, &mut rng, image.path());
        let sled = sleds
            .iter()
            .rfind(|(at, _)| *at <= moment)
            .filter(|_| rng.below(2) == 0);
        if let Some((_, copy)) = sled {
            copy_dir(copy, &image.path().join("state"));
        }
        let acked = acks
            .iter()
            .rfind(|(at, _)| *at <= moment)
            .map_or(0, |(_, position)| *position);
        let store = open(small(image.path())).unwrap_or_else(|e| panic!("{what}: {e}"));
        verify(&*store, acked, &what);
        // Life goes on, and the recovered journal is as good as any.
        let head = store.head().0;
        fill(&*store, head + 1, head + 3);
        drop(store);
        verify(&*open(small(image.path())).unwrap(), head + 3, &what);
    }
}

/// Until the spares are made, the confirmation is written and sled has caught up: nothing happens by itself any more.
fn quiet(store: &dyn Store, disk: &SimDisk) {
    loop {
        let before = disk.moment();
        block_on(store.wait(Position(u64::MAX), Duration::from_millis(300)));
        if disk.moment() == before {
            return;
        }
    }
}

#[test]
fn a_failed_sync_is_the_end_of_acknowledging() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(dir.path());
    let mut with = small(dir.path());
    with.disk = Arc::new(disk.clone());
    let store = open(with).unwrap();
    fill(&*store, 1, 5);
    quiet(&*store, &disk);
    disk.fail_nth(2, ErrorKind::Other);
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
    let store = open(small(dir.path())).unwrap();
    verify(&*store, 5, "after the restart");
}

#[test]
fn whichever_operation_fails_nothing_acknowledged_is_lost() {
    for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
        for nth in (1..=states(12)).map(|i| i * 5 % 97 + 1) {
            let dir = tempfile::tempdir().unwrap();
            let disk = SimDisk::new(dir.path());
            disk.fail_nth(nth, kind);
            let mut with = small(dir.path());
            with.disk = Arc::new(disk.clone());
            let mut acked = 0;
            if let Ok(store) = open(with) {
                for n in 1..=60 {
                    match block_on(store.commit(numbered(n))) {
                        Ok(receipt) => acked = receipt.position.0,
                        Err(CommitError::Full | CommitError::Unknown | CommitError::Failed(_)) => break,
                        Err(e) => panic!("{kind:?} {nth}: {e}"),
                    }
                }
            }
            let store = open(small(dir.path())).unwrap_or_else(|e| panic!("{kind:?} {nth}: {e}"));
            verify(&*store, acked, &format!("{kind:?} at operation {nth}"));
        }
    }
}
