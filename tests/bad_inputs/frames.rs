//! R: what arrives on the daemon's socket, from peers that are broken, lost or hostile.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use dirigent_protocol::command::Command;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Code;
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::watch::{WatchFilter, WatchRequest};
use dirigent_rpc::CallError;
use dirigent_tests::{LONG, Link, Seed, until};
use serde_json::json;

use crate::rules::{Bed, Leaves};

/// Sends bytes and waits until the daemon hangs up; gives what it said before.
fn hung_up_on(bed: &Bed, bytes: &[u8], finish: bool) -> Vec<u8> {
    let mut stream = UnixStream::connect(bed.home.socket()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    // It may hang up while bytes are still coming.
    drop(stream.write_all(bytes));
    if finish {
        drop(stream.shutdown(Shutdown::Write));
    }
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => said,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => said,
        Err(error) => panic!("the daemon did not hang up: {error}"),
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length, body].concat()
}

#[test]
fn what_is_no_frame_ends_the_connection_and_one_line_says_so() {
    let bed = Bed::start(&[], "");
    let mut seed = Seed::announced("bad frames");
    // A length in range, and then nonsense.
    let noise: Vec<u8> = (0..5_000)
        .map(|_| u8::try_from(seed.below(256)).unwrap())
        .collect();
    let deep = [vec![0x91_u8; 10_000], vec![0xc0]].concat();
    for (id, bytes) in [
        ("R01", vec![0; 4]),
        ("R02", vec![0xff; 4]),
        ("R04", frame(b"\x81\xa1x\x01")[..6].to_vec()),
        ("R07", frame(&noise)),
        ("R07", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("R07", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("R07", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("R08", frame(b"\x81\xa7Request\x81\xa7message\x81\xa4Sing\xc0")),
        ("R11", frame(&deep)),
    ] {
        let said = bed.row(id, Leaves::Nothing, || hung_up_on(&bed, &bytes, true));
        assert!(said.is_empty(), "{id}: it answered {said:?}");
    }
    let log = bed.home.log();
    assert_eq!(log.matches("bad_frame").count(), 1, "R07: not one line:\n{log}");
    bed.shows_nothing("R07", &log.replace(bed.home.path("data").to_str().unwrap(), ""));
}

#[test]
fn a_frame_that_never_ends_is_not_waited_for() {
    let bed = Bed::start(&[], "");
    let said = bed.row("R05", Leaves::Nothing, || hung_up_on(&bed, &[0, 0, 1], false));
    assert!(said.is_empty(), "R05: {said:?}");
    let log = bed.home.log();
    assert!(
        log.contains("slow_frame") || log.contains("never greeted"),
        "R05:\n{log}"
    );
}

#[test]
fn a_flood_of_connections_is_turned_away_and_the_daemon_goes_on() {
    let bed = Bed::start(
        &[],
        "[socket]\nmax_connections = 64\nmax_connections_per_user = 64\n",
    );
    bed.row("R14", Leaves::Nothing, || {
        let crowd: Vec<_> = (0..2_000)
            .filter_map(|_| UnixStream::connect(bed.home.socket()).ok())
            .collect();
        assert!(
            crowd.len() > 100,
            "R14: only {} connections could be made",
            crowd.len()
        );
        drop(crowd);
        until("room for a client again", LONG, || {
            Link::open(&bed.home).map(drop)
        });
    });
    let log = bed.home.log();
    assert!(log.contains("turned away"), "R14:\n{log}");
    assert!(log.lines().count() < 100, "R14: a flood of lines:\n{log}");
}

fn code(result: Result<impl std::fmt::Debug, CallError>) -> Code {
    match result.unwrap_err() {
        CallError::Fault(fault) => fault.code,
        other => panic!("{other}"),
    }
}

#[test]
fn calls_that_make_no_sense_are_answered_in_words() {
    let bed = Bed::start(&[], "");
    let link = Link::open(&bed.home).unwrap();
    let request = RequestId::new();
    let team = |name: &str| Command::Create {
        kind: Kind::Team,
        name: name.to_owned(),
        labels: std::collections::BTreeMap::new(),
        spec: json!({}),
    };
    link.command(request, team("one")).unwrap();
    let reused = bed.row("R16", Leaves::Nothing, || link.command(request, team("two")));
    assert_eq!(code(reused), Code::RequestIdReused);
    for text in [
        "",
        "zzz",
        "-1",
        "99999999999999999999",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let cursor = serde_json::from_value(json!(text)).ok();
        let Some(cursor) = cursor else { continue };
        let watch = WatchRequest {
            cursor: Some(cursor),
            filter: WatchFilter::default(),
            max: 10,
            wait_ms: 0,
        };
        let answer = bed.row("R20", Leaves::Nothing, || link.watch(watch));
        assert_eq!(code(answer), Code::BadCursor, "R20 {text}");
    }
    for limit in [0, u32::MAX] {
        let list = ListQuery {
            limit,
            ..ListQuery::of(Kind::Team)
        };
        let answer = bed.row("R22", Leaves::Nothing, || link.query(Query::List(list)));
        let Ok(QueryReply::Page { items, .. }) = answer else {
            panic!("R22 {limit}: {answer:?}")
        };
        assert_eq!(items.len(), 1, "R22 {limit}");
    }
    let nowhere = bed.row("R25", Leaves::Nothing, || {
        link.command(
            RequestId::new(),
            Command::Delete {
                kind: Kind::Team,
                id: "01a205c6-0000-7000-8000-000000000000".to_owned(),
                revision: None,
            },
        )
    });
    assert_eq!(code(nowhere), Code::NotFound);
}
