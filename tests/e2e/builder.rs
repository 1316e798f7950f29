//! A workflow built by keyboard alone in a real terminal of 80 columns: added, connected, moved, refused under the
//! version that is published, mended as text, published. What nobody touched stays as it was written.

use dirigent_tests::{Home, LONG, Terminal};

const WRITTEN: &str = "\
document:
  dsl: '1.0.3'
  namespace: tests
  name: built   # by hand
  version: '1.0.0'

# all of the work
do:
  # say it first
  - greet: # politely
      set: {greeting: 'hello'}
  - last:
      set:
        done:   true
";

#[test]
fn a_task_is_added_connected_moved_and_published_and_the_comments_stay() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let file = home.write("built.yaml", WRITTEN);
    drop(
        home.client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0),
    );
    let mut terminal = Terminal::run(&home.client_command(&["open", "workflows/built/draft"]), 80, 24);
    terminal.wait_for("Steps", LONG);
    terminal.wait_for("nothing is wrong", LONG);
    terminal.wait_for("1 greet", LONG);
    terminal.keys("iwait");
    terminal.wait_for("› wait", LONG);
    terminal.keys("\r");
    terminal.wait_for("2 wait", LONG);
    terminal.keys("Lend");
    terminal.wait_for("› end", LONG);
    terminal.keys("\r");
    terminal.wait_for("→ end", LONG);
    terminal.keys("J");
    terminal.wait_for("3 wait", LONG);
    terminal.wait_for("nothing is wrong", LONG);
    // The version is published with another content: refused, and the draft stays.
    terminal.keys("P");
    terminal.wait_for("Publish built?", LONG);
    terminal.keys("a");
    terminal.wait_for("publish built:", LONG);
    terminal.keys("t");
    terminal.wait_for("1:1", LONG);
    // A typing error first: it is said where it is while one types.
    terminal.keys("!");
    terminal.wait_for("✗ ", LONG);
    terminal.keys("\u{7f}");
    terminal.wait_for("nothing is wrong", LONG);
    terminal.keys("\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[B\u{1b}[F\u{7f}\u{7f}1'");
    terminal.wait_for("version: '1.0.1'", LONG);
    terminal.wait_for("nothing is wrong", LONG);
    terminal.keys("\u{1b}");
    terminal.wait_for("Steps", LONG);
    terminal.keys("P");
    terminal.wait_for("Publish built?", LONG);
    terminal.keys("a");
    terminal.wait_for("done: publish built", LONG);
    terminal.keys("q");
    terminal.wait_end(LONG);
    let versions = home
        .client(&["get", "workflow-versions", "--json"])
        .expect_code(0)
        .json();
    let newest = versions["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|version| version["spec"]["version"] == "1.0.1" || version["version"] == "1.0.1");
    let newest = newest.unwrap_or_else(|| panic!("{versions}"));
    let source = newest["spec"]["source"]
        .as_str()
        .or(newest["source"].as_str())
        .unwrap();
    let wanted = WRITTEN.replace("'1.0.0'", "'1.0.1'")
        + "  - wait:\n      wait:\n        seconds: 5\n      then: end\n";
    assert_eq!(source, wanted);
}
