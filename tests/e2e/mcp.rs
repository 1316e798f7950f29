//! `call: mcp` and `call: a2a`: the protocol's own reference server, and an agent that checks what it is asked.

use std::path::Path;
use std::process::Command;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use dirigent_tests::{Home, LONG, until};
use serde_json::{Value, json};

use crate::installed::{Served, free_port, from_npm, reference_server_alone, served};
use crate::standard::workflow;

const PACKAGE: &str = "@modelcontextprotocol/server-everything@2026.8.31";

fn run(home: &Home, name: &str, with: &str) -> Value {
    let file = workflow(
        home,
        name,
        &format!("do: [ {{ m: {{ call: mcp, with: {with} }} }} ]\n"),
    );
    let printed = home.client(&["run", "-f", &file, "--input", r#"{"say": "hällo"}"#, "--json"]);
    serde_json::from_str(&printed.stdout).unwrap_or_else(|_| panic!("{printed:#?}\n{}", home.log()))
}

/// The same questions over any transport.
fn questions(home: &Home, transport: &str) {
    let ask = |name: &str, method: &str, parameters: &str| {
        run(
            home,
            name,
            &format!("{{ method: '{method}', parameters: {parameters}, transport: {transport} }}"),
        )
    };
    let tools = ask("tools", "tools/list", "{}");
    let names: Vec<&str> = tools["output"]["tools"]
        .as_array()
        .unwrap_or_else(|| panic!("{tools}"))
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert!(names.contains(&"echo"), "{names:?}");
    let echo = ask(
        "echo",
        "tools/call",
        "{ name: echo, arguments: { message: '${ .say }' } }",
    );
    assert_eq!(echo["output"]["content"][0]["text"], "Echo: hällo", "{echo}");
    let unknown = ask("unknown", "tools/call", "{ name: no-such-tool, arguments: {} }");
    assert!(
        unknown["error"]["type"].as_str().unwrap().ends_with("/runtime"),
        "{unknown}"
    );
    let prompts = ask("prompts", "prompts/list", "{}");
    let first = prompts["output"]["prompts"][0]["name"]
        .as_str()
        .unwrap_or_else(|| panic!("{prompts}"));
    let prompt = ask("prompt", "prompts/get", &format!("{{ name: '{first}' }}"));
    assert!(
        prompt["output"]["messages"][0]["content"]["text"].is_string(),
        "{prompt}"
    );
    let resources = ask("resources", "resources/list", "{}");
    let uri = resources["output"]["resources"][0]["uri"]
        .as_str()
        .unwrap_or_else(|| panic!("{resources}"));
    let read = ask("read", "resources/read", &format!("{{ uri: '{uri}' }}"));
    assert!(read["output"]["contents"][0]["uri"].is_string(), "{read}");
    let templates = ask("templates", "resources/templates/list", "{}");
    assert!(templates["output"]["resourceTemplates"].is_array(), "{templates}");
}

fn serve(server: &Path) -> (Served, String) {
    let port = free_port();
    let place = format!("localhost:{port}");
    let mut command = Command::new(server);
    command.arg("streamableHttp").env("PORT", port.to_string());
    (served(&mut command, &place), place)
}

#[test]
fn the_reference_server_answers_over_both_transports() {
    let Some(server) = from_npm(PACKAGE, "mcp-server-everything") else {
        return;
    };
    let _alone = reference_server_alone();
    let (_served, place) = serve(&server);
    let home = Home::new(std::slice::from_ref(&place));
    let _daemon = home.start();
    let own = server.display();
    questions(&home, &format!("{{ stdio: {{ command: '{own}' }} }}"));
    questions(
        &home,
        &format!("{{ http: {{ endpoint: 'http://{place}/mcp' }} }}"),
    );
    let left = || {
        let out = Command::new("pgrep")
            .args(["-f", &format!("{own}$")])
            .output()
            .ok()?;
        out.stdout.is_empty().then_some(())
    };
    until("no server to be left", LONG, left);
}

#[test]
fn what_is_no_server_is_a_failure_that_says_so() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let with = |command: &str| {
        format!("{{ method: tools/list, timeout: PT20S, transport: {{ stdio: {{ command: {command} }} }} }}")
    };
    let missing = run(&home, "missing", &with("no-such-program"));
    assert_eq!(
        missing["error"]["title"], "The server cannot be started",
        "{missing}"
    );
    let silent = run(&home, "silent", &with("'true'"));
    assert!(
        silent["error"]["type"]
            .as_str()
            .unwrap()
            .ends_with("/communication"),
        "{silent}"
    );
}

/// An agent of A2A 1.0 under `/new`, of 0.3 under `/old`; both say what they were asked.
async fn agent(State(newer): State<bool>, headers: HeaderMap, Json(asked): Json<Value>) -> Response {
    let method = asked["method"].as_str().unwrap();
    let known = if newer {
        ["SendMessage", "SendStreamingMessage"]
    } else {
        ["message/send", "message/stream"]
    };
    let (id, said) = (&asked["id"], &asked["params"]["message"]);
    if !known.contains(&method) {
        let error = json!({ "code": -32601, "message": "there is no such method" });
        return Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })).into_response();
    }
    let told = json!({ "method": method, "role": said["role"], "id": said["messageId"], "text": said["parts"][0]["text"], "version": headers.get("a2a-version").map(|v| v.to_str().unwrap()) });
    if method.to_lowercase().contains("stream") {
        let event = |n: u8| {
            format!(
                "data: {}\n\n",
                json!({ "jsonrpc": "2.0", "id": id, "result": { "n": n } })
            )
        };
        let kind = [(axum::http::header::CONTENT_TYPE, "text/event-stream")];
        return (kind, event(1) + &event(2)).into_response();
    }
    let words = json!({ "messageId": "answer", "parts": [{ "data": told }] });
    let result = if newer { json!({ "message": words }) } else { words };
    Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
}

