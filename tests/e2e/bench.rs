//! `dirigent bench --quick --json`: every load runs to its end and every figure is there. No figure is judged: that
//! needs a quiet machine and a release build.

use std::path::PathBuf;

use dirigent_tests::Home;
use serde_json::Value;

/// What readers of the JSON rely on.
const FIGURES: &[&str] = &[
    "/W1/c1/p50_ms",
    "/W1/c1/p95_ms",
    "/W1/c100/runs_s",
    "/W1/c100/steps_s",
    "/W2/wall_s",
    "/W3/kib_per_run",
    "/W3/drain_s",
    "/W4/recovery_s",
    "/W4/repeated",
    "/W5/ready_ms",
    "/W5/idle_mb",
    "/W5/idle_cpu_pct",
    "/streams/model_p99_ms",
    "/streams/screen_p99_ms",
    "/streams/behind_ms",
    "/streams/frames_s",
    "/streams/bytes_s",
    "/reference/append_fdatasync_per_s",
];

/// The build directory is on a disk; the system's temporary one may be in memory, which the bench refuses.
fn disk() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

#[test]
fn every_load_runs_and_every_figure_is_there() {
    let home = Home::new(&[]);
    let dir = disk().display().to_string();
    let output = home
        .client(&["bench", "--quick", "--json", "--dir", &dir])
        .expect_code(0);
    let figures = output.json();
    let missing: Vec<_> = FIGURES
        .iter()
        .filter(|path| figures.pointer(path).and_then(Value::as_f64).is_none())
        .collect();
    assert!(missing.is_empty(), "{missing:?} in {figures:#}");
    assert_eq!(
        figures["W4"]["repeated"], 0,
        "a finished step ran again: {figures:#}"
    );
}

#[test]
fn one_load_may_be_named_and_an_unknown_one_is_refused_by_name() {
    let home = Home::new(&[]);
    let dir = disk().display().to_string();
    let one = ["bench", "--only", "w2", "--quick", "--json", "--dir", &dir];
    let figures = home.client(&one).expect_code(0).json();
    assert!(
        figures["W2"]["wall_s"].is_number() && figures.get("W1").is_none(),
        "{figures:#}"
    );
    let refused = home.client(&["bench", "--only", "W9"]).expect_code(2);
    assert!(
        refused.stderr.contains("W9") && refused.stderr.contains("history"),
        "{refused:#?}"
    );
}
