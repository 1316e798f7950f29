//! Answers that break off, or that are none.

use dirigent_providers::{ModelErrorKind, ModelErrorKind as K};

use crate::server::{Server, Step, events, open_events, plain};
use crate::{hello, rig, script};

#[test]
fn a_cut_stream_keeps_its_text_as_partial_and_may_have_been_billed() {
    for script in script::all() {
        let server = Server::start(vec![open_events((script.begin)(&["Hel", "lo"]))]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert_eq!((&error.kind, error.partial.as_str()), (&K::Cut, "Hello"));
        assert!(error.retryable() && !error.outcome_known());
        assert!(
            error
                .usage
                .is_some_and(|usage| usage.estimated && usage.output_tokens > 0)
        );
        // A server that ends its body politely in mid-answer is not believed either.
        let server = Server::start(vec![events((script.begin)(&["Hel"]))]);
        assert_eq!(rig(script.dialect, server.address).refused(hello()).kind, K::Cut);
    }
}

#[test]
fn a_connection_closed_before_any_answer_is_cut() {
    for script in script::all() {
        let server = Server::start(vec![vec![]]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert_eq!(error.kind, K::Cut);
        assert!(!error.outcome_known(), "the request had gone out");
    }
}

#[test]
fn what_is_no_answer_is_a_bad_response_and_retried_twice_at_most() {
    for script in script::all() {
        let mut malformed = (script.begin)(&["ok"]);
        malformed.push("data: {\"choices\": [tru\n\n".into());
        let json = "content-type: application/json\r\n";
        let whole = (script.whole)("Hello");
        let bodies = [
            events(malformed),
            plain(
                200,
                "content-type: text/html\r\n",
                "<html><body>It works!</body></html>",
            ),
            plain(200, json, ""),
            plain(200, json, "null"),
            plain(200, json, "[]"),
            plain(200, json, "{}"),
            plain(200, json, &whole[..whole.len() / 2]),
            events(["data: [DONE]\n\n"]),
        ];
        for (index, body) in bodies.into_iter().enumerate() {
            let server = Server::start(vec![body]);
            let error = rig(script.dialect, server.address).refused(hello());
            assert!(
                matches!(error.kind, ModelErrorKind::BadResponse { .. }),
                "body {index}: {error:?}"
            );
            assert_eq!(
                (error.retryable(), error.max_retries(), error.outcome_known()),
                (true, Some(2), false)
            );
            assert!(error.help().contains("base_url"), "{}", error.help());
        }
    }
}

#[test]
fn an_error_inside_the_stream_is_an_error() {
    for script in script::all() {
        let mut stream = (script.begin)(&["Hel"]);
        stream.push(format!(
            "data: {}\n\n",
            (script.failure)("server_error", "the model \u{7} crashed")
        ));
        let server = Server::start(vec![events(stream)]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert_eq!(
            error.kind,
            K::Server {
                status: 500,
                retry_after: None
            }
        );
        assert_eq!(
            (error.detail.as_deref(), error.partial.as_str()),
            (Some("the model crashed"), "Hel")
        );
    }
}

#[test]
fn a_body_that_cannot_be_decompressed_is_a_bad_response() {
    for script in script::all() {
        let head = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
        let server = Server::start(vec![plain(200, head, "this is no gzip at all, not even close")]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert!(matches!(error.kind, K::BadResponse { .. }), "{error:?}");
        let server = Server::start(vec![vec![Step::Send(b"HTTP/1.1 banana\r\n\r\n".to_vec())]]);
        let error = rig(script.dialect, server.address).refused(hello());
        assert!(matches!(error.kind, K::BadResponse { .. } | K::Cut), "{error:?}");
    }
}

#[test]
fn an_error_before_the_first_word_is_a_refusal_at_the_door() {
    for script in script::all() {
        for (code, seconds) in [("overloaded_error", None), ("rate_limit_error", Some(30))] {
            let stream = [format!("data: {}\n\n", (script.failure)(code, "busy"))];
            let server = Server::start(vec![events(stream)]);
            let error = rig(script.dialect, server.address).refused(hello());
            let kind = match seconds {
                Some(seconds) => K::RateLimited {
                    retry_after: std::time::Duration::from_secs(seconds),
                },
                None => K::Server {
                    status: 529,
                    retry_after: None,
                },
            };
            assert_eq!(error.kind, kind, "{}", script.dialect);
            assert!(error.outcome_known() && error.passes() && error.elsewhere() && error.usage.is_none());
        }
    }
}

#[test]
fn a_bare_error_is_understood_in_every_dialect() {
    for script in script::all() {
        let mut stream = (script.begin)(&["Hel"]);
        stream.push("data: {\"error\":{\"code\":500,\"message\":\"out of memory\"}}\n\n".into());
        let server = Server::start(vec![events(stream)]);
        let error = rig(script.dialect, server.address).refused(hello());
        let status = K::Server {
            status: 500,
            retry_after: None,
        };
        assert_eq!(
            (&error.kind, error.detail.as_deref()),
            (&status, Some("out of memory"))
        );
        assert!(!error.elsewhere(), "part of an answer had come");
    }
}
