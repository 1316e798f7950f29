//! A conversation from the keyboard alone, in a real terminal of 80 columns: tools, a question to a person, an answer
//! that is stopped, a fork, a file, a draft that outlives the daemon.

use std::process::Stdio;
use std::time::Duration;

use dirigent_tests::{Home, LONG, Model, Say, Terminal, until};
use serde_json::{Value, json};

use crate::agent_steps::{home, publish, results};

/// What the person says last, and what tools have told since.
fn now(body: &Value) -> (String, Vec<String>) {
    let messages = body["messages"].as_array().unwrap();
    let last = messages
        .iter()
        .rposition(|message| message["role"] == "user")
        .unwrap();
    let said = messages[last]["content"].as_str().unwrap_or_default().to_owned();
    (said, results(&json!({ "messages": &messages[last..] })))
}

fn script(body: &Value) -> Say {
    let (said, told) = now(body);
    match (said.as_str(), told.len()) {
        ("look\ntwice", 0) => Say::call("read_file", json!({ "path": "a.txt" })),
        ("look\ntwice", _) => Say::Slowly(vec!["It says ".into(), told.concat()], Duration::from_millis(20)),
        ("write", 0) => Say::call("write_file", json!({ "path": "b.txt", "content": "new" })),
        ("write", _) => Say::text("It is written."),
        ("count", _) => Say::Slowly(
            (0..10_000).map(|number| format!("number {number}, ")).collect(),
            Duration::from_millis(50),
        ),
        (other, _) => Say::text(&format!("You said {other}.")),
    }
}

fn started() -> (Home, Model) {
    let model = Model::start(Duration::ZERO, script);
    let home = home(&model, &[]);
    std::fs::create_dir_all(home.path("work")).unwrap();
    std::fs::write(home.path("work/a.txt"), "grass is green").unwrap();
    (home, model)
}

fn tools(home: &Home) -> Value {
    let work = home.path("work");
    json!({ "tools": [
        { "file": { "workspace": work }, "allow": ["read_file"], "approval": "never", "traits": {} },
        { "file": { "workspace": work, "write": true }, "allow": ["write_file"], "approval": "ask", "traits": {} },
    ] })
}

#[test]
fn somebody_talks_with_an_agent_by_keyboard_alone() {
    let (home, _model) = started();
    let _daemon = home.start();
    publish(&home, "helper", &tools(&home));
    let mut terminal = Terminal::run(&home.client_command(&["open", "agents/helper"]), 80, 24);
    terminal.wait_for("v1", LONG);
    terminal.keys("r");
    terminal.wait_for("It begins when you say something", LONG);
    // Two lines, and one that was pasted is not said by itself.
    terminal.keys("look\n\u{1b}[200~twice\u{1b}[201~");
    terminal.wait_for("twice", LONG);
    terminal.keys("\r");
    terminal.wait_for("⚒ read_file", LONG);
    terminal.wait_for("✓ read_file", LONG);
    terminal.wait_for("It says grass is green", LONG);
    // A tool that asks: the question is named here and answered where questions are answered.
    terminal.keys("write\r");
    terminal.wait_for("asks you", LONG);
    terminal.keys("\u{1b}");
    terminal.wait_for("message up", LONG);
    terminal.keys("a");
    terminal.wait_for("WHAT (exact", LONG);
    until("the guard to let a key through", LONG, || {
        terminal.keys("a");
        until("an answer to the key", LONG, || {
            let text = terminal.text();
            (text.contains("key ignored") || text.contains("takes it back")).then_some(())
        });
        terminal.text().contains("takes it back").then_some(())
    });
    terminal.keys("gv");
    terminal.wait_for("Conversations (1)", LONG);
    terminal.keys("\r");
    terminal.wait_for("It is written.", LONG * 2);
    assert_eq!(
        terminal.text().matches("It is written.").count(),
        1,
        "{}",
        terminal.text()
    );
    assert_eq!(std::fs::read_to_string(home.path("work/b.txt")).unwrap(), "new");
}

/// A conversation of one message.
fn begun(home: &Home) -> Terminal {
    publish(home, "helper", &tools(home));
    let mut terminal = Terminal::run(
        &home.client_command(&["open", "conversations/new/helper"]),
        80,
        24,
    );
    terminal.wait_for("It begins when you say something", LONG);
    terminal.wait_for("● live", LONG);
    terminal.keys("first\r");
    terminal.wait_for("You said first.", LONG);
    terminal
}

