//! Answers that come: streamed, whole, with and without usage, cut in odd places.

use dirigent_providers::{CancelSignal, FinishReason, Usage};

use crate::server::{Server, events, plain};
use crate::{KEY, Pieces, hello, rig, run, script};

#[test]
fn an_answer_streams_in_pieces_and_says_what_it_used() {
    for script in script::all() {
        let server = Server::start(vec![events((script.stream)(
            &["Hel", "lo ", "wörld"],
            Some((12, 4, 8)),
        ))]);
        let rig = rig(script.dialect, server.address);
        let pieces = Pieces::default();
        let reply = run(rig.client.chat(hello(), &pieces, CancelSignal::new())).expect("answer");
        assert_eq!(*pieces.0.lock().expect("lock"), ["Hel", "lo ", "wörld"]);
        assert_eq!(
            (reply.text().as_str(), &reply.finish_reason),
            ("Hello wörld", &FinishReason::Stop)
        );
        assert_eq!(
            reply.usage,
            Usage {
                input_tokens: 12,
                output_tokens: 4,
                cached_tokens: 8,
                ..Usage::default()
            }
        );
        assert_eq!(
            (reply.model.as_str(), reply.response_id.as_deref()),
            ("tiny-2026", Some("answer-1"))
        );
        assert_eq!(
            (reply.request_id.as_deref(), reply.rehearsal),
            (Some("req-1"), false)
        );

        let received = server.request();
        assert_eq!(received.path, format!("/v1{}", script.path));
        assert_eq!(
            (script.asked)(&received),
            ("Say hello.".into(), "tiny".into(), true)
        );
        assert!(received.headers.contains(KEY), "{}", received.headers);
        assert!(
            received.headers.contains("idempotency-key: run-1/step-2/1"),
            "{}",
            received.headers
        );
    }
}

#[test]
fn usage_the_provider_does_not_count_is_estimated_and_says_so() {
    for script in script::all() {
        let server = Server::start(vec![events((script.stream)(&["Hello", " there"], None))]);
        let usage = rig(script.dialect, server.address)
            .ask(hello())
            .expect("answer")
            .usage;
        assert!(
            usage.estimated && usage.input_tokens > 4 && usage.output_tokens == 2,
            "{usage:?}"
        );
    }
}

#[test]
fn a_server_that_does_not_stream_is_read_as_a_whole() {
    for script in script::all() {
        let body = (script.whole)("Hello");
        for label in [
            "content-type: application/json\r\n",
            "",
            "content-type: text/event-stream\r\n",
        ] {
            let server = Server::start(vec![plain(200, label, &body)]);
            let rig = rig(script.dialect, server.address);
            let pieces = Pieces::default();
            let reply = run(rig.client.chat(hello(), &pieces, CancelSignal::new())).expect("answer");
            assert_eq!(
                (reply.text().as_str(), reply.usage.output_tokens),
                ("Hello", 2),
                "{label:?}"
            );
            assert_eq!(*pieces.0.lock().expect("lock"), ["Hello"]);
        }
    }
}

#[test]
fn a_stream_may_be_cut_into_any_bytes() {
    let text = "grüße 世界 \u{1F600}";
    for script in script::all() {
        let stream = (script.stream)(&[text], Some((1, 1, 0))).concat();
        let bytes: Vec<Vec<u8>> = stream.bytes().map(|byte| vec![byte]).collect();
        let server = Server::start(vec![events(bytes)]);
        let reply = rig(script.dialect, server.address).ask(hello()).expect("answer");
        assert_eq!((reply.text().as_str(), reply.replaced_bytes), (text, false));
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_flagged() {
    for script in script::all() {
        let stream = (script.stream)(&["a~b"], None).concat();
        let bytes: Vec<u8> = stream
            .bytes()
            .map(|byte| if byte == b'~' { 0xFF } else { byte })
            .collect();
        let server = Server::start(vec![events([bytes])]);
        let reply = rig(script.dialect, server.address).ask(hello()).expect("answer");
        assert_eq!(
            (reply.text().as_str(), reply.replaced_bytes),
            ("a\u{FFFD}b", true)
        );
    }
}

#[test]
fn structured_output_is_asked_for_in_the_dialects_own_way_or_in_words() {
    for script in script::all() {
        let answer = || events((script.stream)(&["{}"], None));
        let complaint = (script.error)("invalid_request_error", script.unshaped);
        let server = Server::start(vec![answer(), plain(400, "", complaint), answer(), answer()]);
        let mut request = hello();
        request.response_schema = Some(
            serde_json::json!({"type": "object", "additionalProperties": false,
            "properties": {"unusual_name": {"type": "string"}}, "required": ["unusual_name"]}),
        );
        request.seed = Some(7);
        let first = rig(script.dialect, server.address);
        first.ask(request.clone()).expect("answer");
        let body = server.request().body;
        assert!((script.shaped)(&body), "{body}");
        assert_eq!(body.to_string().contains("\"seed\":7"), script.seeds, "{body}");

        // A server that does not know the way is told in words, at once the next time.
        let second = rig(script.dialect, server.address);
        second.ask(request.clone()).expect("answer");
        second.ask(request).expect("answer");
        for shaped in [true, false, false] {
            let body = server.request().body;
            assert_eq!((script.shaped)(&body), shaped, "{body}");
            assert!(body.to_string().contains("unusual_name"), "{body}");
        }
    }
}
