//! A daemon of another machine, over a real OpenSSH server: commands, the screen, broken links, and what goes wrong.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dirigent_tests::{Daemon, Home, LONG, Output, Sshd, Terminal, until};
use serde_json::Value;

const ASKING: &str = "document: {dsl: '1.0.3', namespace: tests, name: asking, version: '1.0.0'}\ndo:\n  - gate:\n      call: approval\n      \
     with: {title: 'Publish the note?', action: publish note, show: {text: hello}}\n";
const PAUSES: &str = "document: {dsl: '1.0.3', namespace: tests, name: pauses, version: '1.0.0'}\ndo:\n  - rest: {wait: {seconds: 2}}\n";

/// The machine with the daemon, and the one in front of which the person sits.
struct Both {
    far: Home,
    near: Home,
    ssh: Sshd,
    _daemon: Daemon,
}

fn both() -> Option<Both> {
    let far = Home::new(&[]);
    let ssh = Sshd::start(&far)?;
    let daemon = far.start();
    Some(Both {
        far,
        near: Home::new(&[]),
        ssh,
        _daemon: daemon,
    })
}

fn run(mut command: Command) -> Output {
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output {
        code: ended.status.code(),
        stdout: text(ended.stdout),
        stderr: text(ended.stderr),
    }
}

impl Both {
    fn at(&self, host: &str, words: &[&str]) -> Output {
        run(self.ssh.client(&self.near, &[&["-H", host], words].concat()))
    }

    fn refused(&self, host: &str, code: i32, word: &str, text: &str) {
        let output = self.at(host, &["status", "--json"]).expect_code(code);
        let error: Value = serde_json::from_str(&output.stderr).unwrap_or_else(|_| panic!("{output:#?}"));
        assert_eq!(error["error"]["code"], word, "{error}");
        assert!(
            error["error"]["message"].as_str().unwrap().contains(text),
            "{error}"
        );
        assert!(!error["error"]["help"].as_str().unwrap().is_empty(), "{error}");
        assert!(
            error["error"]["at"].as_str().unwrap().starts_with("ssh://"),
            "{error}"
        );
    }

    fn screen(&self) -> Terminal {
        Terminal::run(&self.ssh.client(&self.near, &["-H", "ssh://ops"]), 140, 36)
    }
}