#[test]
fn an_answer_is_stopped_and_a_draft_outlives_the_daemon() {
    let (home, _model) = started();
    let daemon = home.start();
    let mut terminal = begun(&home);
    // Enough of an answer: only the answer is stopped.
    terminal.keys("count\r");
    terminal.wait_for("number 11, number 12,", LONG);
    terminal.keys("\u{1b}");
    terminal.wait_for("message up", LONG);
    terminal.keys("x");
    terminal.wait_for("Stop this answer?", LONG);
    terminal.keys("a");
    terminal.wait_for("The answer was stopped", LONG);
    // What is typed outlives the daemon.
    terminal.keys("\rstill there?");
    terminal.wait_for("still there?", LONG);
    drop(daemon);
    terminal.wait_for("disconnected", LONG);
    terminal.keys("\r");
    terminal.wait_for("the text is kept", LONG);
    let _daemon = home.start();
    until("the line to be back", LONG, || {
        (!terminal.text().contains("disconnected")).then_some(())
    });
    until("it to be said", LONG, || {
        terminal.keys("\r");
        until("an answer to the key", LONG, || {
            let text = terminal.text();
            (!text.contains("the text is kept")).then_some(())
        });
        terminal.text().contains("You said still there?.").then_some(())
    });
}

#[test]
fn it_is_forked_at_a_message_and_written_into_a_file() {
    let (home, _model) = started();
    let _daemon = home.start();
    let mut terminal = begun(&home);
    terminal.keys("look\ntwice\r");
    terminal.wait_for("It says grass is green", LONG);
    terminal.keys("hello\r");
    terminal.wait_for("You said hello.", LONG);
    // Back to the message before, and on from there another way.
    terminal.keys("\u{1b}");
    terminal.wait_for("message up", LONG);
    terminal.keys("KKR");
    terminal.wait_for("what stands above was said in", LONG);
    terminal.keys("\ranother way\r");
    terminal.wait_for("You said another way.", LONG);
    assert!(!terminal.text().contains("hello"), "{}", terminal.text());
    terminal.keys("\u{1b}");
    terminal.wait_for("into a file", LONG);
    terminal.keys("\u{13}");
    terminal.wait_for("written to conversation-", LONG);
    let name = terminal.text();
    let name = name
        .split("written to ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    let text = std::fs::read_to_string(home.path(&name)).unwrap();
    assert!(
        text.contains("> look\n> twice") && text.contains("> another way"),
        "{text}"
    );
    assert!(
        !text.contains("hello"),
        "the fork begins behind the second message: {text}"
    );
}

#[test]
fn what_tools_were_asked_and_told_is_known_in_later_turns_as_what_it_was() {
    let (home, model) = started();
    let daemon = home.start();
    publish(&home, "helper", &tools(&home));
    let chat = |more: &[&str]| {
        let words = [&["chat"], more, &["--json"]].concat();
        home.client(&words).expect_code(0)
    };
    drop(chat(&["helper", "--say", "look\ntwice"]));
    let runs = home.client(&["runs", "list", "--json"]).json();
    let run = &runs["items"][0];
    let id = run["run"].as_str().or(run["id"].as_str()).unwrap().to_owned();
    // In another process of the daemon, too.
    daemon.kill();
    let _daemon = home.start();
    drop(chat(&["--resume", &id, "--say", "and now?", "--say", "still?"]));
    let told = model.told();
    let messages = told.last().unwrap().body["messages"].as_array().unwrap().clone();
    let roles: Vec<&str> = messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles,
        [
            "user",
            "assistant",
            "tool",
            "assistant",
            "user",
            "assistant",
            "user"
        ],
        "{messages:#?}"
    );
    let call = &messages[1]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "read_file");
    assert_eq!(call["function"]["arguments"], r#"{"path":"a.txt"}"#);
    assert_eq!(messages[2]["tool_call_id"], call["id"]);
    assert!(
        messages[2]["content"]
            .as_str()
            .unwrap()
            .contains("grass is green"),
        "{messages:#?}"
    );
    assert!(messages[3]["content"].as_str().unwrap().contains("It says"));
    assert_eq!(messages[6]["content"], "still?");
    // The same file was not read a second time.
    let events = crate::agent_steps::events(&home, &id);
    let reads = events
        .iter()
        .filter(|event| event["type"] == "effect.intended" && event["request"]["file"].is_object());
    assert_eq!(reads.count(), 1);
}

