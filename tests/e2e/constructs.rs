//! Every construct of the standard on the screen, at 80 columns: a real engine's dry run in the builder, graph (as the
//! tree there is room for) and timeline, in colours, in sixteen, in none and in ASCII. What only happens to real runs
//! (cancelled, undone, held, waiting) is looked at in the monitor of real runs.

use dirigent_tests::{Home, LONG, Terminal, until};
use serde_json::Value;

use crate::standard::workflow;

/// Name, document, and what has to stand on the screen: in the steps, in the timeline.
const CONSTRUCTS: &[(&str, &str, &[&str], &[&str])] = &[
    (
        "nested",
        "do:\n  - outer:\n      do:\n        - middle:\n            do:\n              - inner: { call: noop }\n        - beside: { call: noop }\n",
        &["outer", "middle", "✓ inner", "✓ beside"],
        &["inner", "█", "1.0s"],
    ),
    (
        "looped",
        "do:\n  - each:\n      for: { each: n, in: '${ [range(0; 1000)] }' }\n      do:\n        - one: { set: { n: '${ $n }' } }\n",
        &["✓ each", "✓ one", "×1000"],
        &["one#1000", "one#999"],
    ),
    (
        "forked",
        "do:\n  - all:\n      fork:\n        branches:\n          - left: { call: noop }\n          - right: { call: noop }\n",
        &["all", "✓ left", "✓ right"],
        &["left", "right"],
    ),
    (
        "competing",
        "do:\n  - race:\n      fork:\n        compete: true\n        branches:\n          - quick: { call: noop }\n          - slow: { wait: PT9S }\n",
        &["race", "✓ quick", "⊘ slow"],
        &["quick", "slow", "cancelled"],
    ),
    (
        "caught",
        "do:\n  - attempt:\n      try:\n        - risky: { call: http, with: { method: get, endpoint: 'http://localhost/' }, metadata: { dirigent: { max_attempts: 1, sample: { $error: { status: 503 } } } } }\n      catch:\n        retry: { delay: { seconds: 2 }, limit: { attempt: { count: 2 } } }\n        do:\n          - repair: { set: { repaired: true } }\n",
        &["attempt", "✗ risky", "503", "✓ repair"],
        &["risky", "repair"],
    ),
    (
        "switched",
        "do:\n  - way:\n      switch:\n        - left: { when: '.go == \"left\"', then: one }\n        - right: { then: two }\n  - one: { set: { at: one }, then: end }\n  - two: { set: { at: two } }\n",
        &["✓ way", "· one", "✓ two"],
        &["way", "two"],
    ),
    (
        "heard",
        "do:\n  - hear: { listen: { to: { one: { with: { type: order.paid } } } }, metadata: { dirigent: { sample: { order: 7 } } } }\n  - say: { emit: { event: { with: { type: order.sent, source: /test } } } }\n",
        &["✓ hear", "1m", "✓ say"],
        &["hear", "░"],
    ),
    (
        "waited",
        "do:\n  - pause: { wait: PT30S }\n  - asked: { call: approval, with: { title: 'Go?' } }\n",
        &["✓ pause", "30s", "✓ asked", "1m"],
        &["pause", "asked", "░"],
    ),
    (
        "raised",
        "do:\n  - fine: { set: { x: 1 } }\n  - wrong: { raise: { error: { type: 'https://example.org/broken', status: 418, title: Broken } } }\n",
        &["✓ fine", "✗ wrong", "418"],
        &["wrong"],
    ),
    (
        "called",
        "do:\n  - below: { run: { workflow: { namespace: tests, name: other, version: '1.0.0' } } }\n  - skipped: { if: 'false', set: { x: 1 } }\n",
        &["✓ below", "run:workflow", "○ skipped"],
        &["below"],
    ),
];

/// The screen of a dry run of that document.
fn tried(home: &Home, name: &str, look: &[(&str, &str)]) -> Terminal {
    let place = format!("workflows/{name}/draft");
    let mut command = home.client_command(&["open", &place]);
    command.envs(look.iter().copied());
    let mut terminal = Terminal::run(&command, 80, 24);
    terminal.wait_for("Steps", LONG);
    // One of them calls a workflow that may come later.
    until("the check", LONG, || {
        let text = terminal.text();
        (text.contains("is wrong") || text.contains("there is no workflow")).then_some(())
    });
    terminal.keys("T");
    terminal.wait_for("Simulate with which input", LONG);
    terminal.keys("\r");
    terminal.wait_for("SIMULATED", LONG);
    terminal
}

