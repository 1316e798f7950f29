//! The real client in a real terminal: from the demo's start to the approval, and the terminal given back.

use dirigent_tests::{Home, LONG, Terminal, until};

#[test]
fn the_demo_is_watched_and_approved_from_the_keyboard() {
    let home = Home::new(&[]);
    let log = home.write(
        "app.log",
        "12:00:01 INFO started\n12:00:02 ERROR disk full on /srv\n12:00:03 INFO retry\n",
    );
    let data = home.path("demo");
    let mut terminal = Terminal::run(
        &home.client_command(&[
            "demo",
            "--input-dir",
            log.to_str().unwrap(),
            "--data-dir",
            data.to_str().unwrap(),
        ]),
        120,
        40,
    );
    terminal.wait_for("incident-review", LONG);
    terminal.wait_for("waiting for you", LONG * 2);
    assert!(terminal.alternate());
    terminal.keys("!");
    terminal.wait_for("WHAT (exact", LONG);
    terminal.wait_for("disk full", LONG);
    // A key too soon after the question came under the cursor is ignored, and says so.
    until("the guard to let a key through", LONG, || {
        terminal.keys("a");
        until("an answer to the key", LONG, || {
            let text = terminal.text();
            (text.contains("key ignored") || text.contains("takes it back")).then_some(())
        });
        terminal.text().contains("takes it back").then_some(())
    });
    terminal.wait_for("── decided", LONG);
    terminal.keys("gr");
    terminal.wait_for("✓ completed", LONG);
    assert!(data.join("incident-report.md").exists());
    terminal.keys("q");
    assert_eq!(terminal.wait_end(LONG), 0);
    assert!(
        !terminal.alternate(),
        "the terminal was not given back:\n{}",
        terminal.text()
    );
}

#[test]
fn an_orchestration_is_run_from_its_page_and_who_works_is_seen_at_80_columns() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let log = home.write(
        "app.log",
        "12:00:01 INFO started\n12:00:02 ERROR disk full on /srv\n",
    );
    drop(
        home.client(&["orchestrations", "shipped", "log-triage"])
            .expect_code(0),
    );
    let mut terminal = Terminal::run(
        &home.client_command(&["open", "orchestrations/log-triage"]),
        80,
        24,
    );
    terminal.wait_for("● live", LONG);
    terminal.keys("B");
    terminal.wait_for("Run this orchestration with", LONG);
    terminal.wait_for("it takes path", LONG);
    // No JSON is refused, and what is typed stays.
    terminal.keys("{\r");
    terminal.wait_for("this is no JSON", LONG);
    terminal.keys(&format!("\"path\": {:?}}}\r", log.to_str().unwrap()));
    terminal.wait_for("Who (parallel)", LONG);
    terminal.wait_for("agent log-triage-failures", LONG);
    terminal.wait_for("Keep this report of the incident?", LONG * 2);
    until("all members to be done", LONG, || {
        let text = terminal.text();
        (text.matches(" done ").count() == 3).then_some(())
    });
    terminal.keys("a");
    terminal.wait_for("WHAT (exact", LONG);
}
