//! A new version while runs are open, from the command line, with the daemon killed while runs are migrated.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::{ApprovalStatus, Kind, WorkflowApproval};
use dirigent_protocol::id::{RequestId, RunId};
use dirigent_protocol::run::{Decision, EventBody};
use dirigent_tests::{Home, LONG, Link, Seed, until};
use serde_json::{Value, json};

const RUNS: usize = 120;
const KILLS: usize = 4;
const AT: [&str; 4] = ["ask", "rest", "hear", "each"];

fn document(version: &str, settings: &str, tasks: &str) -> String {
    format!(
        "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: order\n  version: '{version}'\n  metadata: {{ dirigent: {{ {settings} }} }}\ndo:\n{tasks}"
    )
}

fn tasks() -> String {
    let only = |at: &str| format!("if: '${{ $workflow.input.at == \"{at}\" }}'");
    format!(
        "  - prepare: {{ call: noop }}
  - ask: {{ {}, call: approval, with: {{ title: Go? }} }}
  - rest: {{ {}, wait: PT8H }}
  - hear: {{ {}, listen: {{ to: {{ one: {{ with: {{ type: go }} }} }} }} }}
  - each:
      {}
      for: {{ each: x, in: '${{ [1, 2] }}' }}
      do: [ {{ look: {{ call: approval, with: {{ title: Item? }} }} }} ]
  - end: {{ set: {{ version: 1 }} }}
",
        only("ask"),
        only("rest"),
        only("hear"),
        only("each"),
    )
}

fn changed() -> String {
    let old = tasks();
    let hear = old.lines().find(|line| line.contains("- hear:")).unwrap();
    old.replace(&format!("{hear}\n"), "")
        .replace("- rest:", "- pause:")
        .replace(
            "  - each:\n",
            "  - audit: { set: { audited: true } }\n  - each:\n",
        )
        .replace("version: 1", "version: 2")
}

fn link(home: &Home) -> Link {
    until("a connection", LONG, || Link::open(home))
}

fn start(home: &Home) -> Vec<(RunId, &'static str)> {
    let link = link(home);
    let begin = |n: usize| {
        let at = AT[n % AT.len()];
        let command = Command::RunStart {
            target: RunTarget::Name("order".into()),
            input: json!({ "at": at }),
            idempotency_key: None,
            budget: None,
            priority: None,
        };
        match link.command(RequestId::new(), command).unwrap() {
            CommandReply::RunStarted { run, .. } => (run, at),
            other => panic!("{other:?}"),
        }
    };
    let runs = (0..RUNS).map(begin).collect();
    until("all to wait", LONG * 2, || {
        let waiting = link.list(Kind::WorkflowExecution).unwrap();
        let waiting = waiting.iter().filter(|run| run.spec["status"] == "waiting");
        (waiting.count() == RUNS).then_some(())
    });
    runs
}

fn reasons(checked: &Value) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for run in checked["runs"].as_array().unwrap() {
        for finding in run["findings"].as_array().unwrap() {
            if finding["breaks"] == true {
                let key = format!(
                    "{} {}",
                    finding["step"].as_str().unwrap(),
                    finding["reason"].as_str().unwrap()
                );
                *reasons.entry(key).or_insert(0) += 1;
            }
        }
    }
    reasons
}

/// The version of a run by its document, by its journal, and how often it was migrated.
fn told(link: &Link, run: RunId) -> (String, String, usize) {
    let document = link
        .list(Kind::WorkflowExecution)
        .unwrap()
        .into_iter()
        .find(|document| RunId::from(document.metadata.id) == run)
        .unwrap();
    let (mut version, mut migrated) = (String::new(), 0);
    for event in link.events(run).unwrap() {
        match event.body {
            EventBody::WorkflowStarted { version: began, .. } => version = began.to_string(),
            EventBody::WorkflowMigrated { to, .. } => {
                version = to.to_string();
                migrated += 1;
            }
            _ => {}
        }
    }
    (
        document.spec["digest"].as_str().unwrap().to_owned(),
        version,
        migrated,
    )
}

fn answer_everything(link: &Link) {
    loop {
        let mut answered = 0;
        for document in link.list(Kind::WorkflowApproval).unwrap() {
            let asked: WorkflowApproval = document.body().unwrap();
            if asked.status != ApprovalStatus::Pending {
                continue;
            }
            let command = Command::ApprovalDecide {
                approval: document.metadata.id,
                digest: asked.digest.parse().unwrap(),
                decision: Decision::Approve { edited: None },
                reason: None,
                also: None,
            };
            link.command(RequestId::new(), command).unwrap();
            answered += 1;
        }
        if answered == 0 {
            return;
        }
    }
}