fn publish(home: &Home, name: &str, body: &str) {
    let file = workflow(home, name, body);
    drop(home.client(&["apply", "-f", &file]).expect_code(0));
}

#[test]
fn every_construct_can_be_read_in_steps_and_timeline_at_80_columns() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    for (name, body, steps, bars) in CONSTRUCTS {
        publish(&home, name, body);
        let mut terminal = tried(&home, name, &[]);
        for wanted in *steps {
            terminal.wait_for(wanted, LONG);
        }
        terminal.keys("\t");
        for wanted in *bars {
            terminal.wait_for(wanted, LONG);
        }
        terminal.keys("q");
        terminal.wait_end(LONG);
    }
}

#[test]
fn signs_and_words_carry_it_in_sixteen_colours_in_none_and_in_ascii() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let (name, body, ..) = CONSTRUCTS[4];
    publish(&home, name, body);
    let looks: [(&[(&str, &str)], &str); 3] = [
        (&[("TERM", "xterm")], "✗ risky"),
        (&[("NO_COLOR", "1"), ("TERM", "xterm-256color")], "✗ risky"),
        (&[("LANG", "C"), ("TERM", "xterm")], "x risky"),
    ];
    for (look, sign) in looks {
        let mut terminal = tried(&home, name, look);
        terminal.wait_for(sign, LONG);
        terminal.keys("\t");
        terminal.wait_for("risky", LONG);
        terminal.keys("q");
        terminal.wait_end(LONG);
    }
}

/// The monitor of a run, at 80 columns.
fn monitor(home: &Home, run: &str) -> Terminal {
    Terminal::run(&home.client_command(&["open", &format!("runs/{run}")]), 80, 24)
}

fn begun(home: &Home, name: &str, body: &str, status: &str) -> String {
    let file = workflow(home, name, body);
    let run = home
        .client(&["run", "-f", &file, "--detach", "--json"])
        .expect_code(0)
        .json();
    let run = run["run"].as_str().unwrap().to_owned();
    reached(home, &run, status);
    run
}

fn reached(home: &Home, run: &str, status: &str) -> Value {
    until(&format!("run {run} to be {status}"), LONG, || {
        let shown = home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json();
        (shown["status"] == status).then_some(shown)
    })
}

#[test]
fn what_was_undone_and_what_is_waited_for_has_words_of_its_own() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let undone = begun(
        &home,
        "undone",
        "use:\n  functions:\n    takeBack: { call: noop }\ndo:\n  - book: { call: noop, metadata: { dirigent: { compensate: takeBack } } }\n  - rest: { wait: PT8H }\n",
        "waiting",
    );
    drop(home.client(&["runs", "cancel", &undone]));
    reached(&home, &undone, "cancelled");
    let mut terminal = monitor(&home, &undone);
    terminal.wait_for("↺ book", LONG);
    terminal.wait_for("undone", LONG);
    terminal.wait_for("⊘ rest", LONG);
    terminal.keys("q");
    terminal.wait_end(LONG);

    let listens = begun(
        &home,
        "listens",
        "do:\n  - hear: { listen: { to: { one: { with: { type: order.paid } } } } }\n",
        "waiting",
    );
    let mut terminal = monitor(&home, &listens);
    terminal.wait_for("for event order.paid", LONG);
    drop(
        home.client(&[
            "events",
            "publish",
            "--type",
            "order.paid",
            "--data",
            r#"{"order":7}"#,
        ])
        .expect_code(0),
    );
    terminal.wait_for("✓ hear", LONG);
    terminal.keys("\t\t");
    terminal.wait_for("heard order.paid {\"order\":7}", LONG);
    terminal.keys("q");
    terminal.wait_end(LONG);
}

#[test]
fn a_run_and_a_run_of_it_say_where_the_other_is() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    publish(&home, "below", "do:\n  - rest: { wait: PT8H }\n");
    let above = begun(
        &home,
        "above",
        "do:\n  - child: { run: { workflow: { namespace: tests, name: below, version: latest } } }\n",
        "running",
    );
    let child = until("the run below", LONG, || {
        let list = home.client(&["runs", "list", "--json"]).expect_code(0).json();
        let found = list["items"]
            .as_array()?
            .iter()
            .find(|run| run["workflow"] == "below")?
            .clone();
        found["id"].as_str().or(found["run"].as_str()).map(str::to_owned)
    });
    let mut terminal = monitor(&home, &above);
    terminal.wait_for("called 1 run", LONG);
    terminal.keys("q");
    terminal.wait_end(LONG);
    let mut terminal = monitor(&home, &child);
    terminal.wait_for("called by", LONG);
    terminal.keys("q");
    terminal.wait_end(LONG);
}
