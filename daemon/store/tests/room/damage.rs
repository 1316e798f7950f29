//! Rot in the journal: what opens is whole, what is not whole says where; never silently less.

use crate::common::{Rng, contents, copy_dir, fill, options};
use crate::power::verify;
use dirigent_store::{OpenError, check, open};
use std::path::Path;

fn damage(journal: &Path, rng: &mut Rng) -> String {
    let mut files: Vec<_> = std::fs::read_dir(journal)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "seg"));
    files.sort();
    let path = &files[usize::try_from(rng.below(files.len() as u64)).unwrap()];
    let mut bytes = std::fs::read(path).unwrap();
    // Zeros behind the end are not worth damaging: nearly all of a segment is zeros.
    let used = bytes.iter().rposition(|b| *b != 0).unwrap() as u64 + 64;
    let at = usize::try_from(rng.below(used)).unwrap().min(bytes.len() - 1);
    let what = rng.below(5);
    match what {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes
            .iter_mut()
            .skip(at)
            .take(16)
            .for_each(|b| *b = u8::try_from(rng.below(256)).unwrap()),
        2 => bytes
            .iter_mut()
            .skip(at / 4096 * 4096)
            .take(4096)
            .for_each(|b| *b = 0),
        3 => bytes.truncate(at),
        _ => {
            let other = usize::try_from(rng.below(used)).unwrap() / 512 * 512;
            for i in 0..512 {
                let (a, b) = (at / 512 * 512 + i, other + i);
                if a < bytes.len() && b < bytes.len() {
                    bytes.swap(a, b);
                }
            }
        }
    }
    std::fs::write(path, bytes).unwrap();
    format!(
        "damage {what} at byte {at} of {}",
        path.file_name().unwrap().to_string_lossy()
    )
}

#[test]
fn damage_is_repaired_or_refused_by_name_but_never_silent() {
    let rounds = if std::env::var_os("DIRIGENT_LONG").is_some() {
        5_000
    } else {
        80
    };
    let seed = std::env::var("DIRIGENT_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1);
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let root = tempfile::tempdir().unwrap();
    let good = root.path().join("good");
    for session in 0..3 {
        fill(
            &*open(options(&good)).unwrap(),
            session * 40 + 1,
            session * 40 + 40,
        );
    }
    let before = contents(&*open(options(&good)).unwrap());
    let (mut opened, mut refused) = (0, 0);
    for round in 0..rounds {
        let image = root.path().join(format!("image-{round}"));
        copy_dir(&good, &image);
        let mut what = damage(&image.join("journal"), &mut rng);
        if rng.below(2) == 0 {
            std::fs::remove_dir_all(image.join("state")).unwrap();
            what += ", state gone";
        }
        let report = check(&image).unwrap_or_else(|e| panic!("seed {seed}, {what}: {e}"));
        match open(options(&image)) {
            Ok(store) => {
                opened += 1;
                assert!(
                    contents(&*store) == before,
                    "seed {seed}, {what}: silently different"
                );
                if report.is_sound() {
                    verify(&*store, before.2.0, &what);
                }
            }
            Err(
                OpenError::Damaged(_) | OpenError::JournalBehind { .. } | OpenError::JournalMissing { .. },
            ) => {
                refused += 1;
                assert!(
                    !report.is_sound(),
                    "seed {seed}, {what}: refused, but the check finds nothing"
                );
            }
            Err(e) => panic!("seed {seed}, {what}: {e}"),
        }
        std::fs::remove_dir_all(&image).unwrap();
    }
    assert!(opened > 0 && refused > 0, "opened {opened}, refused {refused}");
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
