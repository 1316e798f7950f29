//! The journal's sync fails: nothing is acknowledged any more, the sync is not tried again, the daemon ends with 74.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command as Process;

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Code;
use dirigent_protocol::id::RequestId;
use dirigent_rpc::CallError;
use dirigent_tests::{Home, LONG, Link, skip, until};
use serde_json::json;

fn create(name: &str) -> Command {
    Command::Create {
        kind: Kind::Agent,
        name: name.into(),
        labels: BTreeMap::new(),
        spec: json!({ "prompt": name }),
    }
}

#[test]
fn a_failed_sync_ends_the_daemon_and_loses_nothing_acknowledged() {
    let home = Home::new(&[]);
    let source = home.write("shim.c", include_str!("shim.c"));
    let shim = home.path("shim.so");
    let mut cc = Process::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&shim, &source])
        .arg("-ldl");
    if !cc.status().is_ok_and(|status| status.success()) {
        return skip("no C compiler");
    }
    let order = home.path("fail");
    let mut daemon = home.daemon_command();
    daemon
        .env("LD_PRELOAD", &shim)
        .env("DIRIGENT_TEST_FAIL_SYNC", &order);
    let mut daemon = home.start_as(daemon);
    let link = until("the daemon to answer", LONG, || Link::open(&home));
    for n in 0..20 {
        let made = link
            .command(RequestId::new(), create(&format!("kept-{n}")))
            .unwrap();
        assert!(matches!(made, CommandReply::Document(_)));
    }
    fs::write(&order, "").unwrap();
    let request = RequestId::new();
    match link.command(request, create("unknown")) {
        Err(CallError::Fault(fault)) => {
            assert!(
                matches!(fault.code, Code::OutcomeUnknown | Code::StoreFailed),
                "{fault:?}"
            );
        }
        Err(CallError::Lost(_)) => {}
        other => panic!("acknowledged without a sync: {other:?}"),
    }
    let status = until("the daemon to end", LONG, || daemon.ended());
    assert_eq!(status.code(), Some(74), "{}", home.log());
    assert!(home.log().contains("error[store_failed]"), "{}", home.log());
    let tried = fs::read_to_string(home.path("fail.log")).unwrap();
    assert_eq!(tried.lines().count(), 1, "synced again: {tried}");

    fs::remove_file(&order).unwrap();
    let _daemon = home.start();
    let link = Link::open(&home).unwrap();
    let names: Vec<_> = link
        .list(Kind::Agent)
        .unwrap()
        .into_iter()
        .map(|d| d.metadata.name)
        .collect();
    for n in 0..20 {
        assert!(names.contains(&format!("kept-{n}")), "kept-{n} is lost");
    }
    // The same request takes effect once, whether or not it had.
    let made = link.command(request, create("unknown")).unwrap();
    assert!(matches!(made, CommandReply::Document(_)));
}
