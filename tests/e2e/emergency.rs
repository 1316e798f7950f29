//! An emergency stop in the middle of everything: in force at once, over a restart, and let go on without a loss.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dirigent_tests::{Home, LONG, Model, Say, until};
use serde_json::{Value, json};

use crate::agent_steps::{home, publish, settled};
use crate::standard::workflow;

/// Says a word of a very long answer now and then, until the gate is opened: then it answers at once.
fn slow(open: &Arc<AtomicBool>) -> Model {
    let open = open.clone();
    Model::start(Duration::ZERO, move |_| match open.load(Ordering::SeqCst) {
        true => Say::text("At last."),
        false => Say::Slowly(vec!["hm ".into(); 100_000], Duration::from_millis(20)),
    })
}

fn started(home: &Home, name: &str, tasks: &str) -> String {
    let file = workflow(home, name, tasks);
    let run = home.client(&["run", "-f", &file, "--detach", "--json"]);
    run.expect_code(0).json()["run"].as_str().unwrap().to_owned()
}

fn lives(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid).exists()
}

/// A command that goes on until `go` is there, and a run of it.
struct Command {
    pid: std::path::PathBuf,
    go: std::path::PathBuf,
    run: String,
}

fn commanded(home: &Home) -> Command {
    let (pid, go) = (home.path("pid"), home.path("go"));
    let command = format!("echo $$ > {pid:?}; while ! [ -e {go:?} ]; do sleep 0.05; done; echo went");
    let shell = format!(
        "do: [ {{ a: {{ run: {{ shell: {{ command: '{command}' }} }}, metadata: {{ dirigent: {{ on_unknown: retry }} }} }} }} ]\n"
    );
    let run = started(home, "working", &shell);
    Command { pid, go, run }
}

fn status(home: &Home) -> Value {
    home.client(&["status", "--json"]).expect_code(0).json()
}

const SET: &str = "do: [ { a: { set: { b: 1 } } } ]\n";
const WHY: &str = "it orders a thousand chairs";

#[test]
fn everything_stops_at_once_and_goes_on_without_a_loss() {
    let open = Arc::new(AtomicBool::new(false));
    let model = slow(&open);
    let home = home(&model, &[]);
    let daemon = home.start();
    publish(&home, "helper", &json!({}));
    let asks = "do: [ { a: { call: agent, with: { agent: helper, input: { task: x } } } } ]\n";
    let talking = started(&home, "talking", asks);
    let command = commanded(&home);
    let begun = || std::fs::read_to_string(&command.pid).ok();
    let process = until("the command to begin", LONG, || {
        begun().filter(|pid| !pid.is_empty())
    });
    until("the model to speak", LONG, || {
        (!model.told().is_empty()).then_some(())
    });

    let began = Instant::now();
    let said = home.client(&["emergency-stop", "--reason", WHY, "--json"]);
    assert_eq!(said.expect_code(0).json()["stopped"], true);
    until("the command to end", LONG, || {
        (!lives(process.trim())).then_some(())
    });
    println!("in force after {} ms", began.elapsed().as_millis());
    let asked = model.told().len();
    let later = started(&home, "later", SET);
    assert_eq!(status(&home)["emergency"]["reason"], WHY);
    assert!(home.client(&["status"]).stdout.contains(WHY));

    // A restart does not lift it.
    daemon.kill();
    std::fs::remove_file(&command.pid).unwrap();
    open.store(true, Ordering::SeqCst);
    std::fs::write(&command.go, "").unwrap();
    let daemon = home.start();
    assert_eq!(status(&home)["emergency"]["reason"], WHY);
    let even_later = started(&home, "even-later", SET);
    for run in [&later, &even_later] {
        let shown = home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json();
        assert_eq!(shown["status"], "pending", "{shown}");
    }
    assert_eq!(model.told().len(), asked, "nobody was asked anything");
    assert!(!command.pid.exists(), "no command began");

    drop(home.client(&["emergency-stop", "--release"]).expect_code(0));
    for run in [&talking, &command.run, &later, &even_later] {
        assert_eq!(
            settled(&home, run)["status"],
            "completed",
            "{run}\n{}",
            home.log()
        );
    }
    assert_eq!(status(&home)["emergency"], json!(null));
    let audit = home.client(&["get", "audit", "--json"]).stdout;
    assert!(audit.contains("emergency.stop"), "{audit}");
    daemon.stop();
}
