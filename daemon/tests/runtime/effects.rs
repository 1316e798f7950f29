//! HTTP and commands: outputs, limits, what may be reached.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::watch::{StreamRequest, StreamSource};
use serde_json::json;

use crate::bed::{Bed, dana};
use crate::server::Reply;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_its_arguments_unchanged_and_a_small_environment() {
    let bed = Bed::new().await;
    let run = bed
        .start_with(
            "do:
  - show:
      run:
        shell:
          command: 'printf \"%s|\" \"$@\"; cat; printf \"%s\" \"$GREETING\"; env | grep -c DIRIGENT_ >&2; test -z \"$CARGO\"'
          arguments: [ '${ .a }', '--b', '$(id)' ]
          stdin: '${ .text }'
          environment: { GREETING: hi }
        return: all
",
            json!({"a": "x; rm -rf ~\n`id`", "text": "in|"}),
        )
        .await;
    let output = bed.completed(run).await;
    assert_eq!(
        output,
        json!({"code": 0, "stdout": "x; rm -rf ~\n`id`|--b|$(id)|in|hi", "stderr": "4\n"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_says_so_and_shows_its_words_live() {
    let bed = Bed::new().await;
    let run = bed
        .start("do:\n  - bad: { run: { shell: { command: 'echo out; echo no such thing >&2; exit 3' } } }\n")
        .await;
    let error = bed.faulted(run).await;
    assert!(
        error["title"].as_str().unwrap().contains("exit code 3"),
        "{error:#}"
    );
    assert!(error["detail"].as_str().unwrap().contains("no such thing"));
    let page = bed
        .runtime
        .stream(StreamRequest {
            run,
            after: 0,
            wait_ms: 0,
        })
        .await;
    let text = |source| {
        let pieces = page.chunks.iter().filter(|chunk| chunk.source == source);
        pieces.map(|chunk| chunk.text.as_str()).collect::<String>()
    };
    assert_eq!(text(StreamSource::Stdout), "out\n");
    assert_eq!(text(StreamSource::Stderr), "no such thing\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_without_end_is_cut_and_a_flood_is_stopped() {
    let bed = Bed::with(Arc::new(|_, _| Reply::Cut), |settings| {
        settings.max_output_bytes = 1_000
    })
    .await;
    let run = bed
        .start("do:\n  - long: { run: { shell: { command: 'head -c 50000 /dev/zero | tr \"\\\\0\" x' } } }\n")
        .await;
    assert_eq!(bed.completed(run).await.as_str().unwrap().len(), 1_000);
    let run = bed
        .start("do:\n  - flood: { run: { shell: { command: 'cat /dev/zero' } } }\n")
        .await;
    assert_eq!(bed.faulted(run).await["title"], "Output limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_can_be_forbidden() {
    let bed = Bed::with(Arc::new(|_, _| Reply::Cut), |settings| settings.shell = false).await;
    let run = bed
        .start("do:\n  - no: { run: { shell: { command: 'touch /tmp/never' } } }\n")
        .await;
    let error = bed.faulted(run).await;
    assert_eq!(error["status"], 403);
    assert!(error["detail"].as_str().unwrap().contains("[run] shell"));
}

#[tokio::test(flavor = "multi_thread")]
async fn inner_addresses_are_not_reached() {
    let script = |path: &str, _: usize| match path {
        "/hop" => Reply::With(302, "", "location: http://127.0.0.1:1/inner\r\n".into()),
        _ => Reply::Json(200, "{}"),
    };
    let bed = Bed::with(Arc::new(script), |_| {}).await;
    let hop = bed.server.url("/hop");
    for (endpoint, redirect) in [
        ("http://127.0.0.1:1/", false),
        ("http://localhost:1/", false),
        ("http://2130706433:1/", false),
        ("http://[::ffff:127.0.0.1]:1/", false),
        ("http://169.254.169.254/latest/meta-data/", false),
        (hop.as_str(), true),
    ] {
        let run = bed
            .start(&format!(
                "do:\n  - go: {{ call: http, with: {{ method: get, endpoint: '{endpoint}', redirect: {redirect} }} }}\n"
            ))
            .await;
        assert_eq!(bed.faulted(run).await["status"], 403, "{endpoint}");
    }
    let run = bed
        .start(&format!(
            "do:\n  - go: {{ call: http, with: {{ method: get, endpoint: '{hop}' }} }}\n"
        ))
        .await;
    assert_eq!(
        bed.faulted(run).await["status"],
        302,
        "a redirect is an error unless it is asked for"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_a_known_failure_and_a_cut_one_is_unknown() {
    let script = |_: &str, count| {
        if count < 3 {
            Reply::Cut
        } else {
            Reply::Json(200, "7")
        }
    };
    let bed = Bed::with(Arc::new(script), |settings| {
        settings.egress_allow.push("127.0.0.1:9".into())
    })
    .await;
    let run = bed
        .start("do:\n  - go: { call: http, with: { method: get, endpoint: 'http://127.0.0.1:9/' } }\n")
        .await;
    assert_eq!(bed.faulted(run).await["status"], 503);
    assert_eq!(bed.count(run, "effect.unknown"), 0);
    let url = bed.server.url("/cut");
    let run = bed
        .start(&format!(
            "do:\n  - go: {{ call: http, with: {{ method: post, endpoint: '{url}' }} }}\n"
        ))
        .await;
    assert_eq!(bed.completed(run).await, json!(7));
    let mut keys = bed.server.keys("/cut");
    assert_eq!((keys.len(), bed.count(run, "effect.unknown")), (3, 2));
    keys.dedup();
    assert_eq!(keys.len(), 1, "the same key until an outcome is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_aborts_a_request_that_hangs() {
    let bed = Bed::with(Arc::new(|_, _| Reply::Hang), |_| {}).await;
    let url = bed.server.url("/hang");
    let run = bed
        .start(&format!(
            "do:\n  - go: {{ call: http, with: {{ method: get, endpoint: '{url}' }} }}\n"
        ))
        .await;
    bed.server.until("/hang", 1).await;
    let begun = std::time::Instant::now();
    bed.runtime.cancel(run, None, dana()).await.unwrap();
    bed.ended(run).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_too_large_for_a_record_is_a_failure_and_the_run_goes_on() {
    let bed = Bed::new().await;
    let fill = "head -c 700000 /dev/zero | tr \"\\0\" x";
    let run = bed
        .start(&format!(
            "do:
  - careful:
      try:
        - big: {{ run: {{ shell: {{ command: '{fill}; {fill} >&2' }}, return: all }} }}
      catch:
        errors: {{ with: {{ status: 413 }} }}
        do:
          - told: {{ set: {{ told: true }} }}
"
        ))
        .await;
    assert_eq!(bed.completed(run).await, json!({"told": true}));
}
