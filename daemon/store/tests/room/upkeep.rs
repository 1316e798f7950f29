//! What is forgotten, and what is not.

use crate::common::{block_on, contents, options};
use bytes::Bytes;
use dirigent_store::{BlobError, Key, MaintainBudget, Options, RequestKey, Store, Txn, open};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 24 * 3600 * 1000;

fn clocked(dir: &Path) -> (Options, Arc<AtomicU64>) {
    #[expect(
        clippy::disallowed_methods,
        reason = "file times are the machine's; the test moves on from there"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let clock = Arc::new(AtomicU64::new(u64::try_from(now.as_millis()).unwrap()));
    let mut with = options(dir);
    let source = clock.clone();
    with.clock = Arc::new(move || source.load(Ordering::Acquire));
    (with, clock)
}

fn asked(id: u8, value: &'static str) -> Txn {
    let request = Some(RequestKey {
        id: [id; 16],
        digest: [id; 32],
    });
    Txn {
        request,
        puts: vec![(Key::from_static(b"k"), Bytes::from_static(value.as_bytes()))],
        ..Txn::default()
    }
}

fn maintain(store: &dyn Store) -> u64 {
    let settle = Some(Duration::from_secs(60));
    block_on(store.maintain(MaintainBudget {
        settle,
        ..MaintainBudget::default()
    }))
    .unwrap()
    .blobs_removed
}

#[test]
fn requests_are_forgotten_after_seven_days_and_stay_forgotten_in_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    let (with, clock) = clocked(dir.path());
    let store = open(with.clone()).unwrap();
    let first = block_on(store.commit(asked(1, "first"))).unwrap();
    clock.fetch_add(6 * DAY, Ordering::AcqRel);
    let second = block_on(store.commit(asked(2, "second"))).unwrap();
    maintain(&*store);
    assert_eq!(
        block_on(store.commit(asked(1, "x"))).unwrap().position,
        first.position
    );
    clock.fetch_add(2 * DAY, Ordering::AcqRel);
    maintain(&*store);
    assert!(!block_on(store.commit(asked(1, "again"))).unwrap().replayed);
    assert_eq!(
        block_on(store.commit(asked(2, "x"))).unwrap().position,
        second.position
    );
    let before = contents(&*store);
    drop(store);
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let store = open(with).unwrap();
    assert_eq!(contents(&*store), before);
    assert!(block_on(store.commit(asked(1, "x"))).unwrap().replayed);
    assert_eq!(
        block_on(store.commit(asked(2, "x"))).unwrap().position,
        second.position
    );
}

#[test]
fn blobs_nobody_refers_to_leave_after_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let (with, clock) = clocked(dir.path());
    let store = open(with.clone()).unwrap();
    let kept = block_on(store.blob_put(crate::common::SPACE, Bytes::from_static(b"kept"))).unwrap();
    let left = block_on(store.blob_put(crate::common::SPACE, Bytes::from_static(b"left"))).unwrap();
    block_on(store.commit(Txn {
        blobs: vec![kept],
        ..Txn::default()
    }))
    .unwrap();
    clock.fetch_add(2 * DAY, Ordering::AcqRel);
    // Put by this process: its reference may still be on the way.
    assert_eq!(maintain(&*store), 0);
    drop(store);
    std::fs::write(dir.path().join("blobs/put-1-1.new"), b"half").unwrap();
    let store = open(with).unwrap();
    assert_eq!(maintain(&*store), 2);
    assert!(block_on(store.blob_get(kept)).is_ok());
    assert!(matches!(
        block_on(store.blob_get(left)),
        Err(BlobError::Missing(_))
    ));
}

#[test]
fn a_rotten_blob_is_not_handed_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    let id = block_on(store.blob_put(crate::common::SPACE, Bytes::from(vec![1; 100_000]))).unwrap();
    let name = id.to_string();
    let path = dir.path().join("blobs").join(&name[..2]).join(&name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[50_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(block_on(store.blob_get(id)), Err(BlobError::Damaged(_))));
    // Putting it again repairs it.
    assert_eq!(
        block_on(store.blob_put(crate::common::SPACE, Bytes::from(vec![1; 100_000]))).unwrap(),
        id
    );
    assert!(block_on(store.blob_get(id)).is_ok());
}
