//! The shipped templates: each is valid, can be simulated, and runs offline to its end in a real daemon, its questions
//! answered as a person would.

use std::path::Path;

use dirigent_tests::{Home, LONG, Terminal, until};
use serde_json::{Value, json};

const PEOPLE: &str = "kind: User
metadata: { name: ada }
spec: { display_name: Ada, uid: 70001 }
---
kind: User
metadata: { name: bo }
spec: { display_name: Bo, uid: 70002 }
";

const MAIL: &str = "From: Ada <ada@example.org>\nSubject: Rollout on Thursday\n\nCan we move it to 14:00?\n";

/// How a template is tried.
struct Trial {
    name: &'static str,
    /// Values of parameters.
    set: &'static [(&'static str, &'static str)],
    /// The input; `HOME` stands for the home's folder.
    input: &'static str,
    /// What has to be true of the run's end.
    holds: fn(&Value, &Path) -> bool,
}

const TRIALS: &[Trial] = &[
    Trial {
        name: "mail-digest",
        set: &[("when", "0 6 1 1 *")],
        input: r#"{ "folder": "HOME/mail", "send": "cat > HOME/sent.txt" }"#,
        holds: |run, home| {
            run["output"] == json!({ "sent": true, "to": "root@localhost" })
                && text(home, "sent.txt").contains("Rollout on Thursday")
        },
    },
    Trial {
        name: "invoice-check",
        set: &[("first", "ada"), ("second", "bo")],
        input: r#"{ "invoice": { "number": "A-1187", "lines": [{ "quantity": 40, "price": 6.5 }, { "quantity": 1, "price": 19.9 }], "total": 279.9 } }"#,
        holds: |run, _| run["output"]["released"] == true,
    },
    Trial {
        name: "incident-triage",
        set: &[("patience", "PT1S")],
        input: r#"{ "alert": "critical: error rate of checkout is up, disk full", "service": "checkout" }"#,
        holds: |run, _| run["output"]["taken"] == false && run["output"]["facts"]["disk"].is_string(),
    },
    Trial {
        name: "log-summary",
        set: &[],
        input: r#"{ "files": ["HOME/daemon.log", "HOME/none.log"], "report": "HOME/summary.md" }"#,
        holds: |run, home| {
            run["output"]["bytes"].as_u64() > Some(20) && text(home, "summary.md").contains("none.log")
        },
    },
    Trial {
        name: "folder-watch",
        set: &[("every", "PT1H")],
        input: r#"{ "folder": "HOME/mail", "state": "HOME/watch.state" }"#,
        holds: |run, home| {
            run["output"] == json!({ "announced": 1 }) && text(home, "watch.state").contains("1.eml")
        },
    },
    Trial {
        name: "page-change-alert",
        set: &[("when", "0 6 1 1 *")],
        // Nobody listens there: it is asked again, then said.
        input: r#"{ "url": "http://127.0.0.1:9/", "state": "HOME/page.state" }"#,
        holds: |run, _| run["output"]["reachable"] == false,
    },
    Trial {
        name: "data-cleanup",
        set: &[("deliver", "cat >> HOME/clean.jsonl")],
        input: r#"{ "records": [{ "name": " Ada ", "email": "ADA@Example.org" }, { "name": "Bo", "email": "none" }, { "name": "Cy", "email": "cy@example.org" }] }"#,
        holds: |run, home| {
            run["output"]["clean"] == 2
                && run["output"]["aside"][0]["record"]["name"] == "Bo"
                && text(home, "clean.jsonl").lines().next()
                    == Some(r#"{"name":"Ada","email":"ada@example.org"}"#)
        },
    },
    Trial {
        name: "content-pipeline",
        set: &[("publish", "HOME/post.md")],
        input: r#"{ "topic": "Backups", "points": ["Two restores failed."] }"#,
        holds: |run, home| run["output"]["published"] == true && !text(home, "post.md").is_empty(),
    },
    Trial {
        name: "etl-fork-join",
        set: &[("target", "HOME/etl"), ("settle", "PT0.1S")],
        input: "{}",
        holds: |run, home| {
            run["output"]["loaded"].as_u64() > Some(0) && text(home, "etl/joined.csv").contains("root,0,")
        },
    },
    Trial {
        name: "mcp-file-report",
        set: &[("server", "no-such-mcp-server")],
        input: r#"{ "folder": "HOME/mail", "report": "HOME/report.md" }"#,
        holds: |run, home| run["output"]["by"] == "ls" && text(home, "report.md").contains("1.eml"),
    },
    Trial {
        name: "nightly-backup",
        set: &[("when", "0 6 1 1 *")],
        input: r#"{ "folder": "HOME/mail", "target": "HOME/backups", "keep": 2 }"#,
        holds: |run, _| {
            run["output"]["files"].as_u64() >= Some(2)
                && run["output"]["sha256"].as_str().map(str::len) == Some(64)
        },
    },
    Trial {
        name: "release-checklist",
        set: &[],
        input: r#"{ "version": "1.4.0", "grace": "PT0.1S", "watch": "PT0.1S" }"#,
        holds: |run, _| run["output"] == json!({ "released": "1.4.0" }),
    },
    Trial {
        name: "ticket-routing",
        set: &[],
        input: r#"{ "ticket": "T-4412", "text": "The invoice of October was charged twice.", "sure": 1 }"#,
        holds: |run, _| run["output"]["ticket"] == "T-4412" && run["output"]["reply"].is_string(),
    },
    Trial {
        name: "research-brief",
        set: &[],
        input: r#"{ "topic": "Licences", "sources": ["HOME/mail/1.eml"], "questions": ["What is asked?", "By whom?"] }"#,
        holds: |run, _| run["output"]["answers"].as_array().map(Vec::len) == Some(2),
    },
    Trial {
        name: "payment-reminder",
        set: &[("remind", "cat >> HOME/reminders.txt")],
        input: r#"{ "invoice": "A-1187", "patience": "PT0.2S", "most": 2 }"#,
        holds: |run, home| {
            run["output"] == json!({ "paid": false, "reminders": 2 })
                && text(home, "reminders.txt").lines().count() == 2
        },
    },
];

fn text(home: &Path, name: &str) -> String {
    std::fs::read_to_string(home.join(name)).unwrap_or_default()
}

/// The template with its values, as a file.
fn made(home: &Home, trial: &Trial) -> String {
    let folder = home.path("");
    let values: Vec<String> = trial
        .set
        .iter()
        .map(|(key, value)| {
            format!(
                "--set={key}={}",
                value.replace("HOME", folder.to_str().unwrap().trim_end_matches('/'))
            )
        })
        .collect();
    let file = home.path(&format!("{}.yaml", trial.name));
    let file = file.to_str().unwrap().to_owned();
    let mut words = vec!["templates", "new", trial.name, "-f", &file];
    words.extend(values.iter().map(String::as_str));
    drop(home.client(&words).expect_code(0));
    file
}

/// Answers what the run asks until it is over: yes, by everybody a quorum names.
fn answered(home: &Home, run: &str) -> Value {
    until(&format!("run {run} to end"), LONG * 2, || {
        let shown = home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json();
        if ["completed", "faulted", "cancelled"]
            .iter()
            .any(|word| shown["status"] == *word)
        {
            return Some(shown);
        }
        let list = home
            .client(&["approvals", "list", "--json"])
            .expect_code(0)
            .json();
        for asked in list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|asked| asked["run"] == *run)
        {
            let id = asked["id"].as_str().unwrap();
            if home.client(&["approvals", "approve", id, "--yes"]).code == Some(0) {
                continue;
            }
            for user in ["ada", "bo"] {
                let link = home
                    .client(&["approvals", "link", id, "--for", user, "--json"])
                    .json();
                if let Some(link) = link["link"].as_str() {
                    drop(home.client(&["approvals", "answer", link, "--approve"]));
                }
            }
        }
        None
    })
}

