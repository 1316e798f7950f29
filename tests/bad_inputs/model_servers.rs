//! L: model servers that hang up, lie, flood or send elsewhere, seen from a run of an agent.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::rules::{Bed, CANARY, Leaves};

/// A server that reads a request and sends the same bytes each time; counts the requests.
struct Liar {
    place: String,
    asked: Arc<AtomicUsize>,
}

impl Liar {
    fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut head = Vec::new();
                let mut bytes = [0; 4096];
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut bytes) {
                        Ok(read @ 1..) => head.extend_from_slice(&bytes[..read]),
                        _ => break,
                    }
                }
                count.fetch_add(1, Ordering::SeqCst);
                // The client hangs up when it has seen enough.
                drop(stream.write_all(&answer));
            }
        });
        Self { place, asked }
    }
}

fn http(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Wire dialects besides the first, which every row here is tried in.
const OTHERS: &[&str] = &[
    "openai_responses",
    "anthropic_messages",
    "gemini_generate_content",
];

fn ask(id: &str, server: &Liar) -> Value {
    ask_in("openai_chat", id, server)
}

fn ask_in(dialect: &str, id: &str, server: &Liar) -> Value {
    ask_of(dialect, id, server, "{prompt: 'Say {{ input.word }}.'}").0
}

/// What a run of an agent like that reports, with its events and the daemon's log.
fn ask_of(dialect: &str, id: &str, server: &Liar, agent: &str) -> (Value, String, String) {
    let place = &server.place;
    let bed = Bed::start(
        std::slice::from_ref(place),
        &format!(
            "[models]\ndefault = \"liar/any\"\n[providers.liar]\ndialect = \"{dialect}\"\n\
             base_url = \"http://{place}/v1\"\nkey_file = \"key\"\n"
        ),
    );
    let text = format!(
        "kind: Agent\nmetadata: {{name: one}}\nspec: {agent}\n---\n\
         document: {{dsl: '1.0.3', namespace: bad, name: row, version: '1.0.0'}}\n\
         do: [{{a: {{call: agent, with: {{agent: one, input: {{word: yes}}}}}}}}]\n"
    );
    let file = bed.home.write("row.yaml", &text);
    let file = file.to_str().unwrap().to_owned();
    assert_eq!(bed.home.client(&["apply", "-f", &file]).code, Some(0), "{id}");
    let output = bed.row(id, Leaves::ARun, || bed.home.client(&["run", "row", "--json"]));
    let report = output.json();
    bed.shows_nothing(id, &report["error"].to_string());
    let events = bed
        .home
        .client(&["runs", "events", report["run"].as_str().unwrap(), "--json"]);
    assert!(!events.stdout.contains(CANARY), "{id}: the key is in the journal");
    (report, events.stdout, bed.home.log())
}

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
    let wrong = br#"{"error":{"message":"no such key","code":"invalid_api_key"}}"#;
    let long =
        br#"{"error":{"message":"maximum context length is 10 tokens","code":"context_length_exceeded"}}"#;
    for (id, status, body, code) in [
        ("L13", "401 Unauthorized", wrong.as_slice(), ""),
        ("L14", "400 Bad Request", long.as_slice(), "context_too_long"),
    ] {
        let server = Liar::start(http(status, "content-type: application/json\r\n", body));
        let report = ask(id, &server);
        assert_eq!(report["status"], "faulted", "{id}: {report}");
        assert!(report["error"].to_string().contains(code), "{id}: {report}");
        assert_eq!(server.asked.load(Ordering::SeqCst), 1, "{id}: asked again");
    }
}

#[test]
fn a_key_is_not_carried_to_another_host() {
    let other = Liar::start(http("200 OK", "", b"{}"));
    let location = format!("location: http://{}/v1/chat/completions\r\n", other.place);
    let report = ask(
        "L17",
        &Liar::start(http("307 Temporary Redirect", &location, b"")),
    );
    assert_eq!(report["status"], "faulted", "L17: {report}");
    assert_eq!(
        other.asked.load(Ordering::SeqCst),
        0,
        "L17: the other host was asked"
    );
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
fn answer(message: &str) -> Vec<u8> {
    let body = format!(
        "{{\"id\":\"a\",\"model\":\"another-model\",\"choices\":[{{\"index\":0,\"finish_reason\":\"stop\",\"message\":{message}}}]}}"
    );
    http("200 OK", "content-type: application/json\r\n", body.as_bytes())
}

const PLAIN: &str = "{prompt: 'Say it.'}";

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

#[test]
fn a_key_that_comes_back_in_an_answer_is_taken_out() {
    let liar = Liar::start(answer(&format!(
        "{{\"content\":\"the key is {CANARY}, is it not?\"}}"
    )));
    let (report, events, log) = ask_of("openai_chat", "L22", &liar, PLAIN);
    assert_eq!(report["output"], "the key is [key], is it not?", "L22: {report}");
    assert!(
        events.contains("\"masked_key\":true"),
        "L22: not flagged: {events}"
    );
    assert!(
        log.contains("an answer held the key"),
        "L22: no line of it:\n{log}"
    );
    assert!(!log.contains(CANARY), "L22: the log has it:\n{log}");
}
