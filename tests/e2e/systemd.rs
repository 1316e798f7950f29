//! The units under a real systemd as process 1: start, permission, reload, deaths, hangs, activation, journal.

use std::process::Command;
use std::time::{Duration, Instant};

use dirigent_tests::{LONG, Machine, until};

/// Tests do not wait half a minute for a watchdog.
const QUICK: &str = "[Service]\nWatchdogSec=3\n";
/// What a workflow may do in tests that run commands.
const SHELL: &str = "[Service]\nWatchdogSec=3\nEnvironment=DIRIGENT__RUN__SHELL=allow\n";
const SERVICE: &str = "dirigent.service";
const SOCKET: &str = "/run/dirigent/dirigent.sock";

const PAUSES: &str = "document: {dsl: '1.0.3', namespace: tests, name: pauses, version: '1.0.0'}\ndo:\n  - first: {set: {n: 1}}\n  \
     - rest: {wait: {seconds: 4}}\n  - last: {set: {n: 2}}\n";
const BREAKS: &str = "document: {dsl: '1.0.3', namespace: tests, name: breaks, version: '1.0.0'}\ndo:\n  - bang:\n      raise:\n        \
     error: {type: 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime', status: 500, title: bang}\n";
/// A command that ends when a file is there, and counts the sockets it has.
const HOLDS: &str = "document: {dsl: '1.0.3', namespace: tests, name: holds, version: '1.0.0'}\ndo:\n  - hold:\n      run:\n        \
     shell:\n          command: 'cd /var/lib/dirigent; touch begun; while ! [ -e go ]; do sleep 0.1; done; ls -l /proc/$$/fd | grep -c socket || true'\n      output: {as: '${ {sockets: .} }'}\n";
/// A command in the sandbox, until it is ended.
const KEPT: &str = "document: {dsl: '1.0.3', namespace: tests, name: kept, version: '1.0.0'}\ndo:\n  - hold:\n      metadata: \
     {dirigent: {sandbox: pure}}\n      run: {shell: {command: 'sleep 600'}}\n";
const ALICE: &str = "kind: User\nmetadata: {name: alice}\nspec: {uid: 1001, administrator: true}\n";

/// A machine whose daemon runs, with that drop-in.
fn serving(drop_in: &str) -> Option<Machine> {
    let machine = Machine::boot()?;
    machine.write("/etc/systemd/system/dirigent.service.d/test.conf", drop_in);
    machine.must("systemctl daemon-reload && systemctl start dirigent.service");
    machine.write("/srv/alice.yaml", ALICE);
    machine.write("/srv/pauses.yaml", PAUSES);
    machine.write("/srv/breaks.yaml", BREAKS);
    machine.write("/srv/holds.yaml", HOLDS);
    owner(&machine, "apply -f /srv/alice.yaml");
    machine.must("usermod -a -G dirigent alice");
    Some(machine)
}

/// The daemon's own user, its first administrator, asks.
fn owner(machine: &Machine, words: &str) -> String {
    let asked = machine.run_as("dirigent", &format!("dirigent --socket {SOCKET} {words}"));
    asked.expect_code(0).stdout
}

/// Somebody who was let in asks, and names no socket: the system's is the only one there is.
fn alice(machine: &Machine, words: &str) -> serde_json::Value {
    let asked = machine.run_as("alice", &format!("dirigent {words} --json"));
    asked.expect_code(0).json()
}

fn detached(machine: &Machine, file: &str) -> String {
    let started = alice(machine, &format!("run -f {file} --detach"));
    started["run"].as_str().unwrap().to_owned()
}

fn status(machine: &Machine, run: &str) -> String {
    let shown = machine.run_as("alice", &format!("dirigent runs show {run} --json"));
    // Between two lives of the daemon nobody answers.
    serde_json::from_str::<serde_json::Value>(&shown.stdout)
        .ok()
        .and_then(|run| Some(run["status"].as_str()?.to_owned()))
        .unwrap_or_default()
}

fn completes(machine: &Machine, run: &str) {
    until("the run to complete", LONG, || {
        (status(machine, run) == "completed").then_some(())
    });
}

#[test]
fn the_system_unit_is_hardened_as_promised() {
    let unit = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../config/systemd/system/dirigent.service"
    );
    let looked = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=15", unit])
        .output();
    let Ok(looked) = looked else {
        assert!(
            std::env::var_os("DIRIGENT_NO_SKIP").is_none(),
            "systemd-analyze is missing (package systemd)"
        );
        return;
    };
    let text = String::from_utf8_lossy(&looked.stdout);
    let score = text.lines().rfind(|line| line.contains("exposure level"));
    println!("{}", score.unwrap_or_default().trim());
    assert!(looked.status.success() && score.is_some(), "{text}");
}

