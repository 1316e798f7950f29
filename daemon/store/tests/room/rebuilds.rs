//! sled may vanish, break or lie: the state comes back from the journal, the same.

use crate::common::{Rng, block_on, contents, copy_dir, fill, options};
use dirigent_store::{Budget, Feed, MaintainBudget, OpenError, Position, Progress, ReadError, import, open};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn filled(dir: &Path) -> crate::common::Contents {
    let store = open(options(dir)).unwrap();
    fill(&*store, 1, 600);
    contents(&*store)
}

#[test]
fn a_missing_state_is_rebuilt_the_same_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let before = filled(dir.path());
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let seen = Arc::new(Mutex::new(Vec::<Progress>::new()));
    let mut options = options(dir.path());
    let sink = seen.clone();
    options.progress = Some(Arc::new(move |progress| sink.lock().unwrap().push(progress)));
    assert_eq!(contents(&*open(options).unwrap()), before);
    let last = *seen.lock().unwrap().last().unwrap();
    assert_eq!(
        last,
        Progress {
            done: 600,
            total: 600,
            rebuild: true
        }
    );
}

#[test]
fn a_damaged_state_is_set_aside_and_rebuilt() {
    for seed in 0..8 {
        let mut rng = Rng::new(seed);
        let dir = tempfile::tempdir().unwrap();
        let before = filled(dir.path());
        let db = dir.path().join("state/db");
        let mut bytes = std::fs::read(&db).unwrap();
        match seed % 4 {
            0 => bytes.truncate(usize::try_from(rng.below(bytes.len() as u64)).unwrap()),
            1 => bytes.fill(0xa5),
            _ => {
                for _ in 0..200 {
                    let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
                    bytes[at] ^= 1 << rng.below(8);
                }
            }
        }
        std::fs::write(&db, bytes).unwrap();
        let store = open(options(dir.path())).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_eq!(contents(&*store), before, "seed {seed}");
    }
}

#[test]
fn an_older_state_is_noticed_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    fill(&*store, 1, 100);
    drop(store);
    let old = dir.path().join("old");
    copy_dir(&dir.path().join("state"), &old);
    let store = open(options(dir.path())).unwrap();
    fill(&*store, 101, 200);
    let before = contents(&*store);
    drop(store);
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    std::fs::rename(&old, dir.path().join("state")).unwrap();
    assert_eq!(contents(&*open(options(dir.path())).unwrap()), before);
    assert!(std::fs::read_dir(dir.path()).unwrap().any(|e| {
        e.unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("state.aside-")
    }));
}

/// Earlier versions kept each row by itself and marked nothing.
#[test]
fn a_state_laid_out_by_an_earlier_version_is_set_aside_and_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let before = filled(dir.path());
    let state = dir.path().join("state");
    std::fs::remove_dir_all(&state).unwrap();
    let earlier = sled::open(&state).unwrap();
    earlier.insert(b"mapplied", b"its newest commit").unwrap();
    earlier.insert(b"kown/00000001", b"a value").unwrap();
    drop(earlier);
    assert_eq!(contents(&*open(options(dir.path())).unwrap()), before);
    let aside = std::fs::read_dir(dir.path()).unwrap().any(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().starts_with("state.aside-")
    });
    assert!(aside);
    assert_eq!(
        contents(&*open(options(dir.path())).unwrap()),
        before,
        "and the next time it is used"
    );
}

#[test]
fn a_rebuild_that_was_killed_begins_again() {
    let dir = tempfile::tempdir().unwrap();
    let before = filled(dir.path());
    // What a kill leaves: the state gone or in its old place, a half-built one beside it.
    copy_dir(&dir.path().join("state"), &dir.path().join("state.new"));
    std::fs::write(dir.path().join("state.new/db"), b"half").unwrap();
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    assert_eq!(contents(&*open(options(dir.path())).unwrap()), before);
    assert!(!dir.path().join("state.new").exists());
}

#[test]
fn pruned_segments_are_covered_by_the_export_they_went_into() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    fill(&*store, 1, 300);
    let settle = Some(Duration::from_secs(60));
    assert_eq!(
        block_on(store.maintain(MaintainBudget {
            settle,
            prune: true,
            ..MaintainBudget::default()
        }))
        .unwrap()
        .segments_removed,
        0
    );
    let report = block_on(store.export(None, false)).unwrap();
    assert_eq!(report.position, Position(300));
    fill(&*store, 301, 320);
    let removed = block_on(store.maintain(MaintainBudget {
        settle,
        prune: true,
        ..MaintainBudget::default()
    }))
    .unwrap()
    .segments_removed;
    assert!(removed > 1, "{removed}");
    drop(store);
    let store = open(options(dir.path())).unwrap();
    let oldest = match store.read(Feed::All, Position(0), Budget::default()) {
        Err(ReadError::Compacted { oldest }) => oldest,
        other => panic!("{:?}", other.map(|page| page.next)),
    };
    let page = store
        .read(Feed::All, Position(oldest.0 - 1), Budget::default())
        .unwrap();
    assert_eq!(page.next, Position(320));
    let before = contents(&*store);
    drop(store);
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    assert_eq!(contents(&*open(options(dir.path())).unwrap()), before);
    // Without the export the rest is not enough, and nothing is made up.
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    std::fs::remove_file(&report.path).unwrap();
    assert!(matches!(
        open(options(dir.path())),
        Err(OpenError::NotRebuildable { .. })
    ));
}

#[test]
fn an_export_with_one_flipped_byte_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(&dir.path().join("a"))).unwrap();
    fill(&*store, 1, 40);
    let file = dir.path().join("export");
    block_on(store.export(Some(file.clone()), true)).unwrap();
    let good = std::fs::read(&file).unwrap();
    let mut rng = Rng::new(7);
    for round in 0..40 {
        let mut bad = good.clone();
        let at = usize::try_from(rng.below(bad.len() as u64)).unwrap();
        bad[at] ^= 0x10;
        std::fs::write(&file, bad).unwrap();
        let target = dir.path().join(format!("b{round}"));
        assert!(import(&options(&target), &file).is_err(), "byte {at}");
        assert!(!target.exists());
    }
}

#[test]
fn a_state_that_failed_a_read_is_rebuilt_at_the_next_open() {
    let dir = tempfile::tempdir().unwrap();
    let before = filled(dir.path());
    let mark = dir.path().join("state.suspect");
    std::fs::write(&mark, b"a row does not verify").unwrap();
    assert_eq!(contents(&*open(options(dir.path())).unwrap()), before);
    assert!(!mark.exists());
    assert!(std::fs::read_dir(dir.path()).unwrap().any(|e| {
        e.unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("state.aside-")
    }));
}

#[test]
fn a_state_that_does_not_open_in_time_is_not_waited_for_and_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let before = filled(dir.path());
    let mut impatient = options(dir.path());
    impatient.state_deadline = Duration::ZERO;
    match open(impatient) {
        Err(OpenError::State { fault, .. }) => {
            assert_eq!(fault, dirigent_store::error::StateFault::Hung(Duration::ZERO))
        }
        other => panic!("{:?}", other.map(|store| store.head())),
    }
    assert_eq!(contents(&*open(options(dir.path())).unwrap()), before);
}