/// Its graph is drawn in the builder.
fn drawn(home: &Home, name: &str) {
    let place = format!("workflows/{name}/draft");
    let mut terminal = Terminal::run(&home.client_command(&["open", &place]), 180, 50);
    terminal.wait_for("Canvas", LONG);
    terminal.wait_for("nothing is wrong", LONG);
    // A way from one task to the next: the drawing is there, at whatever detail fits.
    terminal.wait_for("─▶", LONG);
    terminal.keys("q");
    let _code = terminal.wait_end(LONG);
}

#[test]
fn every_template_is_valid_can_be_simulated_and_runs_to_its_end() {
    let home = Home::new(&["127.0.0.1:9".to_owned()]);
    let _daemon = home.start();
    std::fs::create_dir(home.path("mail")).unwrap();
    home.write("mail/1.eml", MAIL);
    let people = home.write("people.yaml", PEOPLE);
    drop(
        home.client(&["apply", "-f", people.to_str().unwrap()])
            .expect_code(0),
    );
    let list = home
        .client(&["templates", "list", "--json"])
        .expect_code(0)
        .json();
    let names: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        TRIALS.iter().map(|trial| trial.name).collect::<Vec<_>>(),
        "each has its trial"
    );
    assert!(names.len() >= 12);
    let folder = home.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/').to_owned();
    for trial in TRIALS {
        let file = made(&home, trial);
        let valid = home.client(&["validate", "-f", &file, "--strict"]);
        assert_eq!(valid.code, Some(0), "{}: {valid:#?}", trial.name);
        let told = home.client(&["simulate", &file, "--json"]);
        assert_eq!(told.code, Some(0), "{}: {told:#?}", trial.name);
        assert_eq!(
            told.json()["ending"]["ended"]["status"],
            "completed",
            "{}: {told:#?}",
            trial.name
        );
        drop(home.client(&["apply", "-f", &file]).expect_code(0));
        drawn(&home, trial.name);
        let input = trial.input.replace("HOME", &folder);
        let begun = home.client(&["run", trial.name, "--input", &input, "--detach", "--json"]);
        let run = begun.expect_code(0).json()["run"].as_str().unwrap().to_owned();
        let ended = answered(&home, &run);
        assert_eq!(ended["status"], "completed", "{}: {ended:#}", trial.name);
        assert!(
            (trial.holds)(&ended, Path::new(&folder)),
            "{}: {ended:#}",
            trial.name
        );
    }
}