/// Lets the client migrate the subset, and kills the daemon under it, again and again.
fn migrate_under_kills(
    home: &Home,
    mut daemon: dirigent_tests::Daemon,
    file: &str,
    subset: &[String],
) -> dirigent_tests::Daemon {
    let mut seed = Seed::announced("migrating under kills");
    let mut arguments = vec!["upgrade", "--migrate", "-f", file, "--json", "--only"];
    arguments.extend(subset.iter().map(String::as_str));
    for _ in 0..KILLS {
        let mut client = home
            .client_command(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until_then = Instant::now() + Duration::from_millis(20 + seed.below(400));
        until("the moment of the kill", LONG, || {
            (Instant::now() >= until_then).then_some(())
        });
        daemon.kill();
        drop(client.kill());
        drop(client.wait());
        daemon = home.start();
    }
    let done = home.client(&arguments).expect_code(1).json();
    assert_eq!(done["left"], subset.len() / AT.len(), "{done}");
    let again = home.client(&arguments).expect_code(1).json();
    assert_eq!(again["migrated"], 0, "{again}");
    assert_eq!(again["on_it"], subset.len() - subset.len() / AT.len(), "{again}");
    daemon
}

/// Each reason by its steps, for scripts; the way out in words, for people.
fn held_against(home: &Home, draft: &str) {
    let each = RUNS / AT.len();
    let checked = home
        .client(&["upgrade", "--check", draft, "--json"])
        .expect_code(1)
        .json();
    assert_eq!(checked["runs"].as_array().unwrap().len(), RUNS);
    let expected = [
        ("/do/2/pause inserted", each),
        ("/do/2/rest renamed", each),
        ("/do/3/audit inserted", each),
        ("/do/3/hear removed", each),
    ];
    let expected: BTreeMap<String, usize> = expected.map(|(key, count)| (key.to_owned(), count)).into();
    assert_eq!(reasons(&checked), expected);
    let text = home.client(&["upgrade", "--check", draft]).expect_code(1).stdout;
    assert!(
        text.contains("rename: { rest: pause }") && text.contains("would break"),
        "{text}"
    );
}

/// Everything that waits for somebody goes on to its end, on the version it is on.
fn end(home: &Home, link: &Link) {
    let each = RUNS / AT.len();
    answer_everything(link);
    let _published = home.client(&["events", "publish", "--type", "go"]).expect_code(0);
    until("all but those that rest to end", LONG * 2, || {
        let ended = link.list(Kind::WorkflowExecution).unwrap();
        let ended = ended.iter().filter(|run| run.spec["status"] == "completed");
        (ended.count() == RUNS - each).then_some(())
    });
    for document in link.list(Kind::WorkflowExecution).unwrap() {
        if document.spec["status"] == "completed" {
            let (_, _, migrated) = told(link, document.metadata.id.into());
            assert_eq!(
                document.spec["output"]["version"],
                1 + migrated,
                "{}",
                document.spec
            );
        }
    }
}

#[test]
fn a_new_version_is_held_against_open_runs_and_those_that_fit_go_on_under_it_over_kills() {
    let home = Home::new(&[]);
    let daemon = home.start();
    let write = |name: &str, text: &str| home.write(name, text).to_str().unwrap().to_owned();
    let first = write("first.yaml", &document("1.0.0", "", &tasks()));
    let _applied = home.client(&["apply", "-f", &first]).expect_code(0);
    let runs = start(&home);
    held_against(&home, &write("plain.yaml", &document("2.0.0", "", &changed())));

    let declared = document(
        "2.0.0",
        "migrate: { rename: { rest: pause }, pass: [audit] }",
        &changed(),
    );
    let second = write("second.yaml", &declared);
    let unpublished = home.client(&["upgrade", "--migrate", &second]).expect_code(1);
    assert!(unpublished.stderr.contains("dirigent apply"), "{unpublished:#?}");
    let _applied = home.client(&["apply", "-f", &second]).expect_code(0);
    let subset: Vec<String> = runs[..RUNS / 2].iter().map(|(run, _)| run.to_string()).collect();
    let _daemon = migrate_under_kills(&home, daemon, &second, &subset);

    let link = link(&home);
    let mut rested = Vec::new();
    for (n, (run, at)) in runs.iter().enumerate() {
        let (document, journal, migrated) = told(&link, *run);
        assert_eq!(document, journal, "{at}");
        assert_eq!(migrated, usize::from(n < RUNS / 2 && *at != "hear"), "{at}");
        rested.extend((*at == "rest").then_some(*run));
    }
    end(&home, &link);
    for run in rested {
        let known = link.events(run).unwrap();
        let count = |name: &str| known.iter().filter(|event| event.body.name() == name).count();
        assert_eq!(
            (count("timer.set"), count("timer.fired")),
            (1, 0),
            "it keeps its time"
        );
    }
}
