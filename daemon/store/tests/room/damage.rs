//! Rot in any file of a store: what opens is whole, what is not whole says where; never silently less, never a panic.

use crate::common::{
    Contents, Rng, block_on, contents, copy_dir, fill, numbered, options, rounds, seed, verify,
};
use bytes::Bytes;
use dirigent_store::{
    BlobError, BlobId, Budget, CheckReport, Feed, Finding, MaintainBudget, OpenError, Position, ReadError,
    Store, Txn, check, open,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A store and what it held.
struct Good {
    dir: PathBuf,
    before: Contents,
    payloads: Vec<(BlobId, Bytes)>,
    /// Oldest commit of the feed.
    oldest: Position,
}

/// Three sessions with payloads and an export; where `cut`, the journal begins behind the export.
fn good(dir: &Path, cut: bool) -> Good {
    let mut payloads = Vec::new();
    let mut with = options(dir);
    with.segment_bytes = 64 << 10;
    for session in 0..3u64 {
        let store = open(with.clone()).unwrap();
        fill(&*store, session * 40 + 1, session * 40 + 39);
        let bytes = Bytes::from(format!("payload {session} ").repeat(3_000));
        let id = block_on(store.blob_put(crate::common::SPACE, bytes.clone())).unwrap();
        payloads.push((id, bytes));
        let txn = Txn {
            blobs: vec![id],
            ..numbered(session * 40 + 40)
        };
        block_on(store.commit(txn)).unwrap();
        if session == 1 {
            block_on(store.export(None, true)).unwrap();
            let settle = Some(Duration::from_secs(60));
            let budget = MaintainBudget {
                settle,
                prune: cut,
                ..MaintainBudget::default()
            };
            block_on(store.maintain(budget)).unwrap();
        }
    }
    let store = open(with).unwrap();
    let oldest = match store.read(Feed::All, Position(0), Budget::default()) {
        Err(ReadError::Compacted { oldest }) => oldest,
        _ => Position(1),
    };
    assert_eq!(cut, oldest > Position(1));
    Good {
        dir: dir.to_owned(),
        before: contents(&*store),
        payloads,
        oldest,
    }
}

/// Files of a kind, in order.
fn files(image: &Path, rng: &mut Rng) -> Vec<PathBuf> {
    let kinds: [(&str, &str); 8] = [
        ("journal", ".seg"),
        ("journal", ".seg"),
        ("journal", ""),
        ("state", ""),
        ("state", "db"),
        ("blobs", ""),
        ("exports", ""),
        ("", ""),
    ];
    let (below, ending) = kinds[usize::try_from(rng.below(8)).unwrap()];
    let mut found = Vec::new();
    let mut dirs = vec![image.join(below)];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.retain(|path| path.file_name().is_some_and(|name| name != "lock"));
    found.sort();
    found
}

/// Exchanges the sectors that hold two bytes, as far as both are there.
fn swap_sectors(bytes: &mut [u8], one: usize, other: usize) {
    let (one, other) = (one / 512 * 512, other / 512 * 512);
    for i in 0..512 {
        if one + i < bytes.len() && other + i < bytes.len() {
            bytes.swap(one + i, other + i);
        }
    }
}

/// Damages one file, or two, and says how.
fn damage(image: &Path, rng: &mut Rng) -> (&'static str, String) {
    let files = files(image, rng);
    let pick = |rng: &mut Rng| files[usize::try_from(rng.below(files.len() as u64)).unwrap()].clone();
    let (path, other) = (pick(rng), pick(rng));
    let mut bytes = std::fs::read(&path).unwrap();
    // Zeros behind the end are not worth damaging: nearly all of a segment is zeros.
    let used = bytes.iter().rposition(|b| *b != 0).unwrap_or(0) as u64 + 64;
    let at = usize::try_from(rng.below(used))
        .unwrap()
        .min(bytes.len().saturating_sub(1));
    let page = at / 4096 * 4096;
    let what = rng.below(9);
    let name = match what {
        0 | 1 if !bytes.is_empty() => {
            bytes[at] ^= 1 << rng.below(8);
            "bit flipped"
        }
        2 => {
            let garbage = std::iter::repeat_with(|| u8::try_from(rng.below(256)).unwrap());
            bytes
                .iter_mut()
                .skip(at)
                .take(16)
                .zip(garbage)
                .for_each(|(b, g)| *b = g);
            "16 bytes of garbage"
        }
        3 => {
            bytes.iter_mut().skip(page).take(4096).for_each(|b| *b = 0);
            "page of zeros"
        }
        4 => {
            bytes.truncate(at);
            "end cut off"
        }
        5 => {
            bytes.drain(at..(at + 512).min(bytes.len()));
            "middle cut out"
        }
        6 => {
            let from = usize::try_from(rng.below(used)).unwrap();
            swap_sectors(&mut bytes, from, at);
            "sectors swapped"
        }
        7 => {
            bytes = std::fs::read(&other).unwrap();
            "another file's contents"
        }
        _ => "file missing",
    };
    match name {
        "file missing" => std::fs::remove_file(&path).unwrap(),
        _ => std::fs::write(&path, bytes).unwrap(),
    }
    let place = path.strip_prefix(image).unwrap().display().to_string();
    (
        name,
        format!("{name} at byte {at} of {place} (other: {})", other.display()),
    )
}

/// What a store that opened shows: all of it, or the name of what is damaged.
fn look(store: &dyn Store, good: &Good, report: &CheckReport, what: &str) {
    assert!(contents(store) == good.before, "{what}: silently different");
    let gone = report
        .findings
        .iter()
        .any(|found| matches!(found, Finding::State { .. }));
    let named = |damage: &dirigent_store::error::Damage| {
        assert!(
            !report.is_sound(),
            "{what}: {damage}, but the check finds nothing"
        );
    };
    for (id, bytes) in &good.payloads {
        match block_on(store.blob_get(*id)) {
            Ok(found) => assert!(found == *bytes, "{what}: silently another payload"),
            // Without the state the check knows of no reference.
            Err(BlobError::Missing(missing)) => {
                assert!(missing == *id && (!report.is_sound() || gone), "{what}");
            }
            Err(BlobError::Damaged(damage)) => named(&damage),
            Err(e) => panic!("{what}: {e}"),
        }
    }
    let mut cursor = Position(good.oldest.0 - 1);
    while cursor < good.before.2 {
        match store.read(Feed::All, cursor, Budget::default()) {
            Ok(page) if page.next > cursor => cursor = page.next,
            Ok(_) => panic!("{what}: the feed ends at {cursor}"),
            Err(ReadError::Damaged(damage)) => return named(&damage),
            // Of a journal that was cut, a lost oldest segment is cut as well: readers are told to begin anew.
            Err(ReadError::Compacted { oldest }) if good.oldest > Position(1) && oldest > good.oldest => {
                return;
            }
            Err(e) => panic!("{what}: {e}"),
        }
    }
    if report.is_sound() {
        verify(store, good.before.2.0, what);
    }
}

/// Everything in a directory but the lock, and but sled's own files: it writes when it opens.
fn everything(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name == "state") {
                continue;
            } else if path.is_dir() {
                dirs.push(path);
            } else if path.file_name().is_some_and(|name| name != "lock") {
                found.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn damage_is_repaired_or_refused_by_name_but_never_silent() {
    let seed = seed("rot");
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().unwrap();
    let goods = [
        good(&root.path().join("whole"), false),
        good(&root.path().join("cut"), true),
    ];
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for round in 0..rounds(200, 5_000) {
        let good = &goods[usize::try_from(rng.below(2)).unwrap()];
        let image = root.path().join(format!("image-{round}"));
        copy_dir(&good.dir, &image);
        let (kind, mut what) = damage(&image, &mut rng);
        if rng.below(4) == 0 {
            drop(std::fs::remove_dir_all(image.join("state")));
            what += ", state gone";
        }
        let what = format!("seed {seed}, round {round}, {what}");
        let found = check(&image);
        let before = everything(&image);
        let mut with = options(&image);
        with.segment_bytes = 64 << 10;
        let fate = match open(with) {
            Ok(store) => {
                look(
                    &*store,
                    good,
                    &found.unwrap_or_else(|e| panic!("{what}: {e}")),
                    &what,
                );
                "opened"
            }
            Err(e) => {
                refused(&e, &what);
                let sound = found.is_ok_and(|report| report.is_sound());
                let rebuildable = matches!(e, OpenError::NotRebuildable { .. });
                assert!(!sound || rebuildable, "{what}: {e}, but the check finds nothing");
                assert!(
                    everything(&image) == before,
                    "{what}: refused, but not left as it was"
                );
                "refused by name"
            }
        };
        *counts.entry((kind, fate)).or_default() += 1;
        std::fs::remove_dir_all(&image).unwrap();
    }
    println!("damages: {counts:?}");
    assert!(counts.keys().any(|(_, fate)| *fate == "opened") && counts.len() > 8);
}

/// A refusal names a file or a directory of the store, and what to do.
fn refused(e: &OpenError, what: &str) {
    let named = matches!(
        e,
        OpenError::Damaged(_)
            | OpenError::JournalBehind { .. }
            | OpenError::JournalMissing { .. }
            | OpenError::NotRebuildable { .. }
            | OpenError::NewerFormat { .. }
    );
    assert!(named, "{what}: {e}");
    assert!(
        e.to_string().contains("image-") && !e.help().is_empty(),
        "{what}: {e}"
    );
}

#[test]
fn a_sound_store_checks_as_sound() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(options(dir.path())).unwrap();
    fill(&*store, 1, 100);
    assert!(matches!(check(dir.path()), Err(OpenError::InUse { .. })));
    drop(store);
    let report = check(dir.path()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.head.0, report.applied.0, report.commits), (100, 100, 100));
    assert!(report.rows > 200 && report.frames > 0);
}

