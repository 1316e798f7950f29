//! L: model servers that hang up, lie, flood or send elsewhere, seen from a run of an agent.

use std::io::Write;
use std::sync::atomic::Ordering;

use crate::liar::{DONE, Liar, OTHERS, PLAIN, answer, ask, ask_in, ask_of, http, laid, report, stream};
use crate::rules::{Bed, CANARY};

#[test]
fn an_answer_that_is_none_ends_the_step_by_name_after_a_few_tries() {
    for (id, answer) in [
        (
            "L02",
            http("200 OK", "content-type: text/html\r\n", b"<html>hello</html>"),
        ),
        (
            "L02",
            http("200 OK", "content-type: application/json\r\n", b"null"),
        ),
        ("L02", http("200 OK", "content-type: application/json\r\n", b"")),
    ] {
        let server = Liar::start(answer);
        let report = ask(id, &server);
        assert_eq!(report["status"], "faulted", "{id}: {report}");
        let error = report["error"].to_string();
        assert!(error.contains("bad_provider_response"), "{id}: {error}");
        let asked = server.asked.load(Ordering::SeqCst);
        assert!(asked <= 3, "{id}: asked {asked} times");
    }
}

#[test]
fn a_flood_is_cut_at_its_limit() {
    let line = vec![b'a'; 100 << 20];
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ";
    let report = ask("L04", &Liar::start([head.as_slice(), &line].concat()));
    assert_eq!(report["status"], "faulted", "L04: {report}");
}

#[test]
fn what_asking_again_cannot_cure_is_asked_once() {
    let long =
        br#"{"error":{"message":"maximum context length is 10 tokens","code":"context_length_exceeded"}}"#;
    let json = "content-type: application/json\r\n";
    let server = Liar::start(http("400 Bad Request", json, long));
    let report = ask("L14", &server);
    assert_eq!(report["status"], "faulted", "L14: {report}");
    assert!(
        report["error"].to_string().contains("context_too_long"),
        "L14: {report}"
    );
    assert_eq!(server.asked.load(Ordering::SeqCst), 1, "L14: asked again");
}

#[test]
fn a_window_that_is_full_loses_its_oldest_where_that_is_declared() {
    // L14: a server with room for two messages beside the instructions.
    let bytes = |head: &str| -> usize {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
    };
    let server = Liar::answering(move |head| {
        if bytes(head) < 700 {
            return answer("{\"content\":\"it fits\"}");
        }
        let long = br#"{"error":{"message":"maximum context length","code":"context_length_exceeded"}}"#;
        http("400 Bad Request", "content-type: application/json\r\n", long)
    });
    let bed = laid(
        "openai_chat",
        "L14",
        &server,
        "{prompt: 'Say it.', context: {when_full: drop_oldest}}",
    );
    let said = |n: u32| {
        format!(
            "{{role: user, parts: [{{type: text, content: 'question {n} {0}'}}]}}, \
             {{role: assistant, parts: [{{type: text, content: 'answer {n} {0}'}}]}}",
            "x".repeat(200)
        )
    };
    let history: Vec<String> = (0..6).map(said).collect();
    let text = format!(
        "document: {{dsl: '1.0.3', namespace: bad, name: long, version: '1.0.0'}}\n\
         do: [{{a: {{call: agent, with: {{agent: one, message: and now?, output: messages, history: [{}]}}}}}}]\n",
        history.join(", ")
    );
    let file = bed.home.write("long.yaml", &text);
    let report = bed
        .home
        .client(&["run", "-f", file.to_str().unwrap(), "--json"])
        .json();
    assert_eq!(report["output"]["answer"], "it fits", "L14: {report}");
    assert!(report["output"]["forgotten"].as_u64() >= Some(8), "L14: {report}");
    let asked = server.asked.load(Ordering::SeqCst);
    assert!((2..=6).contains(&asked), "L14: asked {asked} times");
}

