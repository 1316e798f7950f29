//! An agent's loop under deaths: at every commit of a conversation with two tools side by side, before and behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_daemon::records::DEFAULT_ORG;
use dirigent_protocol::command::Prune;
use dirigent_protocol::entity::{Agent, AgentTool, FileTool, HttpTool};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{ApprovalClass, EventBody, Status, Traits};
use futures::FutureExt;
use serde_json::json;

use crate::bed::{Bed, dana};
use crate::failpoints::{Dying, Moment, commit};
use crate::server::Reply;
use crate::through::Through;

const CALL: &str = "do:\n  - a: { call: agent, with: { agent: helper, input: { task: look } } }\n";
const CHAT: &str = "/v1/chat/completions";

/// What the model says at each turn; the turn stands at the end of the request's key.
fn model(key: &str) -> String {
    let call = |n: usize, name: &str, arguments: serde_json::Value| json!({ "id": format!("c{n}"), "type": "function", "function": { "name": name, "arguments": arguments.to_string() } });
    let message = if key.ends_with("-t1") {
        json!({ "role": "assistant", "content": null, "tool_calls": [ call(0, "count", json!({})) ] })
    } else if key.ends_with("-t2") {
        json!({ "role": "assistant", "content": "the end" })
    } else {
        json!({ "role": "assistant", "content": null, "tool_calls": [
            call(0, "count", json!({})), call(1, "read_file", json!({ "path": "a.txt" })),
        ] })
    };
    let finish = if message["content"].is_null() {
        "tool_calls"
    } else {
        "stop"
    };
    json!({
        "id": "c", "model": "tiny",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": { "prompt_tokens": 5, "completion_tokens": 2 },
    })
    .to_string()
}

async fn bed() -> Bed {
    let script = |path: &str, _: usize| match path {
        CHAT => Reply::Keyed(model),
        _ => Reply::Json(200, r#"{"counted":true}"#),
    };
    let bed = Bed::with(Arc::new(script), |settings| settings.max_crashes = 1_000).await;
    let work = bed.dir.path().join("work");
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("a.txt"), "text").unwrap();
    let free = AgentTool {
        approval: Some(ApprovalClass::Never),
        traits: Some(Traits::default()),
        on_unknown: Some(dirigent_protocol::run::OnUnknown::Retry),
        ..AgentTool::default()
    };
    let agent = Agent {
        model: "local/tiny".into(),
        prompt: "{{ input.task }}".into(),
        tools: vec![
            AgentTool {
                file: Some(FileTool {
                    workspace: work.to_str().unwrap().into(),
                    write: false,
                }),
                ..free.clone()
            },
            AgentTool {
                http: Some(HttpTool {
                    name: "count".into(),
                    method: "POST".into(),
                    uri: bed.server.url("/n"),
                    ..HttpTool::default()
                }),
                ..free
            },
        ],
        ..Agent::default()
    };
    bed.agent("helper", agent).await;
    bed
}

/// How often each key reached the outside.
fn outside(bed: &Bed) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for path in [CHAT, "/n"] {
        for key in bed.server.keys(path) {
            *seen.entry(key).or_insert(0) += 1;
        }
    }
    seen
}

/// Keys of effects whose outcome is stored.
fn stored(bed: &Bed, run: RunId) -> Vec<String> {
    let mut keys = BTreeMap::new();
    let mut settled = Vec::new();
    for event in bed.events(run) {
        match event.body {
            EventBody::EffectIntended { effect, key, .. } => drop(keys.insert(effect, key)),
            EventBody::EffectSettled { effect, .. } => settled.extend(keys.remove(&effect)),
            _ => {}
        }
    }
    settled
}

