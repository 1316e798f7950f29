//! What must not be served is not served: another daemon's store, a newer one, a damaged one, one whose sync fails. And a
//! full disk, which passes.

mod space;
mod state;
mod sync;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dirigent_tests::{Home, Output};

const STEPS: &str = "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: one\n  version: '1.0.0'\ndo:\n  - a:\n      set:\n        x: 1\n";

fn end(mut command: Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A daemon that is expected to end by itself.
fn daemon(home: &Home, arguments: &[&str]) -> Output {
    let mut command = home.daemon_command();
    command.args(arguments);
    end(command)
}

/// Everything in a store but the lock.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if !path.ends_with("lock") {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// A home whose daemon has run something and was stopped.
fn used() -> Home {
    let home = Home::new(&[]);
    let daemon = home.start();
    let file = home.write("one.yaml", STEPS);
    for _ in 0..3 {
        drop(home.client(&["run", "-f", file.to_str().unwrap()]).expect_code(0));
    }
    daemon.stop();
    home
}

#[test]
fn a_second_daemon_on_the_data_is_refused_and_disturbs_nothing() {
    let home = Home::new(&[]);
    let first = home.start();
    let other = home.path("other.sock");
    let refused = daemon(&home, &["--socket", other.to_str().unwrap()]).expect_code(1);
    let words = refused.stderr;
    assert!(
        words.contains("in use by process") && words.contains(&first.pid().to_string()),
        "{words}"
    );
    assert!(words.contains("help: "), "{words}");
    assert!(!other.exists());
    drop(home.client(&["status"]).expect_code(0));
}

#[test]
fn a_newer_format_is_refused_untouched() {
    let home = used();
    let meta = home.path("data/store/meta.json");
    let text = fs::read_to_string(&meta).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["format"] = 99.into();
    fs::write(&meta, json.to_string()).unwrap();
    let before = files(&home.path("data/store"));
    let refused = daemon(&home, &[]).expect_code(65);
    let words = refused.stderr;
    assert!(
        words.contains("meta.json has format 99") && words.contains("newer version"),
        "{words}"
    );
    assert_eq!(files(&home.path("data/store")), before);
}

#[test]
fn a_damaged_journal_is_refused_by_file_and_offset_and_left_alone() {
    let home = used();
    let journal = home.path("data/store/journal");
    let mut segments: Vec<_> = fs::read_dir(&journal)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    segments.retain(|path| path.extension().is_some_and(|e| e == "seg"));
    let newest = segments.iter().max().unwrap();
    let mut bytes = fs::read(newest).unwrap();
    bytes[4096 + 100] ^= 1;
    fs::write(newest, bytes).unwrap();
    fs::remove_dir_all(home.path("data/store/state")).unwrap();
    let before = files(&home.path("data/store"));
    let refused = daemon(&home, &[]).expect_code(65);
    let place = format!("{} is damaged at byte 4096", newest.display());
    assert!(refused.stderr.contains(&place), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("nothing was changed"),
        "{}",
        refused.stderr
    );
    let checked = home.client(&["check"]).expect_code(65);
    assert!(
        (checked.stdout + &checked.stderr).contains("at byte 4096"),
        "{place}"
    );
    assert_eq!(files(&home.path("data/store")), before);
}
