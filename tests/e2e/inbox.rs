//! The inbox with the real client in a real terminal: a sheet of three, a rule that lets another run go on, a denial
//! that stops its run, a question to an agent.

use dirigent_tests::{Daemon, Home, LONG, Terminal, asking, until};
use serde_json::{Value, json};

/// What was decided, by whom and why.
const NOTE: &str = "  - note:\n      set:\n        decision: ${ .decision }\n        by: ${ .by }\n        reason: ${ .reason }\n";

struct Story {
    home: Home,
    _daemon: Daemon,
}

impl Story {
    fn new() -> Self {
        let home = Home::new(&[]);
        let daemon = home.start();
        Self {
            home,
            _daemon: daemon,
        }
    }

    /// A run that waits for a person.
    fn asks(&self, text: &str) -> String {
        self.home
            .ask(&asking(&["risk: low", "on_deny: continue"], NOTE), text)
    }

    fn run(&self, run: &str) -> Value {
        self.home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json()
    }

    fn ended(&self, run: &str, status: &str) -> Value {
        let ended = until("the run to end", LONG, || {
            let run = self.run(run);
            ["completed", "faulted", "cancelled"]
                .iter()
                .any(|word| run["status"] == *word)
                .then_some(run)
        });
        assert_eq!(ended["status"], status, "{ended}");
        ended
    }

    fn inbox(&self, waiting: usize) -> Terminal {
        let mut terminal = Terminal::run(&self.home.client_command(&[]), 120, 40);
        terminal.wait_for("live", LONG);
        terminal.keys("ga");
        terminal.wait_for(&format!("Inbox ({waiting})"), LONG);
        terminal.wait_for("IF YOU DENY", LONG);
        terminal
    }
}

/// Presses a key until the screen shows what it leads to: a key that comes too soon is ignored, and says so.
fn press_until(terminal: &mut Terminal, key: &str, shows: &str) {
    until(shows, LONG, || {
        terminal.keys(key);
        until("an answer to the key", LONG, || {
            let text = terminal.text();
            (text.contains("key ignored") || text.contains(shows)).then_some(())
        });
        if terminal.text().contains(shows) {
            return Some(());
        }
        // The note goes with the next key; one that only draws anew is never typed into a field.
        terminal.keys("\u{c}");
        until("the note to go", LONG, || {
            (!terminal.text().contains("key ignored")).then_some(())
        });
        None
    });
}

#[test]
fn three_are_denied_on_one_sheet_with_one_reason_each_for_itself() {
    let story = Story::new();
    let runs = ["one", "two", "three"].map(|text| story.asks(text));
    let beside = story.asks("beside");
    let mut terminal = story.inbox(4);
    terminal.keys("   b");
    terminal.wait_for("Batch sheet (3)", LONG);
    press_until(&mut terminal, "x", "One reason, for each who asked");
    terminal.keys("not on a Friday\r");
    terminal.wait_for("not sent yet", LONG);
    terminal.wait_for("done", LONG);
    for run in &runs {
        let ended = story.ended(run, "completed");
        assert_eq!(ended["output"]["decision"], "denied", "{ended}");
        assert_eq!(ended["output"]["reason"], "not on a Friday", "{ended}");
    }
    assert_eq!(
        story.run(&beside)["status"],
        "waiting",
        "its neighbour still waits"
    );
}

#[test]
fn a_sheet_is_taken_back_as_a_whole_and_nothing_was_sent() {
    let story = Story::new();
    let runs = ["one", "two"].map(|text| story.asks(text));
    let mut terminal = story.inbox(2);
    terminal.keys("  b");
    terminal.wait_for("Batch sheet (2)", LONG);
    press_until(&mut terminal, "x", "One reason, for each who asked");
    terminal.keys("a slip\r");
    terminal.wait_for("not sent yet", LONG);
    terminal.keys("u");
    terminal.wait_for("the whole sheet is taken back", LONG);
    let listed = story
        .home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    for item in listed["items"].as_array().unwrap() {
        let id = item["id"].as_str().unwrap();
        drop(
            story
                .home
                .client(&["approvals", "approve", id, "--yes"])
                .expect_code(0),
        );
    }
    for run in &runs {
        assert_eq!(story.ended(run, "completed")["output"]["decision"], "approved");
    }
}