fn serve_agents() -> (tokio::runtime::Runtime, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let card = json!({
        "name": "echo", "supportedInterfaces": [{ "url": format!("http://{place}/new"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }],
    });
    let router = Router::new()
        .route("/card.json", get(move || async move { Json(card) }))
        .route("/new", post(agent).with_state(true))
        .route("/old", post(agent).with_state(false));
    drop(runtime.spawn(async move { axum::serve(listener, router).await }));
    (runtime, place)
}

#[test]
fn agents_of_both_versions_of_a2a_are_understood() {
    let (_runtime, place) = serve_agents();
    let home = Home::new(std::slice::from_ref(&place));
    let _daemon = home.start();
    let ask = |name: &str, with: &str| {
        let file = workflow(
            &home,
            name,
            &format!("do: [ {{ a: {{ call: a2a, with: {{ {with} }} }} }} ]\n"),
        );
        home.client(&["run", "-f", &file, "--json"]).json()
    };
    let message = "parameters: { message: { parts: [ { kind: text, text: hi } ] } }";
    let card = format!("agentCard: {{ endpoint: 'http://{place}/card.json' }}");
    let newer = ask("newer", &format!("method: message/send, {card}, {message}"));
    let told = &newer["output"]["message"]["parts"][0]["data"];
    assert_eq!(
        (&told["method"], &told["role"], &told["text"], &told["version"]),
        (
            &json!("SendMessage"),
            &json!("ROLE_USER"),
            &json!("hi"),
            &json!("1.0")
        ),
        "{newer}"
    );
    assert!(told["id"].is_string(), "{newer}");
    let older = ask(
        "older",
        &format!("method: message/send, server: 'http://{place}/old', {message}"),
    );
    let told = &older["output"]["parts"][0]["data"];
    assert_eq!(
        (&told["method"], &told["role"]),
        (&json!("message/send"), &json!("user")),
        "{older}"
    );
    let found_out = ask(
        "found-out",
        &format!("method: message/send, server: 'http://{place}/new', {message}"),
    );
    let told = &found_out["output"]["message"]["parts"][0]["data"];
    assert_eq!(told["method"], "SendMessage", "{found_out}");
    let stream = ask("stream", &format!("method: message/stream, {card}, {message}"));
    assert_eq!(stream["output"], json!([{ "n": 1 }, { "n": 2 }]), "{stream}");
    let no = ask(
        "no",
        &format!("method: tasks/get, {card}, parameters: {{ id: x }}"),
    );
    assert!(
        no["error"]["type"].as_str().unwrap().ends_with("/runtime"),
        "{no}"
    );
}
