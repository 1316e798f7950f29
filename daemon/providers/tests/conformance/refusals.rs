//! Refusals: each becomes a kind that says whether and when to ask again.

use std::time::Duration;

use dirigent_providers::{ModelError, ModelErrorKind as K};

use crate::server::{Server, events, plain};
use crate::{KEY, hello, rig, rig_with, script};

fn refusal(script: &script::Script, status: u16, headers: &str, code: &str, message: &str) -> ModelError {
    let server = Server::start(vec![plain(status, headers, (script.error)(code, message))]);
    rig(script.dialect, server.address).refused(hello())
}

#[test]
fn a_rate_limit_says_when_to_come_back_and_the_second_try_answers() {
    for script in script::all() {
        let limited = plain(
            429,
            "retry-after: 7\r\n",
            (script.error)("rate_limit_exceeded", "slow down"),
        );
        let server = Server::start(vec![limited, events((script.stream)(&["Hello"], None))]);
        let rig = rig(script.dialect, server.address);
        let error = rig.refused(hello());
        assert_eq!(
            error.kind,
            K::RateLimited {
                retry_after: Duration::from_secs(7)
            }
        );
        assert!(error.retryable() && error.outcome_known() && error.usage.is_none());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(rig.ask(hello()).expect("second try").text(), "Hello");
        let keys: Vec<bool> = (0..2)
            .map(|_| server.request().headers.contains("idempotency-key: run-1"))
            .collect();
        assert_eq!(keys, [true, true]);

        for (header, seconds) in [
            ("retry-after: banana\r\n", 30),
            ("retry-after: 999999\r\n", 3_600),
            (
                "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\n",
                30,
            ),
            (
                "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:49 GMT\r\n",
                12,
            ),
            ("", 30),
        ] {
            let error = refusal(script, 429, header, "x", "x");
            assert_eq!(
                error.retry_after(),
                Some(Duration::from_secs(seconds)),
                "{header:?}"
            );
        }
    }
}

#[test]
fn failures_of_the_server_are_retryable_and_only_refusals_at_the_door_are_known() {
    for script in script::all() {
        for (status, known) in [(500, false), (502, false), (504, false), (503, true), (529, true)] {
            let error = refusal(script, status, "retry-after: 3\r\n", "server_error", "busy");
            let retry_after = Some(Duration::from_secs(3));
            assert_eq!(error.kind, K::Server { status, retry_after });
            assert_eq!(
                (error.retryable(), error.outcome_known()),
                (true, known),
                "{status}"
            );
            assert_eq!(error.detail.as_deref(), Some("busy"));
        }
    }
}

#[test]
fn a_refused_key_is_final_and_never_shown() {
    for script in script::all() {
        for status in [401, 403] {
            let error = refusal(
                script,
                status,
                "",
                "invalid_api_key",
                &format!("Incorrect key: {KEY} or sk-te***cdef"),
            );
            assert_eq!(
                (&error.kind, error.detail.as_deref()),
                (&K::AuthRefused { status }, None)
            );
            assert!(!error.retryable() && error.outcome_known());
        }
        // Another status that echoes the key: it is cut out of the words that are kept.
        let error = refusal(script, 400, "", "x", &format!("bad request with {KEY} in it"));
        assert_eq!(error.detail.as_deref(), Some("bad request with [key] in it"));
    }
}

#[test]
fn what_asking_again_cannot_cure_is_final() {
    for script in script::all() {
        let cases = [
            (400, "context_length_exceeded", K::ContextTooLong),
            (404, "model_not_found", K::UnknownModel),
            (429, "insufficient_quota", K::QuotaExhausted),
            (400, "invalid_request_error", K::BadRequest { status: 400 }),
        ];
        for (status, code, kind) in cases {
            let error = refusal(script, status, "", code, "no");
            assert_eq!(
                (&error.kind, error.retryable(), error.outcome_known()),
                (&kind, false, true),
                "{code}"
            );
        }
    }
}

#[test]
fn a_redirect_to_another_host_is_refused_and_nothing_is_sent_there() {
    for script in script::all() {
        for status in [301, 302, 303, 307, 308] {
            let other = Server::start(vec![plain(200, "", (script.whole)("stolen"))]);
            // Another port is another origin.
            let headers = format!("location: http://{}/v1{}\r\n", other.address, script.path);
            let server = Server::start(vec![plain(status, &headers, "")]);
            let error = rig(script.dialect, server.address).refused(hello());
            assert_eq!(
                error.kind,
                K::Redirected {
                    to: "127.0.0.1".into()
                },
                "{status}"
            );
            assert!(error.outcome_known() && other.saw_nothing(), "{status}");
        }
    }
}

#[test]
fn a_redirect_inside_the_origin_that_keeps_the_request_is_followed() {
    for script in script::all() {
        let moved = plain(307, "location: /v2/here\r\n", "");
        let server = Server::start(vec![moved, events((script.stream)(&["Hello"], None))]);
        let reply = rig(script.dialect, server.address).ask(hello()).expect("answer");
        assert_eq!(reply.text(), "Hello");
        drop(server.request());
        let second = server.request();
        assert_eq!(
            (second.path.as_str(), (script.asked)(&second).0.as_str()),
            ("/v2/here", "Say hello.")
        );
        let turned = plain(302, "location: /v2/here\r\n", "");
        let server = Server::start(vec![turned]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert!(
            matches!(error.kind, K::Redirected { .. }),
            "302 drops the body: {error:?}"
        );
    }
}

#[test]
fn a_key_that_cannot_be_had_is_named_and_nothing_is_sent() {
    for script in script::all() {
        let server = Server::start(vec![plain(200, "", (script.whole)("never"))]);
        let rig = rig_with(script.dialect, server.address, |settings| {
            settings.key_file = None;
            settings.key_env = Some("DIRIGENT_TEST_NO_SUCH_KEY".into());
        });
        let error = rig.refused(hello());
        assert!(
            matches!(error.kind, K::KeyUnavailable(_)) && error.outcome_known(),
            "{error:?}"
        );
        assert!(error.to_string().contains("DIRIGENT_TEST_NO_SUCH_KEY") && server.saw_nothing());
    }
}
