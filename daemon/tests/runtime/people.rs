//! Approvals, pause, cancel: what people decide counts once.

use std::time::Duration;

use dirigent_daemon::runtime::RuntimeError;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{ApprovalStatus, AuditLog, Kind, Notification, WorkflowApproval};
use dirigent_protocol::run::{Decision, Status};
use serde_json::json;

use crate::bed::{Bed, dana};

const ASK: &str = "do:
  - ask: { call: approval, with: { title: Publish?, show: { text: draft }, action: publish } }
  - after: { set: { got: '${ .payload }', decision: '${ .decision }' } }
";
const YES: Decision = Decision::Approve { edited: None };

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_hands_on_what_was_shown() {
    let bed = Bed::new().await;
    let run = bed.start(ASK).await;
    let (id, asked) = bed.asked(run).await;
    assert_eq!(
        (asked.title.as_str(), &asked.payload),
        ("Publish?", &json!({"text": "draft"}))
    );
    assert!(asked.expires_at.is_some());
    assert_eq!(bed.runtime.counts().approvals_pending, 1);
    bed.decide(id, &asked, YES).await.unwrap();
    assert_eq!(bed.completed(run).await["got"], json!({"text": "draft"}));
    let decided: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
    assert_eq!(
        (decided.status, decided.decided_by.as_deref()),
        (ApprovalStatus::Approved, Some("dana"))
    );
    assert_eq!(decided.decision_reason.as_deref(), Some("because"));
    assert_eq!(bed.runtime.counts().approvals_pending, 0);
    let audit: Vec<AuditLog> = bed.all(Kind::AuditLog);
    assert!(
        audit
            .iter()
            .any(|entry| entry.action == "approval.decide" && entry.object.ends_with(&id.to_string()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_payload_is_handed_on_and_a_denial_fails_the_step() {
    let bed = Bed::new().await;
    let run = bed.start(ASK).await;
    let (id, asked) = bed.asked(run).await;
    let edited = Decision::Approve {
        edited: Some(json!({"text": "better"})),
    };
    bed.decide(id, &asked, edited).await.unwrap();
    assert_eq!(bed.completed(run).await["got"], json!({"text": "better"}));
    let run = bed.start(ASK).await;
    let (id, asked) = bed.asked(run).await;
    bed.decide(id, &asked, Decision::Deny).await.unwrap();
    assert_eq!(bed.faulted(run).await["status"], 403);
    let told: Vec<Notification> = bed.all(Kind::Notification);
    assert!(
        told.iter().any(|note| note.about == format!("run/{run}")),
        "a fault is told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_decision_counts_and_the_others_learn_whose() {
    let bed = Bed::new().await;
    let run = bed.start(ASK).await;
    let (id, asked) = bed.asked(run).await;
    let all = futures::future::join_all((0..6).map(|_| bed.decide(id, &asked, YES))).await;
    let (won, lost): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for error in lost {
        let error = error.unwrap_err();
        assert!(
            matches!(&error, RuntimeError::AlreadyDecided { by, .. } if by == "dana"),
            "{error}"
        );
    }
    bed.completed(run).await;
    assert_eq!(bed.count(run, "approval.decided"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_something_else_is_stale() {
    let bed = Bed::new().await;
    let run = bed.start(ASK).await;
    let (id, _) = bed.asked(run).await;
    let other = Digest::of(&json!("something else"));
    let error = bed
        .runtime
        .decide(id, other, YES, None, dana())
        .await
        .unwrap_err();
    assert!(matches!(error, RuntimeError::Stale { .. }));
    assert_eq!(bed.count(run, "approval.decided"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_is_never_a_yes_and_an_approval_survives_a_crash() {
    let bed = Bed::new().await;
    let run = bed.start(ASK).await;
    let (id, asked) = bed.asked(run).await;
    let bed = bed.crash().await;
    assert_eq!(bed.runtime.counts().approvals_pending, 1);
    bed.forward(Duration::from_secs(73 * 3_600));
    assert_eq!(bed.faulted(run).await["status"], 408);
    let expired: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
    assert_eq!(expired.status, ApprovalStatus::Expired);
    let error = bed.decide(id, &asked, YES).await.unwrap_err();
    assert!(
        matches!(&error, RuntimeError::AlreadyDecided { status, .. } if status == "expired"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_leap_of_the_clock_an_approval_has_a_respite_that_timers_do_not() {
    let bed = Bed::new().await;
    let now = dirigent_daemon::clock::system()().as_millisecond();
    let held = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(now + 74 * 3_600_000));
    bed.runtime.heed(held);
    let run = bed.start(ASK).await;
    let (id, _) = bed.asked(run).await;
    let other = bed.start("do: [ { w: { wait: PT70H } } ]").await;
    bed.forward(Duration::from_secs(73 * 3_600));
    assert_eq!(bed.ended(other).await.status, Status::Completed);
    let asked: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
    assert_eq!(asked.status, ApprovalStatus::Pending);
    bed.forward(Duration::from_secs(2 * 3_600));
    assert_eq!(bed.faulted(run).await["status"], 408);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_withdrawn_with_its_run() {
    let bed = Bed::new().await;
    let run = bed.start(ASK).await;
    let (id, asked) = bed.asked(run).await;
    bed.runtime
        .cancel(run, Some("enough".into()), dana())
        .await
        .unwrap();
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    let withdrawn: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
    assert_eq!(withdrawn.status, ApprovalStatus::Withdrawn);
    assert!(bed.decide(id, &asked, YES).await.is_err());
    let error = bed.runtime.cancel(run, None, dana()).await.unwrap_err();
    assert!(
        matches!(
            error,
            RuntimeError::Ended {
                status: Status::Cancelled,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_begins_nothing_and_a_resumed_one_goes_on() {
    let bed = Bed::new().await;
    let gate = bed.dir.path().join("gate");
    let command = format!("until [ -e {} ]; do sleep 0.05; done; printf 1", gate.display());
    let run = bed
        .start(&format!(
            "do:\n  - one: {{ run: {{ shell: {{ command: '{command}' }} }} }}\n  - two: {{ call: noop }}\n"
        ))
        .await;
    bed.happens(run, "effect.intended", 1).await;
    bed.runtime.pause(run, dana()).await.unwrap();
    std::fs::write(&gate, "").unwrap();
    bed.happens(run, "effect.settled", 1).await;
    assert_eq!(
        bed.count(run, "effect.intended"),
        1,
        "what came back is recorded, nothing begins"
    );
    let bed = bed.crash().await;
    assert_eq!(bed.execution(run).status, Status::Suspended);
    bed.runtime.resume(run, dana()).await.unwrap();
    assert_eq!(bed.completed(run).await, json!("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_the_whole_process_group_and_starts_nothing() {
    let bed = Bed::new().await;
    let pids = bed.dir.path().join("pids");
    let command = format!(
        "trap \"\" TERM; sleep 600 & echo $! >> {p}; (setsid sleep 600 & echo $! >> {p}); echo $$ >> {p}; wait",
        p = pids.display()
    );
    let run = bed
        .start(&format!(
            "do:\n  - long: {{ run: {{ shell: {{ command: '{command}' }} }} }}\n  - never: {{ call: noop }}\n"
        ))
        .await;
    let read = || std::fs::read_to_string(&pids).unwrap_or_default();
    bed.until("the processes", |_| (read().lines().count() == 3).then_some(()))
        .await;
    bed.runtime.cancel(run, None, dana()).await.unwrap();
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    for pid in read().lines() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(
            stat.is_empty() || stat.contains(") Z "),
            "process {pid} is alive: {stat}"
        );
    }
    assert_eq!(bed.count(run, "effect.intended"), 1);
}