#[test]
fn a_rule_lets_another_run_go_on_and_the_next_one_never_waits() {
    let story = Story::new();
    let first = story.asks("one");
    let other = story.asks("two");
    let mut terminal = story.inbox(2);
    terminal.wait_for("covers 1 other waiting", LONG);
    press_until(&mut terminal, "A", "answers 1 more now");
    terminal.keys("2\r");
    let by_hand = story.ended(&first, "completed");
    assert!(
        !by_hand["output"]["by"].as_str().unwrap().starts_with("rule:"),
        "{by_hand}"
    );
    let released = story.ended(&other, "completed");
    let by = released["output"]["by"].as_str().unwrap().to_owned();
    assert!(by.starts_with("rule:asking-gate-allow-shape-"), "{released}");
    let file = story.home.path("asking.yaml");
    let later = [
        "run",
        "-f",
        file.to_str().unwrap(),
        "--input",
        "{\"text\":\"three\"}",
        "--json",
    ];
    let run = story.home.client(&later).expect_code(0).json();
    assert_eq!(run["output"]["by"], by.as_str(), "{run}");
    let name = by.trim_start_matches("rule:");
    let rules = ["get", "approval-rules", "--json"];
    let rules = story.home.client(&rules).expect_code(0).json();
    assert!(rules.to_string().contains(name), "{rules}");
    drop(
        story
            .home
            .client(&["delete", "approval-rule", name])
            .expect_code(0),
    );
    let again = story.asks("four");
    assert_eq!(
        story.run(&again)["status"],
        "waiting",
        "a revoked rule answers nothing"
    );
}

#[test]
fn a_denial_stops_the_run_with_it() {
    let story = Story::new();
    let run = story.asks("one");
    let mut terminal = story.inbox(1);
    press_until(&mut terminal, "X", "stop the whole run");
    terminal.keys("this is the wrong machine\r");
    let ended = story.ended(&run, "cancelled");
    assert!(ended["output"].is_null(), "nothing went on: {ended}");
    let listed = story
        .home
        .client(&["approvals", "list", "--all", "--json"])
        .expect_code(0)
        .json();
    let item = &listed["items"][0];
    assert_eq!(
        (&item["status"], &item["stopped_run"]),
        (&json!("denied"), &json!(true)),
        "{item}"
    );
    assert_eq!(item["decision_reason"], "this is the wrong machine");
}

#[test]
fn an_agent_answers_from_the_command_line_and_the_answer_stands_on_the_approval() {
    let story = Story::new();
    let agent = "kind: Agent\nmetadata: { name: clerk }\nspec: { prompt: 'Summarise: {{ input.text }}' }\n";
    let file = story.home.write("clerk.yaml", agent);
    drop(
        story
            .home
            .client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0),
    );
    let document = asking(&["agent: clerk", "on_deny: continue"], NOTE);
    let _run = story.home.ask(&document, "Disk sda1 is full since 18:02.");
    let listed = story
        .home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let ask = ["approvals", "ask", &id, "Which disk is full?", "--json"];
    let answer = story.home.client(&ask).expect_code(0).json();
    assert_eq!(answer["agent"], "clerk", "{answer}");
    let shown = story.home.client(&["approvals", "show", &id]).expect_code(0);
    assert!(
        shown.stdout.contains("Which disk is full?") && shown.stdout.contains("clerk answered"),
        "{shown:#?}"
    );
    let nobody = story.asks("without an agent");
    let listed = story
        .home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    let items = listed["items"].as_array().unwrap();
    let other = items.iter().find(|item| item["run"] == nobody.as_str()).unwrap();
    let ask = ["approvals", "ask", other["id"].as_str().unwrap(), "Why?"];
    let refused = story.home.client(&ask);
    assert!(refused.stderr.contains("no_agent"), "{refused:#?}");
}
