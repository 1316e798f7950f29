//! The disk fills up and has room again: first no run begins, then no step; outcomes and cancels go through; it goes on
//! by itself, and nothing acknowledged is lost. On a small file system of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::{Duration, Instant};

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::fault::Code;
use dirigent_protocol::id::{RequestId, RunId};
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::{EventBody, RunEvent, Status};
use dirigent_rpc::CallError;
use dirigent_tests::{Home, LONG, Link, skip, until};
use serde_json::json;

const MIB: u64 = 1 << 20;

/// A small file system; gone with the test.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mut mount = Process::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs"])
            .arg(at);
        let mounted = mount.output().is_ok_and(|done| done.status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    fn free(&self) -> u64 {
        let out = Process::new("stat")
            .args(["-f", "-c", "%a %S"])
            .arg(&self.0)
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let numbers: Vec<u64> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
        numbers[0] * numbers[1]
    }

    /// Fills it until only that much is free.
    fn leave(&self, free: u64) {
        let mut ballast = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.0.join("ballast"))
            .unwrap();
        let block = vec![0x5a; 64 << 10];
        while self.free() > free {
            if ballast.write_all(&block).is_err() {
                return;
            }
        }
    }

    fn clear(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Process::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// A step that ends when a file appears, and one behind it.
fn workflow(home: &Home) -> String {
    let gate = home.path("gate-");
    format!(
        "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: gated\n  version: '1.0.0'\ndo:\n  - held:\n      run:\n        \
         shell:\n          command: 'while [ ! -e {}$1 ]; do sleep 0.05; done; echo through'\n          arguments:\n            - \
         ${{ $workflow.input.gate }}\n  - behind:\n      run:\n        shell:\n          command: 'echo behind'\n",
        gate.display()
    )
}

fn start(link: &Link, gate: &str) -> Result<RunId, CallError> {
    let command = Command::RunStart {
        target: RunTarget::Name("gated".into()),
        input: json!({ "gate": gate }),
        idempotency_key: None,
        budget: None,
        priority: None,
    };
    match link.command(RequestId::new(), command)? {
        CommandReply::RunStarted { run, .. } => Ok(run),
        other => panic!("{other:?}"),
    }
}

fn status(link: &Link, run: RunId) -> Status {
    let query = Query::Get {
        kind: Kind::WorkflowExecution,
        id: run.to_string(),
        include: Vec::new(),
    };
    match link.query(query).unwrap() {
        QueryReply::Document(document) => document.body::<WorkflowExecution>().unwrap().status,
        other => panic!("{other:?}"),
    }
}

fn intended(events: &[RunEvent]) -> usize {
    let one = |event: &&RunEvent| matches!(event.body, EventBody::EffectIntended { .. });
    events.iter().filter(one).count()
}

fn settled(events: &[RunEvent]) -> usize {
    let one = |event: &&RunEvent| matches!(event.body, EventBody::EffectSettled { .. });
    events.iter().filter(one).count()
}

fn cancel(link: &Link, run: RunId) {
    let command = Command::RunCancel { run, reason: None };
    drop(link.command(RequestId::new(), command).unwrap());
    until("the cancelled run to end", LONG, || {
        (status(link, run) == Status::Cancelled).then_some(())
    });
}

/// Three runs, each in its first step.
fn three(link: &Link) -> [RunId; 3] {
    let runs = ["a", "b", "c"].map(|gate| start(link, gate).unwrap());
    for run in runs {
        until("the step to begin", LONG, || {
            (intended(&link.events(run).unwrap()) == 1).then_some(())
        });
    }
    runs
}

/// Nearly full: what runs goes on, nothing new begins, and the words say so.
fn no_run_begins(home: &Home, link: &Link, disk: &Small, file: &Path) {
    disk.leave(40 * MIB);
    let refusal = until("new runs to be refused", LONG, || match start(link, "x") {
        Err(CallError::Fault(fault)) => Some(fault),
        Ok(run) => {
            cancel(link, run);
            None
        }
        Err(other) => panic!("{other:?}"),
    });
    assert_eq!(refusal.code, Code::StorageFull);
    assert!(
        refusal.message.contains("48 MiB") && refusal.help.is_some(),
        "{refusal:?}"
    );
    let told = home
        .client(&[
            "run",
            "-f",
            file.to_str().unwrap(),
            "--input",
            "{\"gate\": \"x\"}",
        ])
        .expect_code(74);
    assert!(told.stderr.contains("storage_full"), "{}", told.stderr);
}

/// Fuller: an outcome is still stored, the step behind it waits. Answers the events then.
fn no_step_begins(home: &Home, link: &Link, disk: &Small, first: RunId) -> Vec<RunEvent> {
    disk.leave(10 * MIB);
    until("steps to be held back", LONG, || {
        home.log().contains("no step begins").then_some(())
    });
    fs::write(home.path("gate-a"), "").unwrap();
    until("the outcome to be stored", LONG, || {
        let events = link.events(first).unwrap();
        (settled(&events) == 1).then_some(events)
    })
}

#[test]
fn a_full_disk_takes_outcomes_and_cancels_and_goes_on_by_itself() {
    let home = Home::new(&[]);
    let Some(disk) = Small::mount(&home.path("data")) else {
        return skip("a small file system cannot be mounted (not root)");
    };
    home.configure(
        "\n[store]\nsegment_mib = 1\ncache_mib = 8\nmin_free_mib = 48\nmin_free_percent = 0\nmin_free_step_mib = 24\n",
    );
    let daemon = home.start();
    let file = home.write("gated.yaml", &workflow(&home));
    drop(
        home.client(&["apply", "-f", file.to_str().unwrap()])
            .expect_code(0),
    );
    let link = Link::open(&home).unwrap();
    let [first, second, third] = three(&link);

    no_run_begins(&home, &link, &disk, &file);
    let at_rest = no_step_begins(&home, &link, &disk, first);
    cancel(&link, second);

    disk.leave(MIB / 4);
    cancel(&link, third);
    daemon.kill();
    let daemon = home.start();
    let link = Link::open(&home).unwrap();
    let events = link.events(first).unwrap();
    assert_eq!(events[..at_rest.len()], at_rest, "what was acknowledged is gone");
    assert_eq!(intended(&events), 1, "a step began on a full disk: {events:#?}");

    disk.clear();
    let back = Instant::now();
    until("the run to go on", Duration::from_secs(10), || {
        (status(&link, first) == Status::Completed).then_some(())
    });
    until("runs to begin again", Duration::from_secs(10), || {
        start(&link, "a").ok()
    });
    println!("went on {:?} after space was back", back.elapsed());
    assert!(back.elapsed() < Duration::from_secs(10));
    assert_eq!(status(&link, second), Status::Cancelled);
    assert_eq!(status(&link, third), Status::Cancelled);
    daemon.stop();
}
