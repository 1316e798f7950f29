//! What nobody reads any more is given back, and nothing else: not by a stop anywhere, nor when the state is lost.

use crate::archive::{archive, stream, verify_these, with, write};
use crate::common::block_on;
use crate::sim::{Fault, SimDisk};
use dirigent_store::{Budget, Discarded, Feed, MaintainBudget, Position, Store, StreamId, check, open};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

fn these(streams: RangeInclusive<u64>) -> Vec<StreamId> {
    streams.map(stream).collect()
}

fn discard(store: &dyn Store, streams: &[StreamId]) -> Discarded {
    block_on(store.discard(streams.to_vec())).unwrap()
}

fn is_empty(store: &dyn Store, n: u64) -> bool {
    let page = store.read(Feed::Stream(stream(n)), Position(0), Budget::default());
    page.unwrap().items.is_empty() && store.stream_end(stream(n)).unwrap() == 0
}

/// Two volumes of thirty streams each, and ten that rest.
fn three_places(store: &dyn Store) {
    write(store, 1, 30);
    assert_eq!(archive(store), 30);
    write(store, 31, 60);
    assert_eq!(archive(store), 30);
    write(store, 61, 70);
}

#[test]
fn a_volume_goes_when_nobody_wants_anything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(with(dir.path())).unwrap();
    three_places(&*store);
    let before = store.stats();
    let unwanted = [these(1..=35), these(61..=65)].concat();
    let done = discard(&*store, &unwanted);
    assert_eq!(done.gone, [these(1..=30), these(61..=65)].concat());
    assert_eq!(done.volumes, 1);
    let stats = store.stats();
    assert_eq!((stats.archived, stats.resting), (30, 5));
    assert_eq!(stats.archive_bytes, before.archive_bytes - done.bytes);
    verify_these(&*store, (36..=60).chain(66..=70), "discarded");
    assert!((1..=30).chain(61..=65).all(|n| is_empty(&*store, n)));
    assert!(!dir.path().join("archive/000000000001.arc").exists());

    // The rest of the second volume, and what rests, moved meanwhile.
    assert_eq!(archive(&*store), 5);
    let done = discard(&*store, &these(31..=60));
    assert_eq!((done.gone, done.volumes), (these(31..=60), 1));
    drop(store);
    let report = check(dir.path()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let store = open(with(dir.path())).unwrap();
    verify_these(&*store, 66..=70, "reopened");
    // The journal brought some of them back into the state: whoever gave them up asks again.
    assert_eq!(discard(&*store, &these(1..=65)).gone.len(), 65);
    assert!((1..=65).all(|n| is_empty(&*store, n)));
    // Numbers are not used again.
    write(&*store, 71, 72);
    archive(&*store);
    verify_these(&*store, 66..=72, "moved again");
    assert!(dir.path().join("archive/000000000004.arc").exists());
}

#[test]
fn a_lost_state_is_built_again_without_the_volume_that_was_given_back() {
    for exported in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut small = with(dir.path());
        small.segment_bytes = 64 << 10;
        let store = open(small.clone()).unwrap();
        three_places(&*store);
        if exported {
            block_on(store.export(None, false)).unwrap();
            write(&*store, 71, 400);
            let prune = MaintainBudget {
                settle: Some(Duration::from_secs(60)),
                prune: true,
                ..MaintainBudget::default()
            };
            assert!(block_on(store.maintain(prune)).unwrap().segments_removed > 0);
        }
        assert_eq!(discard(&*store, &these(1..=30)).gone.len(), 30);
        drop(store);
        std::fs::remove_dir_all(dir.path().join("state")).unwrap();
        let store = open(small.clone()).unwrap();
        verify_these(&*store, 31..=70, "built again");
        // The journal brought them back where it reaches back far enough; whoever gave them up asks again.
        let done = discard(&*store, &these(1..=30));
        assert_eq!(done.gone.len(), 30, "exported: {exported}");
        archive(&*store);
        assert!((1..=30).all(|n| is_empty(&*store, n)));
        verify_these(&*store, 31..=70, "moved again");
        drop(store);
        assert!(check(dir.path()).unwrap().is_sound(), "exported: {exported}");
    }
}

#[test]
fn whichever_operation_of_it_fails_nothing_else_is_lost() {
    for kind in Fault::ALL {
        for nth in 1..=12 {
            let dir = tempfile::tempdir().unwrap();
            let disk = SimDisk::new(dir.path());
            let mut failing = with(dir.path());
            failing.disk = Arc::new(disk.clone());
            let store = open(failing).unwrap();
            three_places(&*store);
            let what = format!("{kind:?} at operation {nth}");
            let settled = MaintainBudget {
                settle: Some(Duration::from_secs(60)),
                ..MaintainBudget::default()
            };
            block_on(store.maintain(settled)).unwrap();
            let unwanted = [these(1..=30), these(61..=65)].concat();
            disk.fail_nth(nth, kind, false);
            drop(block_on(store.discard(unwanted.clone())));
            verify_these(&*store, (31..=60).chain(66..=70), &what);
            drop(store);
            let store = open(with(dir.path())).unwrap_or_else(|e| panic!("{what}: {e}"));
            verify_these(&*store, (31..=60).chain(66..=70), &what);
            assert_eq!(discard(&*store, &unwanted).gone.len(), 35, "{what}");
            drop(store);
            assert!(check(dir.path()).unwrap().is_sound(), "{what}");
        }
    }
}