#[test]
fn damage_in_the_newest_acknowledged_group_is_not_taken_for_a_torn_tail() {
    let root = tempfile::tempdir().unwrap();
    let good = root.path().join("good");
    fill(&*open(options(&good)).unwrap(), 1, 30);
    // Nothing but the journal itself knows better.
    std::fs::remove_dir_all(good.join("state")).unwrap();
    std::fs::remove_file(good.join("noted")).unwrap();
    let segment = good.join("journal/000000000002.seg");
    let bytes = std::fs::read(&segment).unwrap();
    let used = bytes.iter().rposition(|b| *b != 0).unwrap();
    // The last frame is the confirmation: 72 bytes, of which the last 8 are zeros.
    let group_end = used + 1 + 8 - 72;
    for at in [4096 + 4, 4096 + 80, group_end / 2, group_end - 16] {
        let image = root.path().join(format!("at-{at}"));
        copy_dir(&good, &image);
        let mut bad = bytes.clone();
        bad[at] ^= 4;
        std::fs::write(image.join("journal/000000000002.seg"), bad).unwrap();
        match open(options(&image)) {
            Err(OpenError::Damaged(damage)) => {
                assert!(damage.offset <= at as u64 && damage.file.ends_with("000000000002.seg"))
            }
            other => panic!("byte {at}: {:?}", other.map(|store| store.head())),
        }
    }
    // The confirmation itself may rot: it holds nothing.
    let image = root.path().join("confirmation");
    copy_dir(&good, &image);
    let mut bad = bytes.clone();
    bad[used] ^= 4;
    std::fs::write(image.join("journal/000000000002.seg"), bad).unwrap();
    verify(&*open(options(&image)).unwrap(), 30, "without confirmation");
}