#[test]
fn commands_go_to_the_other_machine_as_ssh_is_configured() {
    let Some(both) = both() else { return };
    let file = both.near.write("pauses.yaml", PAUSES);
    let ran = both.at("ssh://ops", &["run", "-f", file.to_str().unwrap(), "--json"]);
    let id = ran.expect_code(0).json()["run"].as_str().unwrap().to_owned();
    // It is there, and not here.
    let there = both
        .far
        .client(&["runs", "show", &id, "--json"])
        .expect_code(0)
        .json();
    assert_eq!(there["status"], "completed");
    // By address and port; with the socket in the URL; through a jump; with an included file.
    let port = both.ssh.port();
    let socket = both.far.socket();
    for host in [
        format!("ssh://127.0.0.1:{port}"),
        format!("ssh://127.0.0.1:{port}{}", socket.display()),
        "ssh://behind".to_owned(),
    ] {
        let health = both.at(&host, &["status", "--json"]).expect_code(0).json();
        assert_eq!(health["socket"], socket.to_str().unwrap(), "{host}");
    }
    let asking = both.near.write("asking.yaml", ASKING);
    let words = ["run", "-f", asking.to_str().unwrap(), "--no-wait-approvals"];
    drop(both.at("ssh://ops", &words).expect_code(4));
    let list = both
        .at("ssh://ops", &["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    let asked = &list["items"][0];
    let (id, digest) = (asked["id"].as_str().unwrap(), asked["digest"].as_str().unwrap());
    drop(
        both.at("ssh://ops", &["approvals", "approve", id, "--digest", digest])
            .expect_code(0),
    );
    // `daemon` verbs belong there.
    drop(both.at("ssh://ops", &["daemon", "stop"]).expect_code(2));
}

#[test]
fn each_failure_is_told_by_name_with_what_to_do() {
    let Some(both) = both() else { return };
    let ssh = &both.ssh;
    // Nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    both.refused(&format!("ssh://127.0.0.1:{free}"), 69, "unreachable", "refused");
    // The host key is unknown, then another one.
    let known = std::fs::read_to_string(ssh.path("known_hosts")).unwrap();
    std::fs::write(ssh.path("known_hosts"), "").unwrap();
    both.refused("ssh://ops", 77, "not_permitted", "host key");
    let other = std::fs::read_to_string(ssh.path("other.pub")).unwrap();
    std::fs::write(
        ssh.path("known_hosts"),
        format!("[127.0.0.1]:{} {other}", ssh.port()),
    )
    .unwrap();
    both.refused("ssh://ops", 77, "not_permitted", "not the one that is known");
    std::fs::write(ssh.path("known_hosts"), known).unwrap();
    // A key that is not let in.
    let folder = ssh.path("").display().to_string();
    ssh.configure(&format!("{folder}key"), &format!("{folder}other"));
    both.refused("ssh://ops", 77, "not_permitted", "Permission denied");
    ssh.configure(&format!("{folder}other"), &format!("{folder}key"));
    // No program, one of another version, one that writes in between, one without a daemon.
    let far = ssh.path("far/dirigent");
    std::fs::remove_file(&far).unwrap();
    both.refused("ssh://ops", 69, "unreachable", "no program `dirigent`");
    ssh.program(
        &far,
        "echo \"error: unrecognized subcommand 'stdio'\" >&2; exit 2",
    );
    both.refused("ssh://ops", 69, "version_mismatch", "another version");
    let real = dirigent_tests::client_path();
    ssh.program(
        &far,
        &format!("echo Welcome to ops; exec {} \"$@\"", real.display()),
    );
    both.refused("ssh://ops", 69, "unreachable", "Welcome to ops");
    ssh.program(&far, &format!("exec {} \"$@\"", real.display()));
    both.refused("ssh://ops/nonexistent/d.sock", 69, "unreachable", "no daemon");
    // And no ssh at all.
    let mut command = ssh.client(&both.near, &["-H", "ssh://ops", "status"]);
    command.env("PATH", "/nonexistent");
    let output = run(command).expect_code(69);
    assert!(output.stderr.contains("openssh-client"), "{output:?}");
}

#[test]
fn a_watch_goes_on_over_a_new_connection_without_gap_or_duplicate() {
    let Some(both) = both() else { return };
    let mut command = both
        .ssh
        .client(&both.near, &["-H", "ssh://ops", "watch", "--json"]);
    let mut watch = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["change"], "start");
    let file = both.far.write("pauses.yaml", PAUSES);
    let mut ids = Vec::new();
    for _ in 0..6 {
        let words = ["run", "-f", file.to_str().unwrap(), "--detach", "--json"];
        let started = both.far.client(&words).expect_code(0).json();
        ids.push(started["run"].as_str().unwrap().to_owned());
        let cut = both.ssh.signal("-KILL");
        both.ssh.wait_for_another(&cut);
    }
    let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut open = ids.len();
    while open > 0 {
        let line = next();
        assert_ne!(line["change"], "resync", "{line}");
        if line["change"] == "run" {
            let run = line["run"].as_str().unwrap().to_owned();
            seen.entry(run)
                .or_default()
                .push(line["event"]["seq"].as_u64().unwrap());
            open -= usize::from(line["event"]["type"] == "workflow.completed");
        }
    }
    drop(watch.kill());
    drop(watch.wait());
    for id in ids {
        let all: Vec<u64> = (1..=seen[&id].len() as u64).collect();
        assert_eq!(seen[&id], all, "run {id}");
        let there = both
            .far
            .client(&["runs", "show", &id, "--json"])
            .expect_code(0)
            .json();
        assert_eq!(there["status"], "completed", "the run was harmed");
    }
}

#[test]
fn the_screen_survives_a_cut_and_a_hanging_link_where_it_was() {
    let Some(both) = both() else { return };
    let far = &both.far;
    let pauses = far.write("pauses.yaml", PAUSES);
    drop(
        far.client(&["run", "-f", pauses.to_str().unwrap()])
            .expect_code(0),
    );
    let asking = far.write("asking.yaml", ASKING);
    let words = ["run", "-f", asking.to_str().unwrap(), "--no-wait-approvals"];
    for _ in 0..2 {
        drop(far.client(&words).expect_code(4));
    }
    let mut terminal = both.screen();
    terminal.wait_for("● live", LONG);

    a_list_is_kept(&both, &mut terminal);

    // A half-written reason.
    terminal.keys("!");
    terminal.wait_for("WHAT (exact", LONG);
    until("the question of why not", LONG, || {
        terminal.keys("x");
        until("an answer to the key", LONG, || {
            let text = terminal.text();
            (text.contains("key ignored") || text.contains("Your reason")).then_some(())
        });
        terminal.text().contains("Your reason").then_some(())
    });
    terminal.keys("not before noon");
    terminal.wait_for("not before noon", LONG);
    let before = below(&terminal.text());

    // Cut: said, tried again by itself, and everything is where it was.
    both.ssh.signal("-KILL");
    terminal.wait_for("✗ disconnected", LONG);
    terminal.wait_for("not before noon", LONG);
    terminal.wait_for("● live", LONG);
    until("the same page", LONG, || {
        (below(&terminal.text()) == before).then_some(())
    });

    // Hanging: nothing is heard, which is as good as a cut.
    let hanging = both.ssh.signal("-STOP");
    let since = Instant::now();
    terminal.wait_for("✗ disconnected", LONG);
    println!("a hanging link was noticed after {:?}", since.elapsed());
    terminal.wait_for("● live", LONG);
    until("the same page", LONG, || {
        (below(&terminal.text()) == before).then_some(())
    });
    both.ssh.wait_for_another(&hanging);

    // The draft goes on, and the other page is as it was left.
    terminal.keys(" today");
    terminal.wait_for("not before noon today", LONG);
    // Once, and then not at once a letter: a terminal reads that as Alt.
    terminal.keys("\x1b");
    until("the end of the draft", LONG, || {
        (!terminal.text().contains("not before noon")).then_some(())
    });
    terminal.keys("gr");
    terminal.wait_for("Operate › Runs", LONG);
    assert!(!terminal.text().contains("pauses"), "{}", terminal.text());
    terminal.keys("q");
    assert_eq!(terminal.wait_end(LONG), 0);
}

/// A filter and the cursor on the second row stay through a cut.
fn a_list_is_kept(both: &Both, terminal: &mut Terminal) {
    terminal.keys("gr");
    terminal.wait_for("pauses", LONG);
    terminal.keys("/askin\r");
    until("the filter", LONG, || {
        (!terminal.text().contains("pauses")).then_some(())
    });
    let first = marked(&terminal.text());
    terminal.keys("j");
    until("the second row", LONG, || {
        (marked(&terminal.text()) != first).then_some(())
    });
    let before = below(&terminal.text());
    both.ssh.signal("-KILL");
    terminal.wait_for("✗ disconnected", LONG);
    terminal.wait_for("● live", LONG);
    until("the same page", LONG, || {
        (below(&terminal.text()) == before).then_some(())
    });
}

/// The row under the cursor.
fn marked(text: &str) -> String {
    let row = text
        .lines()
        .find(|line| line.contains('▸') || line.contains("│>") || line.contains("┃>"));
    row.unwrap_or_default().to_owned()
}

/// The page without its first and last lines, which tell of the connection, and without ages.
fn below(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let page = &lines[2..lines.len().saturating_sub(2)];
    page.join("\n").replace(|c: char| c.is_ascii_digit(), "")
}

#[test]
fn ssh_asks_before_the_screen_and_never_on_it() {
    let Some(both) = both() else { return };
    let folder = both.ssh.path("").display().to_string();
    both.ssh
        .configure(&format!("{folder}key"), &format!("{folder}locked"));
    let mut terminal = both.screen();
    terminal.wait_for("passphrase", LONG);
    assert!(!terminal.alternate());
    terminal.keys("open sesame\r");
    terminal.wait_for("● live", LONG);
    assert!(terminal.alternate());
    // Now nobody can be asked: the screen says so, and ssh writes nothing on it.
    both.ssh.signal("-KILL");
    terminal.wait_for("✗ disconnected", LONG);
    until("the reason", LONG, || {
        terminal.text().contains("keys").then_some(())
    });
    assert!(!terminal.text().contains("passphrase"), "{}", terminal.text());
    terminal.keys("q");
    assert_eq!(terminal.wait_end(Duration::from_secs(20)), 0);
    // A failure before the screen is told on the ordinary terminal.
    both.ssh
        .configure(&format!("{folder}locked"), &format!("{folder}other"));
    let mut terminal = both.screen();
    terminal.wait_for("error[not_permitted]", LONG);
    assert_eq!(terminal.wait_end(LONG), 77);
}