#[test]
fn lies_end_by_name_in_every_dialect() {
    let page = || http("200 OK", "content-type: text/html\r\n", b"<html>hello</html>");
    let flood = || {
        let line = vec![b'a'; 2 << 20];
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ";
        [head.as_slice(), &line].concat()
    };
    for dialect in OTHERS {
        for (id, answer, code) in [
            ("L02", page(), "bad_provider_response"),
            ("L04", flood(), "answer_too_large"),
        ] {
            let report = ask_in(dialect, id, &Liar::start(answer));
            assert_eq!(report["status"], "faulted", "{id} {dialect}: {report}");
            assert!(
                report["error"].to_string().contains(code),
                "{id} {dialect}: {report}"
            );
        }
    }
}

#[test]
fn a_call_of_a_tool_that_was_not_offered_is_no_answer() {
    let called =
        br#"{"id":"a","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"tool_calls":
        [{"id":"1","function":{"name":"rm","arguments":"{}"}}]}}]}"#;
    let json = "content-type: application/json\r\n";
    let report = ask("L07", &Liar::start(http("200 OK", json, called)));
    assert_eq!(report["status"], "faulted", "L07: {report}");
    assert!(
        report["error"].to_string().contains("bad_provider_response"),
        "L07: {report}"
    );
}

/// A whole answer of a chat server.
#[test]
fn bytes_that_are_no_text_are_replaced_and_the_answer_says_so() {
    let mut body =
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"caf\xc3\xa9 \xff!\"}}]}\n\n".to_vec();
    body.extend_from_slice(
        b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    );
    let liar = Liar::start(http("200 OK", "content-type: text/event-stream\r\n", &body));
    let (report, events, _) = ask_of("openai_chat", "L05", &liar, PLAIN);
    assert_eq!(report["output"], "caf\u{e9} \u{fffd}!", "L05: {report}");
    assert!(
        events.contains("\"replaced_bytes\":true"),
        "L05: not flagged: {events}"
    );
}

#[test]
fn two_calls_with_one_id_are_no_answer() {
    let call =
        r#"{"id":"same","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"a\"}"}}"#;
    let liar = Liar::start(answer(&format!("{{\"tool_calls\":[{call},{call}]}}")));
    let agent = "{prompt: 'Read.', tools: [{file: {workspace: /tmp}}]}";
    let (report, ..) = ask_of("openai_chat", "L11", &liar, agent);
    assert_eq!(report["status"], "faulted", "L11: {report}");
    let error = report["error"].to_string();
    assert!(
        error.contains("bad_provider_response") && error.contains("one id"),
        "L11: {error}"
    );
}

#[test]
fn the_model_that_answered_is_recorded_whatever_was_asked() {
    let liar = Liar::start(answer("{\"content\":\"yes\"}"));
    let (report, events, _) = ask_of("openai_chat", "L16", &liar, PLAIN);
    assert_eq!(report["output"], "yes", "L16: {report}");
    assert!(
        events.contains("\"model\":\"another-model\""),
        "L16: not recorded: {events}"
    );
    // Pinned: it fails, and is not asked for again.
    let liar = Liar::start(answer("{\"content\":\"yes\"}"));
    let (report, ..) = ask_of(
        "openai_chat",
        "L16",
        &liar,
        "{prompt: 'Say it.', exact_model: true}",
    );
    assert_eq!(report["status"], "faulted", "L16: {report}");
    let error = report["error"].to_string();
    assert!(
        error.contains("another_model") && error.contains("another-model") && error.contains("any"),
        "L16: {error}"
    );
    assert_eq!(liar.asked.load(Ordering::SeqCst), 1, "L16: asked again");
}

