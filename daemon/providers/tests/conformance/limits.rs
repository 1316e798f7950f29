//! Answers without end: closed at their limit, long before memory is.

use std::io::Write as _;

use dirigent_providers::{LimitKind, ModelErrorKind};

use crate::server::{Seen, Server, Step, events, open_events};
use crate::{hello, rig, script};

/// One chunk, many times, then a hang: the client must be the one to hang up.
fn flood(chunk: &[u8], times: usize) -> Vec<Step> {
    let mut steps = open_events(std::iter::repeat_n(chunk.to_vec(), times));
    steps.push(Step::Hang);
    steps
}

#[test]
fn a_line_of_two_mebibytes_is_refused_and_the_connection_closed() {
    for script in script::all() {
        let server = Server::start(vec![flood(&[b'x'; 65_536], 32)]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert!(
            matches!(
                error.kind,
                ModelErrorKind::TooLarge {
                    what: LimitKind::Line,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(!error.retryable());
        drop(server.request());
        assert!(matches!(server.seen(), Seen::HungUp));
    }
}

#[test]
fn endless_empty_events_are_refused() {
    for script in script::all() {
        let chunk = "data:\n\n".repeat(150_000);
        let server = Server::start(vec![flood(chunk.as_bytes(), 65)]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert!(
            matches!(
                error.kind,
                ModelErrorKind::TooLarge {
                    what: LimitKind::Body,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn a_gzip_bomb_is_refused_at_its_unpacked_size() {
    for script in script::all() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let line = [b": ".as_slice(), &[b'x'; 1_000], b"\n"].concat();
        for _ in 0..100_000 {
            encoder.write_all(&line).expect("memory");
        }
        let bomb = encoder.finish().expect("memory");
        assert!(bomb.len() < 1_000_000, "{} bytes", bomb.len());
        let mut steps = events([bomb]);
        steps[0] = Step::Head(
            200,
            "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n",
        );
        let server = Server::start(vec![steps]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert!(
            matches!(
                error.kind,
                ModelErrorKind::TooLarge {
                    what: LimitKind::Body,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn an_error_body_without_end_is_read_a_little() {
    for script in script::all() {
        let mut steps = vec![Step::Head(500, "")];
        steps.extend(std::iter::repeat_n(Step::Chunk(vec![b'e'; 65_536]), 64));
        let server = Server::start(vec![steps]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert!(
            matches!(error.kind, ModelErrorKind::Server { status: 500, .. }),
            "{error:?}"
        );
        assert!(error.detail.is_some_and(|detail| detail.chars().count() <= 301));
    }
}
