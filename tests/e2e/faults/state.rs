//! Reads and writes of the state's own file fail under a real daemon: it is built again behind the scenes, or the daemon
//! ends with 74; what was acknowledged is there, and nothing wrong is shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command as Process;
use std::time::Instant;

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_rpc::CallError;
use dirigent_tests::{Daemon, Home, LONG, Link, skip, until};
use serde_json::json;

/// Agents there are before anything fails: more than the cache holds.
const KEPT: usize = 1_500;

struct Story {
    home: Home,
    shim: PathBuf,
    order: PathBuf,
}

impl Story {
    fn new() -> Option<Self> {
        let home = Home::new(&[]);
        home.configure("\n[store]\nsegment_mib = 1\ncache_mib = 8\n");
        let source = home.write("state.c", include_str!("state.c"));
        let shim = home.path("state.so");
        let mut cc = Process::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&shim, &source])
            .arg("-ldl");
        let order = home.path("order");
        cc.status()
            .is_ok_and(|status| status.success())
            .then_some(Self { home, shim, order })
    }

    fn start(&self) -> (Daemon, Link) {
        let mut daemon = self.home.daemon_command();
        daemon
            .env("LD_PRELOAD", &self.shim)
            .env("DIRIGENT_TEST_FAIL_STATE", &self.order);
        let daemon = self.home.start_as(daemon);
        let link = until("the daemon to answer", LONG, || Link::open(&self.home));
        (daemon, link)
    }

    /// From now on these fail: `read` or `write`.
    fn fail(&self, what: &str) {
        fs::write(&self.order, what).unwrap();
    }

    fn heal(&self) {
        fs::remove_file(&self.order).unwrap();
    }

    fn says(&self, words: &str) -> bool {
        self.home.log().contains(words)
    }
}

fn create(link: &Link, n: usize) -> Result<(), CallError> {
    let command = Command::Create {
        kind: Kind::Agent,
        name: format!("kept-{n}"),
        labels: BTreeMap::new(),
        spec: json!({ "prompt": "x".repeat(6_000) }),
    };
    let made = link.command(RequestId::new(), command)?;
    assert!(matches!(made, CommandReply::Document(_)));
    Ok(())
}

/// Reads one by its name: it is there, or it is said that it cannot be told now.
fn read(link: &Link, n: usize) -> Result<(), CallError> {
    let query = Query::Get {
        kind: Kind::Agent,
        id: format!("kept-{n}"),
        include: Vec::new(),
    };
    let QueryReply::Document(document) = link.query(query)? else {
        panic!()
    };
    assert_eq!(document.metadata.name, format!("kept-{n}"));
    Ok(())
}

fn all_are_there(link: &Link, many: usize) {
    for n in 0..many {
        read(link, n).unwrap_or_else(|e| panic!("kept-{n}: {e:?}"));
    }
}

/// It fails, heals, and the daemon builds it again by itself.
fn is_mended(what: &str) {
    let Some(story) = Story::new() else {
        return skip("no C compiler");
    };
    let (daemon, link) = story.start();
    for n in 0..KEPT {
        create(&link, n).unwrap();
    }
    // Opened anew, so that little is in the cache.
    daemon.stop();
    let (daemon, link) = story.start();
    story.fail(what);
    let (begun, mut many, mut n) = (Instant::now(), KEPT, 0);
    while !story.says("the state failed") {
        assert!(begun.elapsed() < LONG, "nobody noticed: {}", story.home.log());
        n = (n + 7) % KEPT;
        match read(&link, n) {
            Ok(()) => {}
            Err(CallError::Fault(fault)) => assert_ne!(fault.code, dirigent_protocol::fault::Code::NotFound),
            Err(other) => panic!("{other:?}"),
        }
        match create(&link, many) {
            Ok(()) => many += 1,
            Err(CallError::Fault(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    story.heal();
    until("the state to be built again", LONG, || {
        story.says("the state is in use again").then_some(())
    });
    all_are_there(&link, many);
    create(&link, many).unwrap();
    daemon.stop();
    let (_daemon, link) = story.start();
    all_are_there(&link, many + 1);
}

#[test]
fn a_state_that_cannot_be_read_is_built_again() {
    is_mended("read");
}

#[test]
fn a_state_that_cannot_be_written_is_built_again() {
    is_mended("write");
}

#[test]
fn a_disk_that_takes_no_state_ends_the_daemon_and_loses_nothing() {
    let Some(story) = Story::new() else {
        return skip("no C compiler");
    };
    let (mut daemon, link) = story.start();
    story.fail("write");
    let mut many = 0;
    let status = until("the daemon to end", LONG * 2, || {
        match create(&link, many) {
            Ok(()) => many += 1,
            Err(CallError::Fault(_) | CallError::Lost(_)) => {}
        }
        daemon.ended()
    });
    assert_eq!(status.code(), Some(74), "{}", story.home.log());
    assert!(story.says("error[store_failed]"), "{}", story.home.log());
    story.heal();
    let (_daemon, link) = story.start();
    all_are_there(&link, many);
}
