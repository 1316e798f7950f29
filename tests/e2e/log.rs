//! The log of a daemon that the client started does not grow for ever.

use std::fs;
use std::os::unix::fs::DirBuilderExt;

use dirigent_tests::Home;

/// A line short of what the daemon lets its log grow to.
const NEARLY_FULL: usize = (16 << 20) - 200;

#[test]
fn a_full_log_is_turned_over_and_the_next_line_is_in_the_new_one() {
    let home = Home::new(&[]);
    let data = home.path("data");
    fs::DirBuilder::new().mode(0o700).create(&data).unwrap();
    let (log, before) = (data.join("dirigentd.log"), data.join("dirigentd.log.1"));
    fs::write(&log, vec![b'-'; NEARLY_FULL]).unwrap();
    let work = home.write(
        "work.yaml",
        "document: { dsl: 1.0.3, namespace: t, name: work, version: 1.0.0 }\ndo: [ { a: { set: { b: 1 } } } ]\n",
    );
    // No daemon is there: the client starts one.
    for _ in 0..3 {
        drop(home.client(&["run", "-f", work.to_str().unwrap()]).expect_code(0));
    }
    let told = home.client(&["daemon", "logs"]).expect_code(0).stdout;
    drop(home.client(&["daemon", "stop"]).expect_code(0));
    assert!(fs::metadata(&before).unwrap().len() >= NEARLY_FULL as u64);
    assert!(fs::metadata(&log).unwrap().len() < 1 << 20);
    assert!(told.contains("run completed"), "{told}");
}
