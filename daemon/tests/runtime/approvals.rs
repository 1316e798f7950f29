//! What goes along with a decision: rules, stopping the run, questions to an agent.

use std::sync::{Arc, Mutex};

use dirigent_daemon::clock;
use dirigent_daemon::records::{Draft, decode_event, put};
use dirigent_daemon::runtime::{Answer, RuntimeError};
use dirigent_protocol::command::{Also, CommandReply};
use dirigent_protocol::entity::{
    Agent, ApprovalRule, ApprovalStatus, AuditLog, Kind, RuleAnswer, RuleScope, WorkflowApproval,
};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Consequence, Decision, EventBody, Status};
use dirigent_store::{Store, Txn};
use futures::future::FutureExt;
use serde_json::json;

use crate::bed::{Bed, dana};
use crate::through::Through;

const ASK: &str = "do:
  - ask: { call: approval, with: { title: Publish?, show: { text: '${ .text }' }, action: publish, risk: low } }
  - after: { set: { decision: '${ .decision }', by: '${ .by }' } }
";
const YES: Decision = Decision::Approve { edited: None };

fn rule(scope: RuleScope) -> Option<Also> {
    let name = Some("mine".to_owned());
    Some(Also::AddRule { scope, name })
}

impl Bed {
    async fn answer(
        &self,
        id: EntityId,
        asked: &WorkflowApproval,
        decision: Decision,
        also: Option<Also>,
    ) -> Result<CommandReply, RuntimeError> {
        let answer = Answer {
            approval: id,
            digest: asked.digest.parse().unwrap(),
            decision,
            reason: Some("because".into()),
            also,
        };
        self.runtime.decide_also(answer, dana()).await
    }