#[test]
fn a_dry_run_shows_what_would_fail_and_where_it_would_wait_and_does_nothing() {
    let home = Home::new(&[]);
    let made = home.client(&["templates", "new", "invoice-check"]).expect_code(0);
    let file = home.write("invoice.yaml", &made.stdout);
    let file = file.to_str().unwrap();
    let wrong = r#"{ "invoice": { "number": "B-1", "lines": [{ "quantity": 1, "price": 1 }], "total": 2 } }"#;
    let told = home
        .client(&["simulate", file, "--input", wrong, "--json"])
        .expect_code(1);
    let json = told.json();
    assert_eq!(json["ending"]["ended"]["status"], "faulted");
    let finding = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["code"] == "would_fail")
        .unwrap();
    let line = made
        .stdout
        .lines()
        .position(|line| line == "  - refuse:")
        .unwrap()
        + 1;
    assert_eq!(
        (&finding["at"]["path"], &finding["at"]["line"]),
        (&json!("/do/2/refuse"), &json!(line)),
        "{finding}"
    );
}

#[test]
fn a_dry_run_takes_a_no_and_a_failure_as_one_says() {
    let home = Home::new(&[]);
    let made = home.client(&["templates", "new", "invoice-check"]).expect_code(0);
    let file = home.write("invoice.yaml", &made.stdout);
    let file = file.to_str().unwrap();
    let denied = home
        .client(&["simulate", file, "--sample", r#"agree={"decision":"denied"}"#])
        .expect_code(1);
    assert!(
        denied.stdout.contains("SIMULATED") && denied.stderr.contains("The approval was denied"),
        "{denied:#?}"
    );
    let made = home
        .client(&["templates", "new", "page-change-alert"])
        .expect_code(0);
    let file = home.write("page.yaml", &made.stdout);
    let failing = home.client(&[
        "simulate",
        file.to_str().unwrap(),
        "--sample",
        r#"get={"$error":{"status":503}}"#,
        "--json",
    ]);
    let json = failing.expect_code(0).json();
    let steps = json["steps"].as_array().unwrap();
    let state = |task: &str| {
        steps
            .iter()
            .find(|step| step["task"] == task)
            .map(|step| step["state"].clone())
    };
    assert_eq!(state("gone"), Some(json!("completed")), "{json:#}");
    let retries = json["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["type"] == "task.retried")
        .count();
    assert_eq!(retries, 3);
}

#[test]
fn a_dry_run_says_for_what_it_would_wait_and_refuses_what_is_broken() {
    let home = Home::new(&[]);
    let waiting = "document: { dsl: '1.0.3', namespace: t, name: waits, version: '1.0.0' }\ndo:\n  - hear:\n      \
                   listen: { to: { one: { with: { type: order.paid } } } }\n      metadata: { dirigent: { sample: [] } }\n";
    let file = home.write("waits.yaml", waiting);
    let told = home
        .client(&["simulate", file.to_str().unwrap(), "--json"])
        .expect_code(4)
        .json();
    assert_eq!(
        told["summary"],
        "it would wait: /do/0/hear for an event: order.paid"
    );
    assert!(!home.socket().exists(), "no daemon was started");
    // A text with errors is refused at its place.
    let file = home.write("broken.yaml", "document: { dsl: '1.0.3' }\ndo: 7\n");
    let told = home.client(&["simulate", file.to_str().unwrap()]).expect_code(65);
    assert!(told.stderr.contains("broken.yaml:2:"), "{told:#?}");
}
