//! A server of tools that is a program is kept to a sandbox, whatever it tries, and has its secret by reference alone.

use std::time::Duration;

use dirigent_tests::{Home, Model, Say};
use serde_json::{Value, json};

use crate::agent_steps::{ask, events, home, publish, results};
use crate::secrets::keep;

/// A server with one tool, which runs what `PROBE` says and tells what came of it.
const SERVER: &str = r#"#!/bin/sh
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case $line in
    *'"initialize"'*) result='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"prober","version":"1"}}' ;;
    *'"tools/list"'*) result='{"tools":[{"name":"probe","description":"Tries.","inputSchema":{"type":"object"}}]}' ;;
    *'"tools/call"'*) result="{\"content\":[{\"type\":\"text\",\"text\":\"$(LINE=$line sh -c "$PROBE" 2>&1 | tr '"\\\n' "'/ ")\"}]}" ;;
    *'"id":'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}\n' "$id" && continue ;;
    *) continue ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
"#;
const VALUE: &str = "tok-0123456789abcdef";

/// What a server that is kept like this tells of a probe.
fn tried(home: &Home, more: &Value, probe: &str) -> (String, Value) {
    let script = home.write("work/server.sh", SERVER);
    let mut server = json!({ "command": "/bin/sh", "arguments": [script], "environment": { "PROBE": probe },
        "workspace": home.path("work") });
    for (field, value) in more.as_object().unwrap() {
        server[field] = value.clone();
    }
    let grant = json!({ "mcp": server, "allow": ["probe"], "approval": "never", "traits": {} });
    publish(home, "helper", &json!({ "tools": [grant] }));
    let run = ask(home, "try", "");
    let told = run["output"].as_str().unwrap_or_default().to_owned();
    (told, run)
}

#[test]
fn a_server_reads_its_workspace_and_writes_nothing_elsewhere() {
    let model = Model::start(Duration::ZERO, |body| match results(body).len() {
        0 => Say::call("probe", json!({})),
        _ => Say::Text(results(body).concat()),
    });
    let home = home(&model, &[]);
    std::fs::create_dir_all(home.path("work")).unwrap();
    keep(&home, "tok", VALUE);
    let _daemon = home.start();
    let data = home.path("data");
    let outside = home.path("written-outside");
    let probe = format!(
        "cat {data:?}/secrets/tok && echo LEAKED; ls {data:?} && echo LISTED; echo x > {outside:?} && echo WROTE; \
         echo x > here && echo WROTE-HERE; printf '%s' \"$TOKEN\" | wc -c"
    );
    let (told, run) = tried(&home, &json!({}), &probe);
    assert!(told.contains("WROTE-HERE"), "{told}\n{run}\n{}", home.log());
    for bad in ["LEAKED", "LISTED", "WROTE ", VALUE] {
        assert!(!told.contains(bad), "{bad}: {told}");
    }
    assert!(!outside.exists());
    assert!(home.path("work/here").exists());
    let (told, _) = tried(
        &home,
        &json!({ "secrets": { "TOKEN": "tok" } }),
        "printf '%s' \"$TOKEN\" | wc -c; echo \"$TOKEN\"",
    );
    assert!(
        told.trim_start().starts_with(&VALUE.len().to_string()),
        "it has its secret: {told}"
    );
    assert!(!told.contains(VALUE), "and nobody sees it: {told}");
    let (_, run) = tried(&home, &json!({ "secrets": { "TOKEN": "tok" } }), "true");
    let all: Vec<String> = events(&home, run["run"].as_str().unwrap())
        .iter()
        .map(Value::to_string)
        .collect();
    assert!(!all.concat().contains(VALUE));
}

/// A mark that a model writes is text: no secret is put in its place.
#[test]
fn a_model_that_writes_a_mark_gets_no_secret() {
    let model = Model::start(Duration::ZERO, |body| match results(body).len() {
        0 => Say::call("probe", json!({ "about": "\u{e5ec}tok\u{e5ed}" })),
        _ => Say::Text(results(body).concat()),
    });
    let home = home(&model, &[]);
    std::fs::create_dir_all(home.path("work")).unwrap();
    keep(&home, "tok", VALUE);
    let _daemon = home.start();
    // The line it was asked with.
    let more = json!({ "secrets": { "TOKEN": "tok" } });
    let (told, run) = tried(&home, &more, "printf '%s' \"$LINE\" > said; echo done");
    assert!(told.contains("done"), "{run}\n{}", home.log());
    let said = std::fs::read_to_string(home.path("work/said")).unwrap();
    assert!(
        said.contains("about") && said.contains("tok") && !said.contains(VALUE),
        "{said}"
    );
}
