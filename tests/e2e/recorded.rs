//! Runs as tests: recorded from a daemon, played without one, and held against what was changed.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use dirigent_tests::{Home, LONG, Server, until};
use serde_json::{Value, json};

const HEAD: &str = "document: { dsl: '1.0.3', namespace: tests, name: NAME, version: '1.0.0' }\n";
const AGENT: &str = "kind: Agent\nmetadata: { name: clerk }\nspec:\n  prompt: |\n    Summarise kindly:\n    {{ input.text }}\n  output_schema: { type: object, properties: { summary: { type: string } } }\n";

fn write(home: &Home, name: &str, text: &str) -> String {
    home.write(name, text).to_str().unwrap().to_owned()
}

fn run(home: &Home, file: &str, code: i32) -> String {
    let ended = home
        .client(&["run", "-f", file, "--input", "{\"text\": \"a b c\"}", "--json"])
        .expect_code(code)
        .json();
    ended["run"].as_str().unwrap().to_owned()
}

fn record(home: &Home, run: &str, name: &str) -> String {
    let file = home.path(name).to_str().unwrap().to_owned();
    let told = home
        .client(&["test", "record", run, "--out", &file, "--json"])
        .expect_code(0)
        .json();
    assert_eq!(told["file"], file, "{told}");
    file
}

fn passes(home: &Home, files: &[&str]) {
    let mut arguments = vec!["test", "run"];
    arguments.extend(files);
    let told = home.client(&arguments).expect_code(0).stdout;
    assert_eq!(told.matches(": passed (").count(), files.len(), "{told}");
}