    async fn ask_for(&self, text: &str) -> (RunId, EntityId, WorkflowApproval) {
        let run = self.start_with(ASK, json!({ "text": text })).await;
        let (id, asked) = self.asked(run).await;
        (run, id, asked)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_answers_what_waits_and_what_comes_and_its_name_stands_everywhere() {
    let bed = Bed::new().await;
    let (first, id, asked) = bed.ask_for("one").await;
    let (other, ..) = bed.ask_for("two").await;
    let (same, ..) = bed.ask_for("one").await;
    let reply = bed.answer(id, &asked, YES, rule(RuleScope::Shape)).await.unwrap();
    let CommandReply::Ruled { rule, covers } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!((rule.as_str(), covers), ("mine", 2));
    for run in [first, other, same] {
        assert_eq!(bed.completed(run).await["decision"], "approved");
    }
    let later = bed.start_with(ASK, json!({ "text": "three" })).await;
    assert_eq!(bed.completed(later).await["by"], "rule:mine");
    let decided: Vec<WorkflowApproval> = bed.all(Kind::WorkflowApproval);
    let by_rule = decided
        .iter()
        .filter(|one| one.decided_by.as_deref() == Some("rule:mine"));
    assert_eq!(by_rule.count(), 3);
    let audit: Vec<AuditLog> = bed.all(Kind::AuditLog);
    let noted = |subject: &str, action: &str| {
        audit
            .iter()
            .filter(|one| one.subject == subject && one.action == action)
            .count()
    };
    assert_eq!(noted("rule:mine", "approval.decide"), 3);
    assert_eq!(
        (noted("dana", "approval.decide"), noted("dana", "create")),
        (1, 1)
    );
    let rules: Vec<ApprovalRule> = bed.all(Kind::ApprovalRule);
    assert_eq!(
        (rules[0].created_by.as_str(), rules[0].created_from),
        ("dana", Some(id))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_this_covers_nothing_else_and_a_denial_wins() {
    let bed = Bed::new().await;
    let (_, id, asked) = bed.ask_for("one").await;
    let reply = bed.answer(id, &asked, YES, rule(RuleScope::Exact)).await.unwrap();
    assert!(matches!(reply, CommandReply::Ruled { covers: 0, .. }));
    let again = bed.start_with(ASK, json!({ "text": "one" })).await;
    bed.completed(again).await;
    let (other, id, asked) = bed.ask_for("two").await;
    let also = Some(Also::AddRule {
        scope: RuleScope::Shape,
        name: None,
    });
    bed.answer(id, &asked, Decision::Deny, also).await.unwrap();
    assert_eq!(bed.faulted(other).await["status"], 403);
    let third = bed.start_with(ASK, json!({ "text": "one" })).await;
    let error = bed.faulted(third).await;
    assert!(error["detail"].as_str().unwrap().contains("because"), "{error}");
    let rules: Vec<ApprovalRule> = bed.all(Kind::ApprovalRule);
    assert_eq!(
        rules.iter().map(|rule| rule.answer).collect::<Vec<_>>(),
        [RuleAnswer::Allow, RuleAnswer::Deny]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rule_for_high_risks_edits_and_names_that_are_taken_and_then_nothing_is_decided() {
    let bed = Bed::new().await;
    let high = ASK.replace("risk: low", "risk: high");
    let run = bed.start_with(&high, json!({ "text": "one" })).await;
    let (id, asked) = bed.asked(run).await;
    let error = bed
        .answer(id, &asked, YES, rule(RuleScope::Exact))
        .await
        .unwrap_err();
    assert!(matches!(error, RuntimeError::NotAlso(_)), "{error}");
    let (_, low, shown) = bed.ask_for("one").await;
    let edited = Decision::Approve {
        edited: Some(json!({})),
    };
    let error = bed.answer(low, &shown, edited, rule(RuleScope::Exact)).await;
    assert!(matches!(error, Err(RuntimeError::NotAlso(_))));
    bed.answer(low, &shown, YES, rule(RuleScope::Exact))
        .await
        .unwrap();
    let (_, next, shown) = bed.ask_for("two").await;
    let error = bed.answer(next, &shown, YES, rule(RuleScope::Shape)).await;
    assert!(matches!(error, Err(RuntimeError::Commit(_))), "the name is taken");
    for id in [id, next] {
        let waits: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
        assert_eq!(waits.status, ApprovalStatus::Pending);
    }
    assert_eq!(bed.all::<ApprovalRule>(Kind::ApprovalRule).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_between_request_and_rule_is_made_up_for() {
    let bed = Bed::new().await;
    let (run, id, asked) = bed.ask_for("one").await;
    let like = ApprovalRule {
        created_by: "dana".into(),
        ..ApprovalRule::like(&asked, RuleScope::Exact, RuleAnswer::Allow)
    };
    let mut off = like.clone();
    (off.enabled, off.answer) = (false, RuleAnswer::Deny);
    bed.put_rule("off", &off).await;
    bed.put_rule("on", &like).await;
    assert_eq!(
        bed.find::<WorkflowApproval>(Kind::WorkflowApproval, id).status,
        ApprovalStatus::Pending
    );
    let bed = bed.crash().await;
    assert_eq!(bed.completed(run).await["by"], "rule:on");
    assert_eq!(bed.count(run, "approval.decided"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deny_and_stop_is_one_commit_and_nothing_begins_after_it() {
    let bed = Bed::new().await;
    let text = ASK.replace("risk: low", "on_deny: continue");
    let run = bed.start_with(&text, json!({ "text": "one" })).await;
    let (id, asked) = bed.asked(run).await;
    assert_eq!(asked.on_deny, Consequence::GoesOn);
    let before = bed.store.head();
    bed.answer(id, &asked, Decision::Deny, Some(Also::StopRun {}))
        .await
        .unwrap();
    assert_eq!(bed.store.head().0, before.0 + 1, "one commit");
    assert_eq!(bed.ended(run).await.status, Status::Cancelled);
    let names = bed.names(run);
    let end = names.iter().position(|name| *name == "approval.decided").unwrap();
    assert!(!names[end..].contains(&"task.started"), "{names:?}");
    let denied: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
    assert_eq!(
        (denied.status, denied.stopped_run),
        (ApprovalStatus::Denied, true)
    );
    let (_, id, asked) = bed.ask_for("x").await;
    let error = bed.answer(id, &asked, YES, Some(Also::StopRun {})).await;
    assert!(
        matches!(error, Err(RuntimeError::NotAlso(_))),
        "a yes stops nothing"
    );
}

const WITH_AGENT: &str = "do:
  - draft: { call: agent, with: { agent: writer, input: { text: 'Disk sda1 is full since 18:02. Nobody noticed.' } } }
  - ask: { call: approval, with: { title: Publish?, action: publish, before: old words } }
";

fn writer() -> Agent {
    Agent {
        model: "rehearsal/rehearsal".into(),
        system: "You write about {{ input.text }}".into(),
        prompt: "Summarise this text:\n\n{{ input.text }}".into(),
        ..Agent::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_by_the_last_agent_and_the_answer_stands_on_the_approval() {
    let bed = Bed::new().await;
    bed.agent("writer", writer()).await;
    let run = bed.start(WITH_AGENT).await;
    let (id, asked) = bed.asked(run).await;
    assert_eq!(asked.before, Some(json!("old words")));
    let digest = asked.digest.parse().unwrap();
    let answers = bed
        .runtime
        .ask_agent(id, digest, " Since when is the disk full? ", dana())
        .await
        .unwrap();
    let answered = bed
        .until("the answer", |bed| {
            let found: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
            found
                .questions
                .first()
                .and_then(|q| q.answer.is_some().then(|| found.clone()))
        })
        .await;
    let question = &answered.questions[0];
    assert_eq!(
        (
            question.by.as_str(),
            question.text.as_str(),
            question.agent.as_str()
        ),
        ("dana", "Since when is the disk full?", "writer")
    );
    assert_eq!((RunId::from(question.run), question.failed), (answers, false));
    assert_eq!(bed.completed(answers).await, json!(question.answer));
    assert_eq!(bed.execution(answers).started_by, "dana");
    assert_eq!(answered.digest, asked.digest, "what is decided did not change");
    bed.decide(id, &asked, YES).await.unwrap();
    bed.completed(run).await;
    let late = bed.runtime.ask_agent(id, digest, "And now?", dana()).await;
    assert!(matches!(late, Err(RuntimeError::AlreadyDecided { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_there_is_a_clear_answer_and_questions_have_limits() {
    let bed = Bed::new().await;
    let (_, id, asked) = bed.ask_for("one").await;
    let digest = asked.digest.parse().unwrap();
    let error = bed.runtime.ask_agent(id, digest, "Why?", dana()).await;
    assert!(matches!(error, Err(RuntimeError::NoAgent(_))));
    bed.agent("writer", writer()).await;
    let named = ASK.replace("risk: low", "agent: writer");
    let run = bed.start_with(&named, json!({ "text": "one" })).await;
    let (id, asked) = bed.asked(run).await;
    let digest = asked.digest.parse().unwrap();
    for bad in ["  ", "x".repeat(WorkflowApproval::MAX_QUESTION + 1).as_str()] {
        let error = bed.runtime.ask_agent(id, digest, bad, dana()).await;
        assert!(matches!(error, Err(RuntimeError::BadQuestion(_))));
    }
    for _ in 0..WorkflowApproval::MAX_QUESTIONS {
        bed.runtime.ask_agent(id, digest, "Why?", dana()).await.unwrap();
    }
    let error = bed.runtime.ask_agent(id, digest, "Why?", dana()).await;
    assert!(matches!(error, Err(RuntimeError::BadQuestion(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_was_noted_is_answered_after_a_crash() {
    let bed = Bed::new().await;
    bed.agent("writer", writer()).await;
    let run = bed.start(WITH_AGENT).await;
    let (id, asked) = bed.asked(run).await;
    bed.note_question(id, "Since when?").await;
    let bed = bed.crash().await;
    let answered = bed
        .until("the answer", |bed| {
            let found: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
            found
                .questions
                .first()
                .and_then(|question| question.answer.clone())
        })
        .await;
    assert!(!answered.is_empty());
    bed.decide(id, &asked, YES).await.unwrap();
    bed.completed(run).await;
}

/// Whether a commit holds a decision.
fn decides(txn: &Txn) -> bool {
    let mut records = txn.appends.iter().flat_map(|append| &append.records);
    records.any(|record| {
        let event = decode_event(record).unwrap();
        matches!(event.body, EventBody::ApprovalDecided { .. })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_wins_over_an_allowance_that_is_on_its_way() {
    let bed = Bed::new().await;
    let (first, id, asked) = bed.ask_for("one").await;
    bed.decide(id, &asked, YES).await.unwrap();
    bed.completed(first).await;
    let allow = ApprovalRule::like(&asked, RuleScope::Shape, RuleAnswer::Allow);
    bed.put_rule("allow", &allow).await;
    let deny = ApprovalRule::like(&asked, RuleScope::Shape, RuleAnswer::Deny);
    let spec = serde_json::to_value(&deny).unwrap();
    let rule = Draft::of(Kind::ApprovalRule, "deny", spec).document(clock::system()());
    let rule = Arc::new(Mutex::new(Some(rule)));
    let hand = Box::new(move |store: Arc<dyn Store>, txn: Txn| {
        let rule = rule.clone();
        async move {
            // Just before the decision becomes durable, somebody says no to all of its kind.
            let first = if decides(&txn) {
                rule.lock().unwrap().take()
            } else {
                None
            };
            if let Some(rule) = first {
                let mut denial = Txn::default();
                put(&mut denial, None, &rule).unwrap();
                store.commit(denial).await.unwrap();
            }
            store.commit(txn).await
        }
        .boxed()
    });
    let bed = bed.through(|inner| Arc::new(Through { inner, hand })).await;
    let run = bed.start_with(ASK, json!({ "text": "two" })).await;
    let ended = bed.ended(run).await;
    let decided: Vec<WorkflowApproval> = bed.all(Kind::WorkflowApproval);
    let of_it = decided.iter().find(|one| RunId::from(one.run) == run).unwrap();
    assert_eq!(of_it.status, ApprovalStatus::Denied, "{ended:#?}");
    assert_eq!(of_it.decided_by.as_deref(), Some("rule:deny"));
}
