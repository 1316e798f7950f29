//! Time: every phase ends at its limit, and a cancel within a second.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use dirigent_providers::{CancelSignal, ConnectFault, ModelErrorKind as K, Phase, TokenSink};

use crate::server::{Seen, Server, Step, open_events};
use crate::{hello, rig, rig_with, run, script};

const SHORT: Duration = Duration::from_millis(200);

/// L01.
#[test]
fn each_phase_has_its_own_limit() {
    for script in script::all() {
        let begin = (script.begin)(&["Hel"]);
        let silent_after_accept = vec![Step::Hang];
        let mut silent_after_headers = open_events(Vec::<String>::new());
        silent_after_headers.push(Step::Hang);
        let mut silent_in_the_middle = open_events(begin.clone());
        silent_in_the_middle.push(Step::Hang);
        for (steps, phase, partial) in [
            (silent_after_accept, Phase::FirstByte, ""),
            (silent_after_headers, Phase::FirstByte, ""),
            (silent_in_the_middle, Phase::Silence, "Hel"),
        ] {
            let server = Server::start(vec![steps]);
            let mut request = hello();
            match phase {
                Phase::Silence => request.timeouts.silence = SHORT,
                _ => request.timeouts.first_byte = SHORT,
            }
            let error = rig(script.dialect, server.address).refused(request);
            assert_eq!(
                (&error.kind, error.partial.as_str()),
                (&K::Timeout { phase, after: SHORT }, partial)
            );
            assert!(error.retryable() && !error.outcome_known());
            drop(server.request());
            assert!(
                matches!(server.seen(), Seen::HungUp),
                "the connection must be closed"
            );
        }
    }
}

#[test]
fn a_drip_that_is_never_silent_ends_at_the_total() {
    for script in script::all() {
        let mut steps = open_events((script.begin)(&["Hel"]));
        for _ in 0..200 {
            steps.extend([
                Step::Pause(Duration::from_millis(20)),
                Step::Chunk(b": still here\n\n".to_vec()),
            ]);
        }
        let server = Server::start(vec![steps]);
        let mut request = hello();
        request.timeouts.total = Duration::from_millis(400);
        let error = rig(script.dialect, server.address).refused(request);
        assert_eq!(
            error.kind,
            K::Timeout {
                phase: Phase::Total,
                after: Duration::from_millis(400)
            }
        );
    }
}

#[test]
fn nobody_there_is_known_not_to_have_acted() {
    for script in script::all() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        let error = rig(script.dialect, address).refused(hello());
        assert_eq!(
            error.kind,
            K::Connect {
                fault: ConnectFault::Refused
            }
        );
        assert!(error.retryable() && error.outcome_known() && error.usage.is_none());
    }
}

#[test]
fn connecting_has_a_limit_of_its_own() {
    // A listener whose queue is full leaves further connections without an answer.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let socket = tokio::net::TcpSocket::new_v4().expect("socket");
    socket
        .bind("127.0.0.1:0".parse().expect("address"))
        .expect("bind");
    let address = socket.local_addr().expect("bound");
    let _listener = runtime.block_on(async { socket.listen(0) }).expect("listen");
    let full: Vec<TcpStream> = std::iter::from_fn(|| TcpStream::connect_timeout(&address, SHORT).ok())
        .take(16)
        .collect();
    assert!(full.len() < 16, "the queue never filled");
    for script in script::all() {
        let rig = rig_with(script.dialect, address, |settings| {
            settings.connect_timeout = SHORT
        });
        let error = rig.refused(hello());
        assert_eq!(
            error.kind,
            K::Timeout {
                phase: Phase::Connect,
                after: SHORT
            }
        );
        assert!(error.outcome_known());
    }
}

/// Cancels as soon as the first piece is there.
struct CancelOnFirst(CancelSignal);

impl TokenSink for CancelOnFirst {
    fn text(&self, _piece: &str) {
        self.0.cancel();
    }
}

#[test]
fn a_cancel_ends_the_call_and_the_connection_within_a_second() {
    for script in script::all() {
        let mut steps = open_events((script.begin)(&["Hel"]));
        steps.push(Step::Hang);
        let server = Server::start(vec![steps]);
        let rig = rig(script.dialect, server.address);
        let cancel = CancelSignal::new();
        let started = Instant::now();
        let error =
            run(rig.client.chat(hello(), &CancelOnFirst(cancel.clone()), cancel)).expect_err("cancelled");
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(
            (&error.kind, error.partial.as_str()),
            (&K::Cancelled { sent: true }, "Hel")
        );
        assert!(!error.retryable() && !error.outcome_known() && error.usage.is_some());
        drop(server.request());
        assert!(
            matches!(server.seen(), Seen::HungUp),
            "the provider must see the cancel"
        );
    }
}

#[test]
fn a_cancel_before_the_call_sends_nothing() {
    for script in script::all() {
        let server = Server::start(vec![vec![Step::Hang]]);
        let rig = rig(script.dialect, server.address);
        let cancel = CancelSignal::new();
        cancel.cancel();
        let error = run(rig.client.chat(hello(), &(), cancel)).expect_err("cancelled");
        assert_eq!(error.kind, K::Cancelled { sent: false });
        assert!(error.outcome_known() && server.saw_nothing());
    }
}