#[test]
fn it_starts_when_ready_lets_in_whom_it_knows_and_reloads() {
    let Some(machine) = serving(QUICK) else { return };
    // `start` came back only when it was ready.
    assert_eq!(machine.property(SERVICE, "ActiveState"), "active");
    assert!(machine.property(SERVICE, "StatusText").starts_with("serving on"));
    let health = alice(&machine, "status");
    assert_eq!(health["socket"], SOCKET);
    assert_eq!(health["data_dir"], "/var/lib/dirigent");
    assert!(health["shell"].as_str().unwrap().starts_with("deny"), "{health}");

    // Not in the group; in the group and unknown.
    drop(
        machine
            .run_as("mallory", &format!("dirigent --socket {SOCKET} status"))
            .expect_code(77),
    );
    machine.must("usermod -a -G dirigent mallory");
    let refused = machine.run_as("mallory", "dirigent status").expect_code(77);
    assert!(refused.stderr.contains("error[not_permitted]"), "{refused:?}");

    // A run, and one that fails; both can be asked for in the journal.
    let run = detached(&machine, "/srv/pauses.yaml");
    completes(&machine, &run);
    let broken = detached(&machine, "/srv/breaks.yaml");
    until("the run to fault", LONG, || {
        (status(&machine, &broken) == "faulted").then_some(())
    });
    let of = |run: &str| {
        machine
            .run(&format!("journalctl -o json DIRIGENT_RUN={run}"))
            .json_lines()
    };
    let said: Vec<_> = of(&run).iter().map(|line| line["MESSAGE"].clone()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].as_str().unwrap().starts_with("run started"));
    let step = of(&broken)
        .into_iter()
        .find(|line| line["DIRIGENT_STEP"] == "/do/0/bang");
    let step = step.expect("a line of the step");
    assert_eq!(
        (&step["PRIORITY"], &step["_SYSTEMD_UNIT"]),
        (&"4".into(), &SERVICE.into())
    );

    // A good configuration is taken up, a bad one refused; the old one stays.
    machine.write("/etc/dirigent/daemon.toml", "[log]\nlevel = \"debug\"\n");
    machine.must("systemctl reload dirigent");
    machine.wait_for("journalctl -u dirigent", "was read again", LONG);
    let before = machine.property(SERVICE, "MainPID");
    machine.write("/etc/dirigent/daemon.toml", "[log]\nlevle = \"debug\"\n");
    assert_ne!(machine.run("systemctl reload dirigent").code, Some(0));
    machine.wait_for("journalctl -u dirigent", "levle", LONG);
    // Also where somebody sends the signal by hand.
    machine.must(&format!("kill -HUP {before}"));
    machine.wait_for(
        "systemctl show -p StatusText dirigent",
        "the configuration has errors, the old one stays",
        LONG,
    );
    assert_eq!(machine.property(SERVICE, "MainPID"), before);
    assert_eq!(machine.property(SERVICE, "ActiveState"), "active");
    assert_eq!(alice(&machine, "status")["socket"], SOCKET);
    // What debug tells shows that the good one is in force.
    let run = detached(&machine, "/srv/pauses.yaml");
    completes(&machine, &run);
    let steps = machine.run(&format!(
        "journalctl -o cat DIRIGENT_RUN={run} DIRIGENT_STEP=/do/1/rest"
    ));
    assert!(steps.stdout.contains("step completed"), "{steps:?}");
}

#[test]
fn a_daemon_that_dies_or_hangs_is_restarted_and_its_runs_go_on() {
    let Some(machine) = serving(QUICK) else { return };
    let first = machine.property(SERVICE, "MainPID");
    let run = detached(&machine, "/srv/pauses.yaml");
    machine.must(&format!("kill -KILL {first}"));
    completes(&machine, &run);
    let second = machine.property(SERVICE, "MainPID");
    assert_ne!(first, second);

    let run = detached(&machine, "/srv/pauses.yaml");
    let stopped = Instant::now();
    machine.must(&format!("kill -STOP {second}"));
    machine.wait_for("journalctl -u dirigent", "Watchdog timeout", LONG);
    println!("the watchdog (3 s) bit after {:?}", stopped.elapsed());
    completes(&machine, &run);
    assert_ne!(machine.property(SERVICE, "MainPID"), second);
    assert_eq!(machine.property(SERVICE, "NRestarts"), "2");
}

