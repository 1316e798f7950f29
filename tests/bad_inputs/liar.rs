//! A server of models that says whatever a row wants it to say, and a daemon with an agent that asks it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::rules::{Bed, CANARY, Leaves};

/// A server that reads a request and sends what its head makes of it; counts the requests.
pub(crate) struct Liar {
    pub(crate) place: String,
    pub(crate) asked: Arc<AtomicUsize>,
}

impl Liar {
    /// The same bytes each time.
    pub(crate) fn start(answer: Vec<u8>) -> Self {
        Self::answering(move |_| answer.clone())
    }

    pub(crate) fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
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

pub(crate) fn http(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Wire dialects besides the first, which every row here is tried in.
pub(crate) const OTHERS: &[&str] = &[
    "openai_responses",
    "anthropic_messages",
    "gemini_generate_content",
];

pub(crate) fn ask(id: &str, server: &Liar) -> Value {
    ask_in("openai_chat", id, server)
}

pub(crate) fn ask_in(dialect: &str, id: &str, server: &Liar) -> Value {
    ask_of(dialect, id, server, "{prompt: 'Say {{ input.word }}.'}").0
}

/// What a run of an agent like that reports, with its events and the daemon's log.
pub(crate) fn ask_of(dialect: &str, id: &str, server: &Liar, agent: &str) -> (Value, String, String) {
    let bed = laid(dialect, id, server, agent);
    let report = report(&bed, id);
    let words = ["runs", "events", report["run"].as_str().unwrap(), "--json"];
    let events = bed.home.client(&words).stdout;
    (report, events, bed.home.log())
}

/// A daemon with an agent like that, and a workflow `row` that calls it.
pub(crate) fn laid(dialect: &str, id: &str, server: &Liar, agent: &str) -> Bed {
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
pub(crate) fn report(bed: &Bed, id: &str) -> Value {
    let output = bed.row(id, Leaves::ARun, || bed.home.client(&["run", "row", "--json"]));
    let report = output.json();
    bed.shows_nothing(id, &report["error"].to_string());
    let words = ["runs", "events", report["run"].as_str().unwrap(), "--json"];
    let events = bed.home.client(&words);
    assert!(!events.stdout.contains(CANARY), "{id}: the key is in the journal");
    report
}

pub(crate) fn answer(message: &str) -> Vec<u8> {
    let body = format!(
        "{{\"id\":\"a\",\"model\":\"another-model\",\"choices\":[{{\"index\":0,\"finish_reason\":\"stop\",\"message\":{message}}}]}}"
    );
    http("200 OK", "content-type: application/json\r\n", body.as_bytes())
}

pub(crate) const PLAIN: &str = "{prompt: 'Say it.'}";

pub(crate) fn stream(pieces: &[&str], end: &str) -> Vec<u8> {
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

pub(crate) const DONE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