#[test]
fn a_bomb_is_cut_while_it_is_unpacked() {
    let mut gzip = std::process::Command::new("gzip")
        .arg("-c")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let filling = std::thread::spawn(move || {
        input.write_all(b"data: ").unwrap();
        (0..256).for_each(|_| input.write_all(&vec![b'a'; 1 << 20]).unwrap());
    });
    let bomb = gzip.wait_with_output().unwrap().stdout;
    filling.join().unwrap();
    let head = "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n";
    let (report, ..) = ask_of(
        "openai_chat",
        "L19",
        &Liar::start(http("200 OK", head, &bomb)),
        PLAIN,
    );
    assert_eq!(report["status"], "faulted", "L19: {report}");
    assert!(
        report["error"].to_string().contains("answer_too_large"),
        "L19: {report}"
    );
}

/// A stream of a chat server that says these pieces, and how it ends.
/// A secret of the daemon that no provider was given.
const STORED: &str = "stored-9b1c0d7e5f";

#[test]
fn a_secret_that_comes_back_in_an_answer_is_taken_out() {
    let whole = format!("the key is {CANARY}, and {STORED}, is it not?");
    let (first, last) = whole.split_at(whole.find("-5f3a").unwrap());
    let json = serde_json::json!({ "content": whole }).to_string();
    for (way, said) in [
        ("whole", answer(&json)),
        // Cut inside the key: what streams is as clean as what is kept.
        ("streamed", stream(&[first, last], DONE)),
    ] {
        let liar = Liar::start(said);
        let bed = laid("openai_chat", "L22", &liar, PLAIN);
        let folder = bed.home.path("data/secrets");
        std::fs::create_dir_all(&folder).unwrap();
        let secret = folder.join("other");
        std::fs::write(&secret, STORED).unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let report = report(&bed, "L22");
        let clean = "the key is [key], and [secret], is it not?";
        assert_eq!(report["output"], clean, "L22 {way}: {report}");
        assert_eq!(
            bed.live(&report["run"]).0,
            clean,
            "L22 {way}: what was shown live"
        );
        let words = ["runs", "events", report["run"].as_str().unwrap(), "--json"];
        let events = bed.home.client(&words).stdout;
        assert!(
            events.contains("\"masked_key\":true") && !events.contains(STORED),
            "L22 {way}: {events}"
        );
        let noted = bed.audited("model.secret_masked");
        assert_eq!(noted.len(), 1, "L22 {way}: no security event");
        assert!(
            noted[0]["object"].as_str().unwrap().starts_with("liar/"),
            "L22 {way}: {noted:?}"
        );
        let log = bed.home.log();
        assert!(
            !log.contains(CANARY) && !log.contains(STORED),
            "L22 {way}:\n{log}"
        );
    }
}

/// L22's other half: what was streamed of an answer that does not count is not left where it was shown.
#[test]
fn half_an_answer_is_taken_back_when_another_model_is_asked() {
    let refusal = "data: {\"error\":{\"message\":\"no credit\",\"code\":\"insufficient_quota\"}}\n\n";
    let first = Liar::start(stream(&["half an ", "answ"], refusal));
    let second = Liar::start(stream(&["a whole ", "answer"], DONE));
    let provider = |name: &str, liar: &Liar| {
        format!(
            "[providers.{name}]\ndialect = \"openai_chat\"\nbase_url = \"http://{}/v1\"\n",
            liar.place
        )
    };
    let bed = Bed::start(
        &[first.place.clone(), second.place.clone()],
        &(provider("first", &first) + &provider("second", &second)),
    );
    let text = "kind: Agent\nmetadata: {name: one}\nspec: {prompt: go, model: first/any, fallback_models: [second/any]}\n---\n\
                document: {dsl: '1.0.3', namespace: bad, name: row, version: '1.0.0'}\n\
                do: [{a: {call: agent, with: {agent: one, input: {}}}}]\n";
    let file = bed.home.write("row.yaml", text);
    let applied = bed.home.client(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(applied.code, Some(0), "{applied:#?}");
    let report = report(&bed, "L22");
    assert_eq!(report["output"], "a whole answer", "L22: {report}");
    assert_eq!(
        bed.live(&report["run"]),
        ("a whole answer".to_owned(), true),
        "L22: what is left to see"
    );
}
