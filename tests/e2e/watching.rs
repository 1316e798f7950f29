//! The feed: resumed by cursor after the daemon was killed, with no gap and no duplicate.

use std::collections::BTreeSet;

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::RequestId;
use dirigent_protocol::watch::{Change, Cursor, WatchFilter, WatchRequest};
use dirigent_tests::{Home, Link};
use serde_json::json;

fn create(link: &Link, name: &str) {
    let command = Command::Create {
        kind: Kind::Agent,
        name: name.into(),
        labels: std::collections::BTreeMap::new(),
        spec: json!({ "prompt": name }),
    };
    assert!(matches!(
        link.command(RequestId::new(), command).unwrap(),
        CommandReply::Document(_)
    ));
}

/// Names of the agents in the pages from `cursor` to the end of the feed, and the cursor there.
fn names(link: &Link, mut cursor: Cursor) -> (Vec<String>, Cursor) {
    let filter = WatchFilter {
        kinds: vec![Kind::Agent],
        ..WatchFilter::default()
    };
    let mut names = Vec::new();
    loop {
        let request = WatchRequest {
            cursor: Some(cursor),
            filter: filter.clone(),
            max: 3,
            wait_ms: 50,
        };
        let page = link.watch(request).unwrap();
        assert_eq!(page.resync, None);
        if page.changes.is_empty() {
            return (names, page.next);
        }
        for change in page.changes {
            let Change::Put(document) = change else {
                panic!("{change:?}")
            };
            names.push(document.metadata.name);
        }
        cursor = page.next;
    }
}

#[test]
fn a_watcher_goes_on_where_it_was_after_the_daemon_was_killed() {
    let home = Home::new(&[]);
    let daemon = home.start();
    let link = Link::open(&home).unwrap();
    let start = WatchRequest {
        cursor: None,
        filter: WatchFilter::default(),
        max: 1,
        wait_ms: 0,
    };
    let cursor = link.watch(start).unwrap().next;
    for number in 0..7 {
        create(&link, &format!("a{number}"));
    }
    let (first, cursor) = names(&link, cursor);
    for number in 7..11 {
        create(&link, &format!("a{number}"));
    }
    daemon.kill();
    let _daemon = home.start();
    let link = Link::open(&home).unwrap();
    create(&link, "a11");
    let (second, _) = names(&link, cursor);
    let all: Vec<_> = first.into_iter().chain(second).collect();
    let expected: Vec<_> = (0..12).map(|number| format!("a{number}")).collect();
    assert_eq!(all, expected);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 12);
}

#[test]
fn the_same_request_id_creates_once() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let link = Link::open(&home).unwrap();
    let request = RequestId::new();
    let command = Command::Create {
        kind: Kind::Agent,
        name: "once".into(),
        labels: std::collections::BTreeMap::new(),
        spec: json!({ "prompt": "x" }),
    };
    let first = link.command(request, command.clone()).unwrap();
    let second = link.command(request, command).unwrap();
    assert_eq!(first, second);
    let other = Command::Delete {
        kind: Kind::Agent,
        id: "once".into(),
        revision: None,
    };
    let refused = link.command(request, other).unwrap_err().into_fault();
    assert_eq!(refused.code.as_str(), "request_id_reused");
    assert_eq!(link.list(Kind::Agent).unwrap().len(), 1);
}
