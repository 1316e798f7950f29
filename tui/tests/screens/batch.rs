//! Several requests in one go, rules, questions, looks aside: nothing of it decides by accident either.

use dirigent_protocol::command::Also;
use dirigent_protocol::entity::{RuleScope, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::run::Decision;
use dirigent_tui::model::{Answer, LinkCmd, Msg, News};
use serde_json::json;

use super::world::{World, approval, approvals, id};

fn inbox(columns: u16, rows: u16) -> World {
    let mut world = World::live(columns, rows);
    world.press("g a");
    world.wait(1_000);
    world
}

/// All three marked, the sheet open and read.
fn sheet(columns: u16, rows: u16) -> World {
    let mut world = inbox(columns, rows);
    world.press("space space space b");
    world.wait(700);
    world.press("G");
    world.wait(700);
    world
}

#[test]
fn a_sheet_sends_every_item_for_itself_refuses_high_risk_and_is_taken_back_whole() {
    for size in [(120, 40), (80, 24)] {
        let mut world = sheet(size.0, size.1);
        world.press("g g");
        assert!(
            world.text().contains("high risk: decided by itself only"),
            "{}",
            world.text()
        );
        world.press("a");
        assert_eq!(world.held(), 2, "{}", world.text());
        world.press("u");
        assert_eq!(world.held(), 0);
        assert!(
            world.text().contains("the whole sheet is taken back"),
            "{}",
            world.text()
        );
        world.wait(20_000);
        assert!(world.decided().is_empty());
        // Again, and this time it goes.
        let mut world = sheet(size.0, size.1);
        world.press("a");
        world.wait(6_000);
        let sent: Vec<_> = world.decided().into_iter().map(|v| v.approval).collect();
        assert_eq!(sent, [id(0xa2), id(0xa3)]);
        world.news(News::Decided {
            approval: id(0xa2),
            result: Ok(()),
        });
        world.news(News::Decided {
            approval: id(0xa3),
            result: Err(Box::new(Fault::new(Code::AlreadyDecided, "sam was first"))),
        });
        world.press("G");
        let text = world.text();
        assert!(text.contains("ITEM BY ITEM"), "{text}");
        assert!(text.contains("done") && text.contains("sam was first"), "{text}");
    }
}

#[test]
fn one_reason_denies_each_and_nothing_beside_them() {
    let mut world = inbox(120, 40);
    world.press("j space space b");
    world.wait(700);
    world.press("x enter");
    assert_eq!(world.held(), 0, "a denial needs a reason");
    world.type_text("not on a Friday");
    world.press("enter");
    world.wait(6_000);
    let sent = world.decided();
    assert_eq!(sent.len(), 2);
    for verdict in sent {
        assert_eq!(verdict.answer, Answer::Decide(Decision::Deny));
        assert_eq!(verdict.reason.as_deref(), Some("not on a Friday"));
        assert_ne!(verdict.approval, id(0xa1), "what was not marked is not denied");
    }
}

#[test]
fn what_changed_since_it_was_marked_is_asked_anew() {
    let mut world = inbox(120, 40);
    world.press("j space space");
    let mut changed = approvals().remove(1);
    changed.metadata.revision = 2;
    changed.spec["payload"]["count"] = json!(215);
    world.news(News::Changed(vec![changed]));
    assert!(world.text().contains("mark them again"), "{}", world.text());
    world.press("b");
    world.wait(700);
    world.press("G a");
    world.wait(6_000);
    let sent: Vec<_> = world.decided().into_iter().map(|v| v.approval).collect();
    assert_eq!(sent, [id(0xa3)]);
}

#[test]
fn an_answer_that_comes_does_not_undo_a_mark_or_a_dialog() {
    let mut world = inbox(120, 40);
    world.press("j space k j");
    world.wait(1_000);
    world.press("x");
    world.type_text("no");
    let mut answered = approvals().remove(1);
    answered.metadata.revision = 2;
    answered.spec["questions"][0]["answer"] = json!("All of them.");
    world.news(News::Changed(vec![answered]));
    assert!(world.text().contains("1 marked"), "{}", world.text());
    world.press("enter");
    assert_eq!(world.held(), 1);
}

#[test]
fn a_sheet_decides_nothing_before_it_was_read_and_had_its_time() {
    let mut world = inbox(120, 40);
    let long = WorkflowApproval {
        action: "write a book".into(),
        task: "write".into(),
        payload: json!("line\n".repeat(200)),
        ..WorkflowApproval::default()
    };
    world.news(News::Changed(vec![approval(0xb0, long, 10)]));
    world.press("j j j space b a");
    assert!(world.text().contains("only just come"), "{}", world.text());
    world.wait(1_000);
    world.press("a");
    assert!(
        world.text().contains("read the sheet to its end"),
        "{}",
        world.text()
    );
    assert_eq!(world.held(), 0);
    world.press("G a");
    assert_eq!(world.held(), 1);
}

#[test]
fn deny_and_stop_carries_both_in_one_decision() {
    let mut world = inbox(120, 40);
    world.press("j");
    world.wait(1_000);
    world.press("X");
    world.type_text("stop this");
    world.press("enter");
    world.wait(6_000);
    let verdict = world.decided()[0];
    assert_eq!(verdict.also, Some(Also::StopRun {}));
    assert_eq!(verdict.answer, Answer::Decide(Decision::Deny));
    assert_eq!(verdict.approval, id(0xa2));
}

#[test]
fn a_rule_says_what_it_covers_first_and_is_never_made_for_a_high_risk() {
    let mut world = inbox(120, 40);
    world.press("A");
    assert!(
        world.text().contains("never decided by a rule"),
        "{}",
        world.text()
    );
    let other = WorkflowApproval {
        workflow: "inbox-zero".into(),
        step: "/do/1/send".into(),
        task: "send".into(),
        action: "send 214 e-mails".into(),
        payload: json!({ "template": "reply-v4", "subject": "Your ticket", "count": 3 }),
        ..WorkflowApproval::default()
    };
    world.news(News::Changed(vec![approval(0xb1, other, 10)]));
    world.press("j");
    world.wait(1_000);
    assert!(
        world.text().contains("covers 1 other waiting"),
        "{}",
        world.text()
    );
    world.press("A");
    let text = world.text();
    assert!(
        text.contains("answers 0 more now") && text.contains("answers 1 more now"),
        "{text}"
    );
    world.press("down enter");
    world.wait(6_000);
    let verdict = world.decided()[0];
    let scope = RuleScope::Shape;
    assert_eq!(verdict.also, Some(Also::AddRule { scope, name: None }));
}

#[test]
fn a_question_goes_to_the_daemon_and_decides_nothing() {
    let mut world = inbox(120, 40);
    world.press("r");
    world.type_text("Is v7 still there?");
    world.press("enter");
    let asked = world.sent.iter().any(|sent| {
        matches!(sent, LinkCmd::Ask { approval, digest, question }
            if *approval == id(0xa1) && digest.len() == 64 && question == "Is v7 still there?")
    });
    assert!(asked, "{:?}", world.sent);
    assert_eq!(world.held(), 0);
    world.press("J");
    world.wait(1_000);
    let text = world.text();
    assert!(
        text.contains("Who gets them?") && text.contains("Nobody twice."),
        "{text}"
    );
}

#[test]
fn the_looks_aside_decide_nothing_and_escape_leads_back() {
    for keys in ["D", "H"] {
        let mut world = inbox(120, 40);
        world.press(keys);
        world.wait(1_000);
        let text = world.text();
        assert!(text.contains("differences") || text.contains("history"), "{text}");
        world.press("a x");
        assert!(world.text().contains("Esc goes back"), "{}", world.text());
        assert_eq!(world.held(), 0);
        world.press("esc");
        assert!(world.text().contains("IF YOU DENY"), "{}", world.text());
    }
}

#[test]
fn pasted_text_in_the_reason_of_a_sheet_is_text() {
    let mut world = sheet(120, 40);
    world.press("x");
    world.msg(Msg::Paste("one\ntwo\r".into()));
    assert_eq!(world.held(), 0);
    assert!(world.text().contains("one"), "{}", world.text());
}