fn differs(home: &Home, file: &str, document: &str) -> Vec<(String, String)> {
    let told = home
        .client(&["test", "run", file, "--document", document, "--json"])
        .expect_code(1)
        .json();
    let found = told["tests"][0]["differences"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    found
        .iter()
        .map(|one| (text(&one["step"]), text(&one["field"])))
        .collect()
}

fn story(server: &Server) -> String {
    let call = |path: &str| {
        format!(
            "call: http, with: {{ method: post, endpoint: 'http://{}/effect/{path}' }}",
            server.place()
        )
    };
    format!(
        "{}use: {{ functions: {{ refund: {{ {} }} }} }}
do:
  - one: {{ {} }}
  - shell: {{ run: {{ shell: {{ command: 'echo hi; date +%s%N' }} }} }}
  - write: {{ call: agent, with: {{ agent: clerk, input: {{ text: '${{ $workflow.input.text }}' }} }} }}
  - each:
      for: {{ each: x, in: '${{ [1, 2, 3] }}' }}
      do: [ {{ work: {{ call: noop, with: {{ x: '${{ $x }}', at: '${{ now | floor }}' }} }} }} ]
  - side: {{ fork: {{ branches: [ {{ a: {{ {} }} }}, {{ b: {{ wait: {{ milliseconds: 200 }} }} }} ] }} }}
  - guard:
      try: [ {{ bad: {{ {}, metadata: {{ dirigent: {{ max_attempts: 1 }} }} }} }} ]
      catch: {{ retry: {{ delay: {{ milliseconds: 100 }}, limit: {{ attempt: {{ count: 3 }} }} }} }}
  - tell: {{ emit: {{ event: {{ with: {{ source: 'https://tests', type: told }} }} }} }}
  - ask: {{ call: approval, with: {{ title: 'Publish?', show: {{ n: 1 }} }} }}
  - pay: {{ {}, metadata: {{ dirigent: {{ compensate: refund }} }} }}
  - end: {{ set: {{ out: '${{ . }}', again: '${{ \"ab\" * 2 }}' }} }}
",
        HEAD.replace("NAME", "story"),
        call("refund"),
        call("one"),
        call("side"),
        call("bad"),
        call("pay"),
    )
}

fn ends(home: &Home, run: &str, status: &str) {
    until("the end", LONG, || {
        let shown = home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json();
        (shown["status"] == status).then_some(())
    });
}

fn approve(home: &Home) {
    let asked = until("the question", LONG, || {
        let list = home
            .client(&["approvals", "list", "--json"])
            .expect_code(0)
            .json();
        list["items"].as_array().unwrap().first().cloned()
    });
    let (id, digest) = (asked["id"].as_str().unwrap(), asked["digest"].as_str().unwrap());
    let _approved = home
        .client(&["approvals", "approve", id, "--digest", digest])
        .expect_code(0);
}

#[test]
fn a_run_of_every_kind_is_played_again_without_daemon_or_network() {
    let server = Server::start(Duration::ZERO);
    server.fail_first("effect/bad", &[503, 503]);
    let home = Home::new(&[server.place()]);
    let daemon = home.start();
    let agent = write(&home, "clerk.yaml", AGENT);
    let _applied = home.client(&["apply", "-f", &agent]).expect_code(0);
    let text = story(&server);
    let file = write(&home, "story.yaml", &text);
    let begun = home
        .client(&[
            "run",
            "-f",
            &file,
            "--input",
            "{\"text\": \"a b c\"}",
            "--detach",
            "--json",
        ])
        .expect_code(0)
        .json();
    let id = begun["run"].as_str().unwrap();
    let early = home.client(&["test", "record", id]).expect_code(1);
    assert!(early.stderr.contains("has not ended"), "{early:#?}");
    approve(&home);
    ends(&home, id, "completed");
    let test = record(&home, id, "story.test.yaml");
    // A run that is undone.
    let undone = cancelled(&home, &file);
    let other = record(&home, &undone, "undone.test.json");
    daemon.kill();
    let seen = server.seen().len();
    passes(&home, &[&test, &other]);
    passes(&home, &[&test]);
    let folder = home
        .client(&["test", "run", home.path("").to_str().unwrap(), "--json"])
        .expect_code(0)
        .json();
    assert_eq!(
        (&folder["passed"], &folder["failed"]),
        (&json!(2), &json!(0)),
        "{folder}"
    );
    assert_eq!(server.seen().len(), seen, "nothing was asked of anybody");
    changes(&home, &test, &text);
}

/// The same story, stopped after it had paid.
fn cancelled(home: &Home, file: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let longer = text
        .replace("name: story", "name: longer")
        .replace("  - end:", "  - rest: { wait: PT8H }\n  - end:");
    let file = write(home, "longer.yaml", &longer);
    let begun = home
        .client(&[
            "run",
            "-f",
            &file,
            "--input",
            "{\"text\": \"x\"}",
            "--detach",
            "--json",
        ])
        .expect_code(0)
        .json();
    let id = begun["run"].as_str().unwrap().to_owned();
    approve(home);
    until("the rest", LONG, || {
        let events = home
            .client(&["runs", "events", &id, "--json"])
            .expect_code(0)
            .stdout;
        events.contains("\"task\":\"rest\"").then_some(())
    });
    let _accepted = home.client(&["runs", "cancel", &id, "--json"]).expect_code(0);
    ends(home, &id, "cancelled");
    id
}

/// What was changed is named by its step and its field.
fn changes(home: &Home, test: &str, text: &str) {
    let pair = |step: &str, field: &str| (step.to_owned(), field.to_owned());
    let kinder = AGENT
        .replace("kindly", "briefly")
        .replace("type: string", "type: number");
    let agent = write(home, "other-clerk.yaml", &kinder);
    let found = differs(home, test, &agent);
    let prompt = pair("/do/2/write", "agent clerk/prompt");
    let schema = pair("/do/2/write", "agent clerk/output_schema/properties/summary/type");
    assert_eq!(found, [prompt, schema]);
    let told = home
        .client(&["test", "run", test, "--document", &agent])
        .expect_code(1)
        .stdout;
    assert!(
        told.contains("    - Summarise kindly:")
            && told.contains("    + Summarise briefly:")
            && !told.contains("input.text"),
        "{told}"
    );
    let elsewhere = write(
        home,
        "elsewhere.yaml",
        &text.replace("effect/side", "effect/other"),
    );
    assert_eq!(
        differs(home, test, &elsewhere),
        [pair("/do/4/side/fork/branches/0/a", "request/http/uri")]
    );
    let shown = write(
        home,
        "shown.yaml",
        &text.replace("show: { n: 1 }", "show: { n: 2 }"),
    );
    assert_eq!(
        differs(home, test, &shown)[0],
        pair("/do/7/ask", "approval/payload/n")
    );
    let order = write(
        home,
        "order.yaml",
        &text.replace("  - tell:", "  - extra: { set: { a: 1 } }\n  - tell:"),
    );
    assert_eq!(differs(home, test, &order), [pair("/do/6/extra", "order")]);
}

/// A run that fails once at `bad`, and is held where its input says so.
fn went_on(place: &str) -> String {
    let call = |path: &str| {
        format!(
            "call: http, with: {{ method: post, endpoint: 'http://{}/effect/{path}' }}",
            place
        )
    };
    format!(
        "{}use: {{ functions: {{ refund: {{ {} }} }} }}\ndo:\n  - pay: {{ {}, metadata: {{ dirigent: {{ compensate: refund }} }} }}\n  - bad: {{ {} }}\n  - rest: {{ wait: {{ milliseconds: 50 }} }}\n  - hold: {{ if: '${{ $workflow.input.text == \"hold\" }}', wait: PT8H }}\n  - end: {{ set: {{ text: '${{ $workflow.input.text }}' }} }}\n",
        HEAD.replace("NAME", "went-on"),
        call("refund"),
        call("pay"),
        call("bad"),
    )
}

#[test]
fn runs_that_went_on_from_others_are_tests_too() {
    let server = Server::start(Duration::ZERO);
    server.fail_first("effect/bad", &[400]);
    let home = Home::new(&[server.place()]);
    let _daemon = home.start();
    let text = went_on(&server.place());
    let failed = run(&home, &write(&home, "went-on.yaml", &text), 1);
    let new = |arguments: &[&str]| {
        let told = home.client(arguments).expect_code(0).json();
        told["run"].as_str().unwrap().to_owned()
    };
    let retried = new(&["runs", "retry", &failed, "--wait", "--json"]);
    let first = record(&home, &retried, "retried.test.yaml");
    let forked = new(&[
        "runs",
        "fork",
        &retried,
        "--at",
        "3",
        "--input",
        r#"{"text":"other"}"#,
        "--wait",
        "--json",
    ]);
    let second = record(&home, &forked, "forked.test.yaml");
    let held = new(&[
        "runs",
        "fork",
        &failed,
        "--at",
        "1",
        "--input",
        r#"{"text":"hold"}"#,
        "--json",
    ]);
    ends(&home, &held, "waiting");
    // Event 1 lies before the change of the input.
    let hold = r#"{"text":"hold"}"#;
    let cancelled = new(&["runs", "fork", &held, "--at", "1", "--input", hold, "--json"]);
    until("the hold", LONG, || {
        let shown = home.client(&["runs", "show", &cancelled, "--json"]).json();
        (shown["step"] == "hold").then_some(())
    });
    drop(
        home.client(&["runs", "cancel", &cancelled, "--json"])
            .expect_code(0),
    );
    ends(&home, &cancelled, "cancelled");
    let third = record(&home, &cancelled, "cancelled.test.yaml");
    passes(&home, &[&first, &second, &third]);
    // What was changed is named by step and field there too.
    let changed = write(&home, "changed.yaml", &text.replace("effect/bad", "effect/worse"));
    let (step, field) = differs(&home, &first, &changed)[0].clone();
    assert_eq!(
        (step.as_str(), field.starts_with("request/")),
        ("/do/1/bad", true),
        "{field}"
    );
}

#[test]
fn a_test_is_held_against_its_document_where_that_changed_on_disk() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let text = format!(
        "{}do:\n  - a: {{ call: noop, with: {{ say: hello }} }}\n",
        HEAD.replace("NAME", "greet")
    );
    let file = write(&home, "greet.yaml", &text);
    let id = run(&home, &file, 0);
    std::fs::create_dir(home.path("cases")).unwrap();
    let arguments = [
        "test",
        "record",
        &id,
        "--out",
        "cases/greet.test.yaml",
        "-f",
        "greet.yaml",
        "--about",
        "it greets",
    ];
    let _recorded = home.client(&arguments).expect_code(0);
    let test = "cases/greet.test.yaml";
    assert!(
        std::fs::read_to_string(home.path(test))
            .unwrap()
            .contains("../greet.yaml")
    );
    passes(&home, &[test]);
    write(&home, "greet.yaml", &text.replace("hello", "goodbye"));
    let told = home.client(&["test", "run", test]).expect_code(1).stdout;
    assert!(
        told.contains("/do/0/a: request/noop/value/say")
            && told.contains("- hello")
            && told.contains("+ goodbye"),
        "{told}"
    );
    write(&home, "greet.yaml", "document: [");
    let broken = home.client(&["test", "run", test]).expect_code(65).stdout;
    assert!(broken.contains("greet.yaml:1:"), "{broken}");
}