#[test]
fn it_stops_within_its_time_and_a_cut_step_is_done_after_the_next_start() {
    let Some(machine) = serving(SHELL) else { return };
    let run = detached(&machine, "/srv/holds.yaml");
    machine.wait_for("ls /var/lib/dirigent", "begun", LONG);
    let asked = Instant::now();
    machine.must("systemctl stop dirigent.socket dirigent.service");
    let took = asked.elapsed();
    println!("stopped after {took:?}");
    assert!(took < Duration::from_secs(25), "{took:?}");
    assert_eq!(machine.property(SERVICE, "Result"), "success");
    machine.must("touch /var/lib/dirigent/go && systemctl start dirigent");
    completes(&machine, &run);
    let events = machine
        .run_as("alice", &format!("dirigent runs events {run} --json"))
        .json_lines();
    let done = events
        .iter()
        .filter(|event| event["type"] == "task.completed")
        .count();
    assert_eq!(done, 1, "{events:#?}");
    // The manager's socket is the daemon's alone.
    let shown = alice(&machine, &format!("runs show {run}"));
    let sockets = shown["output"]["sockets"].to_string();
    assert_eq!(sockets.trim_matches(['"', '\\', 'n']), "0", "{shown}");
}

#[test]
fn the_first_connection_starts_it() {
    let Some(machine) = Machine::boot() else { return };
    machine.must("systemctl start dirigent.socket");
    assert_eq!(machine.property(SERVICE, "ActiveState"), "inactive");
    let asked = Instant::now();
    owner(&machine, "status");
    println!("the first answer came after {:?}", asked.elapsed());
    assert_eq!(machine.property(SERVICE, "ActiveState"), "active");
    // It goes, the socket stays, and the next one starts it again.
    machine.must("systemctl stop dirigent.service");
    assert_eq!(machine.property("dirigent.socket", "ActiveState"), "active");
    owner(&machine, "status");
}

#[test]
fn the_user_unit_serves_its_user_alone() {
    let Some(machine) = Machine::boot() else { return };
    machine.must("loginctl enable-linger alice");
    machine.wait_for(
        "systemctl is-active --quiet user@1001.service && ls /run/user/1001",
        "bus",
        LONG,
    );
    let asked = machine.run_as(
        "alice",
        "systemctl --user start dirigent.socket && dirigent status --json",
    );
    let health = asked.expect_code(0).json();
    assert_eq!(health["private"], true);
    assert_eq!(health["socket"], "/run/user/1001/dirigent/dirigent.sock");
    machine.write("/srv/pauses.yaml", PAUSES);
    let run = detached(&machine, "/srv/pauses.yaml");
    let pid = health["pid"].as_u64().unwrap();
    machine.must(&format!("kill -KILL {pid}"));
    completes(&machine, &run);
    let lines = machine.run_as("alice", &format!("journalctl --user -o cat DIRIGENT_RUN={run}"));
    assert!(lines.stdout.contains("run completed"), "{lines:?}");
    let socket = "/run/user/1001/dirigent/dirigent.sock";
    drop(
        machine
            .run_as("mallory", &format!("dirigent --socket {socket} status"))
            .expect_code(77),
    );
    // Who looks after it is told, and asked.
    let said = machine
        .run_as("alice", "dirigent daemon status --json")
        .expect_code(0)
        .json();
    assert_eq!(said["unit"], "dirigent.service", "{said}");
    let stopped = machine.run_as("alice", "dirigent daemon restart").expect_code(0);
    assert!(stopped.stdout.contains("dirigent.service"), "{stopped:?}");
    let log = machine.run_as("alice", "dirigent daemon logs").expect_code(0);
    assert!(log.stdout.contains("run completed"), "{log:?}");
    a_sandbox_has_a_unit_of_its_own(&machine);
}

/// Of the user's manager, which the user's daemon may ask.
fn a_sandbox_has_a_unit_of_its_own(machine: &Machine) {
    machine.write("/srv/kept.yaml", KEPT);
    let run = detached(machine, "/srv/kept.yaml");
    let scopes = || {
        let units = "systemctl --user list-units --type=scope --no-legend --plain";
        let listed = machine.run_as("alice", &format!("{units} | grep 'A step of Dirigent' || true"));
        let named = listed.stdout.split_whitespace().next().map(str::to_owned);
        named.filter(|name| name.ends_with(".scope"))
    };
    // The command that tries whether there can be one has had one, too, for a moment.
    let held = || {
        let unit = scopes()?;
        let show = format!("systemctl --user show {unit} -p TasksMax -p MemoryMax");
        let shown = machine.run_as("alice", &show).stdout;
        (shown.contains("TasksMax=64") && shown.contains("MemoryMax=1073741824")).then_some(())
    };
    until("the unit of the command, with its limits", LONG, held);
    drop(
        machine
            .run_as("alice", &format!("dirigent runs cancel {run}"))
            .expect_code(0),
    );
    until("its end", LONG, || scopes().is_none().then_some(()));
}
