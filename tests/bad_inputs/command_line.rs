//! C: the client's own command line, and where its output goes.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Stdio;

use dirigent_tests::Output;

use crate::rules::{Bed, Leaves};

fn teams(bed: &Bed, count: usize) {
    let text: Vec<_> = (0..count)
        .map(|n| format!("kind: Team\nmetadata: {{name: team-{n}}}\nspec: {{}}\n"))
        .collect();
    let file = bed.home.write("teams.yaml", &text.join("---\n"));
    assert_eq!(
        bed.home.client(&["apply", "-f", file.to_str().unwrap()]).code,
        Some(0)
    );
}

#[test]
fn an_id_that_fits_several_or_none_says_so() {
    let bed = Bed::start(&[], "");
    teams(&bed, 40);
    let output = bed.row("C16", Leaves::Nothing, || {
        bed.home.client(&["get", "team", "nobody"])
    });
    bed.refused("C16", &output, 1, "not_found");
    // Ids of one millisecond begin alike.
    let output = bed.row("C16", Leaves::Nothing, || bed.home.client(&["get", "team", "0"]));
    assert!(
        output.stderr.contains("ambiguous") || output.stderr.contains("not_found"),
        "C16: {output:#?}"
    );
    assert!(output.stderr.contains("help:"), "C16: {output:#?}");
}

#[test]
fn arguments_are_never_trusted() {
    let bed = Bed::start(&[], "");
    let long = "x".repeat(128 * 1024 - 1);
    for argument in [long.as_str(), "two\nlines", "\u{1b}[2Jx", "a\u{202e}b"] {
        let output = bed.row("C17", Leaves::Nothing, || {
            bed.home.client(&["get", "team", argument])
        });
        assert_ne!(output.code, Some(0), "C17: {argument:.40}");
        bed.shows_nothing("C17", &output.stderr);
        assert!(
            output.stderr.len() < 4_000,
            "C17: {} bytes of words",
            output.stderr.len()
        );
        assert!(output.stderr.contains("help:"), "C17: {output:#?}");
    }
    let bytes = OsString::from_vec(b"\xff\xfe".to_vec());
    let output = bed
        .home
        .client_command(&["get", "team"])
        .arg(bytes)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "C17");
}

#[test]
fn a_reader_that_went_away_and_a_full_disk_are_told_apart() {
    let bed = Bed::start(&[], "");
    teams(&bed, 200);
    let mut child = bed
        .home
        .client_command(&["get", "teams", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.is_empty(),
        "C19: a closed pipe is no error to talk about: {said}"
    );
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = bed
        .home
        .client_command(&["get", "teams", "--json"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(74), "C19: {output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("error["), "C19: {said}");
    bed.answers("C19");
}

#[test]
fn nobody_there_is_said_with_what_to_do() {
    let home = dirigent_tests::Home::new(&[]);
    let output: Output = home.client(&["get", "teams"]);
    assert_eq!(output.code, Some(69), "{output:#?}");
    assert!(
        output.stderr.contains("error[") && output.stderr.contains("help:"),
        "{output:#?}"
    );
}