#[test]
fn a_test_holds_no_secret_and_hostile_files_are_refused_with_their_place() {
    const VALUE: &str = "s3cr3t-value-of-a-test";
    let server = Server::start(Duration::ZERO);
    let home = Home::new(&[server.place()]);
    let private = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::create_dir_all(home.path("data/secrets")).unwrap();
    private(&home.path("data"), 0o700);
    private(&home.path("data/secrets"), 0o700);
    std::fs::write(home.path("data/secrets/api"), VALUE).unwrap();
    private(&home.path("data/secrets/api"), 0o600);
    let _daemon = home.start();
    let text = format!(
        "{}use: {{ secrets: [ api ] }}\ndo:\n  - a: {{ run: {{ shell: {{ command: 'echo \"got $K\"', environment: {{ K: '${{ $secrets.api }}' }} }} }} }}\n",
        HEAD.replace("NAME", "secretive")
    );
    let id = run(&home, &write(&home, "secretive.yaml", &text), 0);
    let test = record(&home, &id, "secretive.test.yaml");
    let recorded = std::fs::read_to_string(&test).unwrap();
    assert!(
        !recorded.contains(VALUE) && recorded.contains("got ***"),
        "{recorded}"
    );
    passes(&home, &[&test]);

    let refused = |name: &str, text: &str, wanted: &str| {
        let file = write(&home, name, text);
        let told = home.client(&["test", "run", &file]).expect_code(65).stdout;
        assert!(told.contains(wanted), "{name}: {told}");
    };
    let half: String = recorded.lines().take(12).collect::<Vec<_>>().join("\n");
    refused("cut.yaml", &half, "is missing");
    refused(
        "foreign.yaml",
        "kind: Agent\nmetadata: { name: x }\n",
        "no recorded test",
    );
    refused(
        "newer.yaml",
        &recorded.replace("recorded-test@1", "recorded-test@7"),
        "this version reads",
    );
    refused(
        "types.yaml",
        &recorded.replace("status: completed", "status: happy"),
        "types.yaml:",
    );
    refused("broken.yaml", "format: [", "broken.yaml:1:");
    refused(
        "source.yaml",
        &recorded.replace("use: {", "uze: {"),
        "of its document",
    );
    let large = format!("format: {}\n", "x".repeat(2 << 20));
    refused("large.yaml", &large, "large.yaml");
    let missing = home
        .client(&["test", "run", "nowhere.yaml"])
        .expect_code(65)
        .stdout;
    assert!(missing.contains("unreadable"), "{missing}");
}