fn check(bed: &Bed, run: RunId, at: &str) {
    assert_eq!(
        bed.execution(run).status,
        Status::Completed,
        "{at}: {:?}",
        bed.names(run)
    );
    assert_eq!(bed.count(run, "effect.settled"), 6, "{at}: {:?}", bed.names(run));
    let seen = outside(bed);
    assert_eq!(seen.len(), 5, "{at}: three turns and two requests, {seen:?}");
    let took = bed.runtime.agent_use(DEFAULT_ORG, "helper").unwrap();
    assert_eq!(
        (took.runs, took.uses, took.failures, took.complete),
        (1, 1, 0, true),
        "{at}: {took:?}"
    );
    assert_eq!(took.usage, bed.execution(run).usage, "{at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_took_is_counted_by_run_and_goes_with_its_runs() {
    let bed = bed().await;
    let nothing = bed.runtime.agent_use(DEFAULT_ORG, "helper").unwrap();
    assert_eq!((nothing.runs, nothing.last_used_at), (0, None));
    let version = bed.publish(CALL).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        let run = bed.begin(version.clone(), json!({}), None).await.unwrap().run;
        bed.ended(run).await;
        runs.push(run);
    }
    let took = bed.runtime.agent_use(DEFAULT_ORG, "helper").unwrap();
    assert_eq!((took.runs, took.uses, took.usage.calls), (3, 3, 9), "{took:?}");
    assert_eq!(
        took.last_used_at,
        took.last_used_at.max(bed.execution(runs[2]).started_at)
    );
    let other = bed.runtime.agent_use(DEFAULT_ORG, "help").unwrap();
    assert_eq!(other.runs, 0, "another name is another agent");
    let one = Prune {
        keep: Some(2),
        ..Prune::default()
    };
    assert_eq!(
        bed.runtime.prune(&one, None, false, &dana()).await.unwrap().runs,
        1
    );
    let left = bed.runtime.agent_use(DEFAULT_ORG, "helper").unwrap();
    assert_eq!((left.runs, left.usage.calls), (2, 6), "{left:?}");
}

async fn story(bed: &Bed) -> RunId {
    let version = bed.publish(CALL).await;
    let run = bed.begin(version, json!({}), Some("one")).await.unwrap().run;
    bed.ended(run).await;
    run
}

async fn dies_at(at: i64, moment: Moment) -> bool {
    let bed = bed().await;
    let dying = Dying::at(at, moment);
    let through = dying.clone();
    let hand = Box::new(move |store, txn| commit(through.clone(), store, txn).boxed());
    let bed = bed.through(|inner| Arc::new(Through { inner, hand })).await;
    tokio::select! {
        run = story(&bed) => {
            check(&bed, run, "without a death");
            return false;
        }
        () = dying.died.notified() => {}
    }
    drop(dying);
    let bed = bed.crash().await;
    let run = story(&bed).await;
    check(&bed, run, &format!("dead {moment:?} commit {at}"));
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_any_commit_of_a_conversation_loses_nothing_and_does_nothing_twice() {
    for moment in [Moment::Before, Moment::Behind] {
        let mut at = 0;
        while dies_at(at, moment).await {
            at += 1;
        }
        // What two calls side by side came to may be in one commit.
        assert!(at >= 5, "{at} commits are too few for this story");
        println!("{at} deaths {moment:?} a commit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_asked_for_once_whatever_dies() {
    let mut bed = bed().await;
    let version = bed.publish(CALL).await;
    let run = bed.begin(version, json!({}), Some("one")).await.unwrap().run;
    for deaths in 0..12 {
        let settled = stored(&bed, run);
        let before = outside(&bed);
        if bed.execution(run).status.is_final() {
            break;
        }
        bed.until("another event, or the end", |bed| {
            let more = stored(bed, run).len() > settled.len();
            (more || bed.execution(run).status.is_final()).then_some(())
        })
        .await;
        bed = bed.crash().await;
        let after = outside(&bed);
        for key in settled {
            assert_eq!(
                before.get(&key),
                after.get(&key),
                "death {deaths}: {key} went out again"
            );
        }
    }
    bed.ended(run).await;
    check(&bed, run, "after all deaths");
}
