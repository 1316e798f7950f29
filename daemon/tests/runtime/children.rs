//! Runs that runs start: only those that who started the first one may start.

use dirigent_daemon::clock;
use dirigent_daemon::records::{Actor, BOOTSTRAP_USER, DEFAULT_ORG, Draft};
use dirigent_daemon::runtime::StartRun;
use dirigent_protocol::command::Command;
use dirigent_protocol::entity::{
    Document, Kind, User, Visibility, Workflow, WorkflowExecution, WorkflowVersion,
};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::run::OnExceeded;
use serde_json::{Value, json};

use crate::bed::{Bed, dana};

const OUTER: &str =
    "do:\n  - sub: { run: { workflow: { namespace: tests, name: inner, version: '0.1.0' } } }\n";

fn spec<T: serde::Serialize>(body: &T) -> Value {
    serde_json::to_value(body).unwrap()
}

async fn user(bed: &Bed, id: EntityId, name: &str, body: User) {
    let draft = Draft::of(Kind::User, name, spec(&body)).id(id);
    bed.put_document(draft.document(clock::system()())).await;
}

/// A published workflow `inner` that only its owner sees.
async fn private(bed: &Bed) {
    let source = "document: { dsl: '1.0.3', namespace: tests, name: inner, version: '0.1.0' }\n\
                  do: [ { a: { set: { inner: true } } } ]\n";
    let workflow = dirigent_engine::load("inner.yaml", source).unwrap();
    let body = Workflow {
        source: source.into(),
        ..Workflow::default()
    };
    let mut draft: Document = Draft::of(Kind::Workflow, "inner", spec(&body)).document(clock::system()());
    draft.metadata.visibility = Visibility::Private;
    let draft = bed.put_document(draft).await;
    let version = WorkflowVersion {
        workflow: draft.metadata.id,
        workflow_name: "inner".into(),
        digest: workflow.digest().to_string(),
        version: "0.1.0".into(),
        number: 1,
        source: source.into(),
        document: (**workflow.definition()).clone(),
    };
    let version = Draft::of(Kind::WorkflowVersion, "", spec(&version));
    bed.put_document(version.document(clock::system()())).await;
}

async fn start_as(bed: &Bed, who: Actor) -> RunId {
    let start = StartRun {
        version: bed.publish(OUTER).await,
        input: json!({}),
        idempotency_key: None,
        labels: Default::default(),
        parent: None,
    };
    bed.runtime.start(start, who).await.unwrap().run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_starts_no_run_that_who_started_it_may_not_start() {
    let bed = Bed::new().await.guarded().await;
    let administrator = User {
        administrator: true,
        ..User::default()
    };
    user(&bed, BOOTSTRAP_USER, "dana", administrator).await;
    let eve = EntityId::new();
    user(&bed, eve, "eve", User::default()).await;
    private(&bed).await;
    let subject = Subject {
        user: eve,
        name: "eve".into(),
        org: DEFAULT_ORG,
        administrator: false,
    };
    let actor = Actor::of(subject, RequestId::new(), &Command::DaemonStop {});
    let refused = start_as(&bed, actor).await;
    let error = bed.faulted(refused).await;
    assert_eq!(error["status"], 403, "{error:#}");
    assert!(
        error["type"].as_str().unwrap().ends_with("/authorization"),
        "{error:#}"
    );
    assert_eq!(
        bed.all::<WorkflowExecution>(Kind::WorkflowExecution).len(),
        1,
        "nothing was started"
    );
    let allowed = start_as(&bed, dana()).await;
    assert_eq!(bed.completed(allowed).await, json!({ "inner": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_run_has_the_time_and_the_way_of_asking_that_are_around_it() {
    let bed = Bed::new().await;
    private(&bed).await;
    let text = OUTER.replace(
        "{ run:",
        "{ metadata: { dirigent: { budget: { usd: 0.50 } } }, run:",
    );
    let budget = "budget: { time: PT1H, on_exceeded: ask }";
    let version = bed.publish_with(budget, &text).await;
    let run = bed.begin(version, json!({}), None).await.unwrap().run;
    assert_eq!(bed.completed(run).await, json!({ "inner": true }));
    let all = bed.all::<WorkflowExecution>(Kind::WorkflowExecution);
    let child = all
        .iter()
        .find(|execution| execution.parent == Some(run))
        .unwrap();
    let limit = child.budget.as_ref().unwrap().limit;
    let left = limit.time_ms.unwrap();
    assert!((3_500_000..=3_600_000).contains(&left), "{left} ms");
    assert_eq!(limit.on_exceeded, OnExceeded::Ask);
    assert_eq!(limit.micro_usd, Some(500_000));
}
