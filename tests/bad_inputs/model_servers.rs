//! L: model servers that hang up, lie, flood or send elsewhere, seen from a run of an agent.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dirigent_tests::{LONG, until};
use serde_json::Value;

use crate::rules::{Bed, CANARY, Leaves};

/// A server that reads a request and sends what its head makes of it; counts the requests.
struct Liar {
    place: String,
    asked: Arc<AtomicUsize>,
}

impl Liar {
    /// The same bytes each time.
    fn start(answer: Vec<u8>) -> Self {
        Self::answering(move |_| answer.clone())
    }

    fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
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
                drop(stream.write_all(&answer(&String::from_utf8_lossy(&head))));
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
    let bed = laid(dialect, id, server, agent);
    let report = report(&bed, id);
    let words = ["runs", "events", report["run"].as_str().unwrap(), "--json"];
    let events = bed.home.client(&words).stdout;
    (report, events, bed.home.log())
}

/// A daemon with an agent like that, and a workflow `row` that calls it.
fn laid(dialect: &str, id: &str, server: &Liar, agent: &str) -> Bed {
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
    bed
}

/// What a run of `row` reports.
fn report(bed: &Bed, id: &str) -> Value {
    let output = bed.row(id, Leaves::ARun, || bed.home.client(&["run", "row", "--json"]));
    let report = output.json();
    bed.shows_nothing(id, &report["error"].to_string());
    let words = ["runs", "events", report["run"].as_str().unwrap(), "--json"];
    let events = bed.home.client(&words);
    assert!(!events.stdout.contains(CANARY), "{id}: the key is in the journal");
    report
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
fn a_key_that_is_refused_is_waited_for_and_marked() {
    let server = Liar::answering(key_wanted);
    let bed = laid("openai_chat", "L13", &server, PLAIN);
    let started = bed.home.client(&["run", "row", "--detach", "--json"]).json();
    let run = started["run"].as_str().unwrap();
    let marks = until("L13: the key to be marked", LONG, || {
        let marks = bed.audited("model.key_refused");
        (!marks.is_empty()).then_some(marks)
    });
    assert_eq!(
        (&marks[0]["object"], &marks[0]["verdict"]),
        (&Value::from("liar/any"), &Value::from("denied")),
        "L13: {marks:?}"
    );
    assert!(!marks[0].to_string().contains(CANARY), "L13: {marks:?}");
    let show = || bed.home.client(&["runs", "show", run, "--json"]).json();
    assert_eq!(show()["status"], "running", "L13: {}", show());
    // The same key is not asked with again, however often it is looked at; another one is.
    let again = std::time::Instant::now();
    until("L13: a few looks", LONG, || {
        (again.elapsed() > std::time::Duration::from_secs(5)).then_some(())
    });
    assert_eq!(server.asked.load(Ordering::SeqCst), 1, "L13: asked again");
    bed.home.write("key", "sk-better-0123456789");
    let ended = until("L13: it to go on", LONG, || {
        let run = show();
        (run["status"] != "running").then_some(run)
    });
    assert_eq!(
        (&ended["status"], &ended["output"]),
        (&Value::from("completed"), &Value::from("yes")),
        "L13: {ended}"
    );
    assert_eq!(server.asked.load(Ordering::SeqCst), 2, "L13");
}

/// What a server says of every key but one.
fn key_wanted(head: &str) -> Vec<u8> {
    if head.contains("Bearer sk-better-0123456789") {
        return answer("{\"content\":\"yes\"}");
    }
    let wrong = br#"{"error":{"message":"no such key","code":"invalid_api_key"}}"#;
    http("401 Unauthorized", "content-type: application/json\r\n", wrong)
}

#[test]
fn a_key_that_comes_while_the_old_one_is_refused_is_noticed() {
    let place = Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let key = Arc::clone(&place);
    let server = Liar::answering(move |head| {
        let said = key_wanted(head);
        std::fs::write(key.get().unwrap(), "sk-better-0123456789").unwrap();
        said
    });
    let bed = laid("openai_chat", "L13", &server, PLAIN);
    place.set(bed.home.path("key")).unwrap();
    let report = report(&bed, "L13");
    assert_eq!(report["output"], "yes", "L13: {report}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 2, "L13");
}

#[test]
fn a_refused_key_does_not_hold_up_all_agents() {
    let server = Liar::answering(key_wanted);
    let bed = laid("openai_chat", "L13", &server, PLAIN);
    // Eight may be at work at once: half of them wait.
    let start = |_| bed.home.client(&["run", "row", "--detach", "--json"]).json();
    let runs: Vec<String> = (0..5)
        .map(start)
        .map(|started| started["run"].as_str().unwrap().to_owned())
        .collect();
    let with = |status: &str| {
        let shown = runs
            .iter()
            .map(|run| bed.home.client(&["runs", "show", run, "--json"]).json());
        shown.filter(|run| run["status"] == status).collect::<Vec<_>>()
    };
    until("L13: all keys to be marked", LONG, || {
        (bed.audited("model.key_refused").len() == 5).then_some(())
    });
    let lost = until("L13: one to be lost", LONG, || with("faulted").pop());
    assert!(
        lost["error"]["type"].to_string().contains("authentication"),
        "L13: {lost}"
    );
    assert_eq!(with("running").len(), 4, "L13");
    bed.home.write("key", "sk-better-0123456789");
    until("L13: the others to go on", LONG, || {
        (with("completed").len() == 4).then_some(())
    });
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
fn stream(pieces: &[&str], end: &str) -> Vec<u8> {
    let piece = |text: &&str| {
        let delta = serde_json::json!({ "content": text });
        let chunk =
            serde_json::json!({ "id": "a", "model": "any", "choices": [{ "index": 0, "delta": delta }] });
        format!("data: {chunk}\n\n")
    };
    let body: String = pieces.iter().map(piece).collect();
    let kind = "content-type: text/event-stream\r\n";
    http("200 OK", kind, format!("{body}{end}").as_bytes())
}

const DONE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
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