/// A step is new in front of the one it waits in, so that all others stand elsewhere.
#[test]
fn a_run_that_changed_its_version_is_a_test_of_both() {
    let home = Home::new(&[]);
    let daemon = home.start();
    let ask =
        "  - ask: { call: approval, with: { title: 'Go?', show: { n: 1 } } }\n  - end: { call: noop }\n";
    let document = |version: &str, more: &str, tasks: &str| {
        let settings = format!("metadata: {{ dirigent: {{ {more} }} }}");
        format!(
            "document: {{ dsl: '1.0.3', namespace: tests, name: moves, version: '{version}', {settings} }}\ndo:\n  - work: {{ call: noop }}\n{tasks}{ask}"
        )
    };
    let first = write(&home, "first.yaml", &document("1.0.0", "", ""));
    let second = document(
        "2.0.0",
        "migrate: { pass: [fresh] }",
        "  - fresh: { set: { x: 1 } }\n",
    );
    let second = write(&home, "second.yaml", &second);
    let started = home
        .client(&["run", "-f", &first, "--detach", "--json"])
        .expect_code(0)
        .json();
    let run = started["run"].as_str().unwrap();
    let asked = until("a question", LONG, || {
        let listed = home
            .client(&["approvals", "list", "--workflow", "moves", "--json"])
            .expect_code(0)
            .json();
        listed["items"][0]["id"].as_str().map(str::to_owned)
    });
    drop(home.client(&["apply", "-f", &second]).expect_code(0));
    drop(
        home.client(&["upgrade", "--migrate", "-f", &second, "--only", run])
            .expect_code(0),
    );
    drop(
        home.client(&["approvals", "approve", &asked, "--yes"])
            .expect_code(0),
    );
    until("the end", LONG, || {
        let shown = home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json();
        (shown["status"] == "completed").then_some(())
    });
    let test = record(&home, run, "moved.test.yaml");
    daemon.stop();
    let recorded = std::fs::read_to_string(&test).unwrap();
    assert!(
        recorded.contains("\nearlier:") && recorded.contains("1.0.0"),
        "{recorded}"
    );
    passes(&home, &[&test]);
}