/// What came in by a tool in an earlier turn counts in a later one: untrusted, private and outward together ask.
#[test]
fn what_came_into_a_conversation_stays_in_it() {
    let (home, _model) = started();
    let _daemon = home.start();
    let work = home.path("work");
    let tools = json!({ "trusted_input": true, "tools": [
        { "file": { "workspace": work }, "allow": ["read_file"], "approval": "never",
          "traits": { "untrusted": true, "private": true } },
        { "file": { "workspace": work, "write": true }, "allow": ["write_file"], "approval": "never",
          "traits": { "outward": true } },
    ] });
    publish(&home, "helper", &tools);
    let one = home.client(&["chat", "helper", "--say", "look\ntwice", "--json"]);
    drop(one.expect_code(0));
    let runs = home.client(&["runs", "list", "--json"]).json();
    let run = &runs["items"][0];
    let id = run["run"].as_str().or(run["id"].as_str()).unwrap().to_owned();
    let mut said = home.client_command(&["chat", "--resume", &id, "--say", "write"]);
    let mut said = said.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let asked = until("the question", LONG, || {
        let events = crate::agent_steps::events(&home, &id);
        events
            .into_iter()
            .find(|event| event["type"] == "approval.requested")
    });
    assert!(
        asked["request"]["reason"]
            .as_str()
            .unwrap()
            .contains("private data"),
        "{asked}"
    );
    assert!(!home.path("work/b.txt").exists());
    said.kill().unwrap();
    drop(said.wait());
}

#[test]
fn a_conversation_over_a_pipe_in_words() {
    let (home, _model) = started();
    let _daemon = home.start();
    publish(&home, "helper", &tools(&home));
    let output = home.client_with_input(&["--plain"], "g v\nc\n1\nhello\nand now?\n\n");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains("Agent: You said hello."), "{output:?}");
    assert!(output.stdout.contains("Agent: You said and now?."), "{output:?}");
}

