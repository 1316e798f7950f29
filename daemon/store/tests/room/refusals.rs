//! What must not open, must not open; and must be left as it was.

use crate::common::{fill, options};
use dirigent_store::{OpenError, open};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                found.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_second_daemon_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    match open(options(dir.path())) {
        Err(OpenError::InUse { dir: named, pid }) => {
            assert_eq!((named.as_path(), pid), (dir.path(), std::process::id()));
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
    drop(store);
    open(options(dir.path())).unwrap();
}

#[test]
fn a_newer_format_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    fill(&*open(options(dir.path())).unwrap(), 1, 20);
    let meta = dir.path().join("meta.json");
    let text = std::fs::read_to_string(&meta)
        .unwrap()
        .replace("\"format\": 2", "\"format\": 3, \"new\": [1]");
    std::fs::write(&meta, text).unwrap();
    let before = files(dir.path());
    match open(options(dir.path())) {
        Err(OpenError::NewerFormat {
            file,
            found: 3,
            supported: 2,
        }) => assert_eq!(file, meta),
        other => panic!("{:?}", other.map(|_| ())),
    }
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_lost_journal_is_never_an_empty_store() {
    let dir = tempfile::tempdir().unwrap();
    fill(&*open(options(dir.path())).unwrap(), 1, 20);
    std::fs::remove_dir_all(dir.path().join("journal")).unwrap();
    assert!(matches!(
        open(options(dir.path())),
        Err(OpenError::JournalMissing { .. })
    ));
    std::fs::remove_file(dir.path().join("meta.json")).unwrap();
    assert!(matches!(
        open(options(dir.path())),
        Err(OpenError::JournalMissing { .. })
    ));
}

#[test]
fn a_lost_newest_segment_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        fill(
            &*open(options(dir.path())).unwrap(),
            round * 20 + 1,
            round * 20 + 20,
        );
    }
    std::fs::remove_file(dir.path().join("journal/000000000004.seg")).unwrap();
    assert!(matches!(
        open(options(dir.path())),
        Err(OpenError::JournalMissing { .. })
    ));
}

#[test]
fn a_lost_meta_file_is_restored_from_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    fill(&*store, 1, 20);
    let before = store.identity();
    drop(store);
    std::fs::remove_file(dir.path().join("meta.json")).unwrap();
    let after = open(options(dir.path())).unwrap().identity();
    assert_eq!(
        (after.database, after.incarnation, after.epoch),
        (before.database, before.incarnation, before.epoch + 1)
    );
}

#[test]
fn options_out_of_range_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(dir.path());
    small.segment_bytes = 1000;
    assert!(matches!(
        open(small),
        Err(OpenError::Option {
            name: "segment_bytes",
            ..
        })
    ));
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
}