#[test]
fn the_command_line_shows_the_tools_that_are_called_and_what_they_took() {
    let (home, _model) = started();
    let _daemon = home.start();
    publish(&home, "helper", &tools(&home));
    let said = home
        .client(&["chat", "helper", "--say", "hello", "--say", "look\ntwice"])
        .expect_code(0);
    let lines: Vec<&str> = said.stdout.lines().map(str::trim).collect();
    let at = |what: &str| {
        let found = lines.iter().position(|line| line.starts_with(what));
        found.unwrap_or_else(|| panic!("{what}\n{}", said.stdout))
    };
    let order = [
        at("You said hello."),
        at("⚒ read_file"),
        at("✓ read_file"),
        at("It says grass is green"),
    ];
    assert!(order.is_sorted(), "{}", said.stdout);
    assert_eq!(
        said.stdout.matches("grass is green").count(),
        2,
        "{}",
        said.stdout
    );
    // What was said before is shown the same way.
    let word = said.stderr.split_whitespace().last().unwrap();
    let id = word.to_owned();
    let again = home
        .client(&["chat", "--resume", &id, "--say", "bye"])
        .expect_code(0);
    let before = again
        .stdout
        .lines()
        .position(|line| line.trim().starts_with("⚒ read_file"));
    let after = again
        .stdout
        .lines()
        .position(|line| line.trim() == "You said bye.");
    assert!(before.is_some() && before < after, "{}", again.stdout);
    let took = home
        .client(&["agents", "took", "helper", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(
        (
            &took["runs"],
            &took["calls"],
            &took["failures"],
            &took["usage"]["calls"]
        ),
        (&json!(1), &json!(3), &json!(0), &json!(4)),
        "{took}"
    );
}

/// What is kept of it never outgrows a record, however long it becomes and however much of it was not answered.
#[test]
fn a_long_conversation_goes_on() {
    let (home, model) = started();
    let _daemon = home.start();
    let long = "word ".repeat(6_000);
    let long: Vec<&str> = ["--say", &long].repeat(18);
    let chat = |more: &[&str]| {
        let words = [&["chat"], more, &long, &["--say", "hello", "--json"]].concat();
        let said = home.client(&words);
        serde_json::from_str::<Value>(&said.stdout).unwrap_or_else(|_| panic!("{said:?}\n{}", home.log()))
    };
    publish(
        &home,
        "helper",
        &json!({ "context": { "history_bytes": 262_144 } }),
    );
    let said = chat(&["helper"]);
    let turns = said["turns"].as_array().unwrap();
    let answered = turns.iter().filter(|turn| turn["answer"].is_string()).count();
    assert_eq!(answered, 19, "{}", home.log());
    let asked = model.told().last().unwrap().body.to_string().len();
    assert!((180_000..300_000).contains(&asked), "{asked}");
    // None of what is long is answered now; what is short is.
    let narrow = json!({ "max_input_tokens": 2000, "max_tokens": 10, "budget": { "tokens": 1_000_000_000 } });
    publish(&home, "narrow", &narrow);
    let said = chat(&["narrow"]);
    let turns = said["turns"].as_array().unwrap();
    let failed = turns.iter().filter(|turn| turn["failed"].is_object()).count();
    assert_eq!(failed, 18, "{said:.300}\n{}", home.log());
    assert_eq!(turns[18]["answer"], "You said hello.", "{:#}", turns[18]);
}

/// A model that says which agent it is asked as, and how much it was told before.
fn named(body: &Value) -> Say {
    let (said, _) = now(body);
    let messages = body["messages"].as_array().unwrap();
    let who = messages[0]["content"].as_str().unwrap_or_default();
    let who = if who.contains("second one") { "two" } else { "one" };
    let before = messages
        .iter()
        .filter(|message| message["role"] == "user")
        .count()
        - 1;
    Say::text(&format!("{who} heard {said} after {before}"))
}

fn listed(home: &Home, more: &[&str]) -> Vec<Value> {
    let args = [&["conversations", "list", "--json"], more].concat();
    let printed = home.client(&args);
    printed.expect_code(0).json()["items"].as_array().unwrap().clone()
}

fn talk(home: &Home, args: &[&str]) -> Value {
    let args = [&["chat", "--json"], args].concat();
    let printed = home.client(&args);
    printed.expect_code(0).json()
}

#[test]
fn conversations_are_listed_searched_and_forked_with_another_agent_by_whoever_comes_later() {
    let model = Model::start(Duration::ZERO, named);
    let home = home(&model, &[]);
    let daemon = home.start();
    publish(&home, "one", &json!({ "system": "You are the first one." }));
    publish(&home, "two", &json!({ "system": "You are the second one." }));
    let first = talk(
        &home,
        &["one", "--say", "where is the Zebra?", "--say", "and now?"],
    );
    talk(&home, &["two", "--say", "hello"]);
    let id = first["conversation"].as_str().unwrap();
    let all = listed(&home, &[]);
    assert_eq!(all.len(), 2, "{all:#?}");
    assert_eq!(all[0]["agent"], "two");
    let row = &all[1];
    assert_eq!(
        (row["conversation"].as_str(), row["turns"].as_u64()),
        (Some(id), Some(2))
    );
    assert_eq!(row["title"], "where is the Zebra?");
    assert_eq!(row["last"], "one heard and now? after 1");
    assert_eq!(row["state"], "listens");
    assert!(row["usage"]["calls"].as_u64().unwrap() >= 2, "{row:#}");
    // The daemon searches, pages, and says the same after its death.
    drop(daemon);
    let _daemon = home.start();
    assert_eq!(listed(&home, &["--search", "zebra"]).len(), 1);
    assert_eq!(listed(&home, &["--search", "zebra hello"]).len(), 0);
    assert_eq!(listed(&home, &["--agent", "one"]), vec![row.clone()]);
    let page = home.client(&["conversations", "list", "--limit", "1", "--json"]);
    let page = page.expect_code(0).json();
    let next = page["next"].as_str().unwrap();
    let rest = listed(&home, &["--limit", "1", "--cursor", next]);
    assert_eq!(rest, vec![row.clone()]);
    assert_eq!(
        home.client(&["chat", "--list", "--json", "one"]).json()["items"],
        json!([row])
    );
    // Another agent goes on behind the first answer; it reads what was said as its own past, and is listed as its own.
    let at = format!("{id}@1");
    let forked = talk(&home, &["--fork", &at, "--agent", "two", "--say", "go on"]);
    let answer = forked["turns"].as_array().unwrap().last().unwrap()["answer"].clone();
    assert_eq!(answer, "two heard go on after 1", "{forked:#}");
    let of_two = listed(&home, &["--agent", "two"]);
    assert_eq!(of_two.len(), 2, "{of_two:#?}");
    assert_eq!(of_two[0]["conversation"], forked["conversation"]);
    assert_eq!(
        (&of_two[0]["title"], &of_two[0]["turns"]),
        (&json!("where is the Zebra?"), &json!(2))
    );
    let nobody = ["chat", "--fork", &at, "--agent", "nobody", "--say", "x"];
    let _refused = home.client(&nobody).expect_code(1);
    // And on the screen of somebody who opened none of them.
    let mut terminal = Terminal::run(&home.client_command(&["open", "conversations"]), 120, 40);
    terminal.wait_for("Conversations (3)", LONG);
    terminal.keys("/zebra hello\r");
    terminal.wait_for("Conversations (0)", LONG);
    terminal.keys("\u{1b}");
    terminal.wait_for("Conversations (3)", LONG);
    terminal.keys("/zebra\r");
    terminal.wait_for("Conversations (2)", LONG);
    terminal.wait_for("where is the Zebra?", LONG);
}
