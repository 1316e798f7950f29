//! What the inbox promises: nothing is decided by accident, nothing without being seen, each for itself.

use dirigent_protocol::entity::WorkflowApproval;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::run::{Decision, Risk};
use dirigent_tui::model::{Answer, Handling, LinkCmd, Msg, News};
use serde_json::json;

use super::world::{World, approval, approvals, deploy, everything, id};

fn inbox() -> World {
    let mut world = World::live(120, 40);
    world.press("g a");
    world.wait(1_000);
    world
}

#[test]
fn two_keys_decide_the_oldest_below_high_risk_and_five_seconds_pass_before_it_is_sent() {
    let mut world = World::live(120, 40);
    world.news(News::Gone(vec![(
        dirigent_protocol::entity::Kind::WorkflowApproval,
        id(0xa1),
    )]));
    world.press("!");
    world.wait(700);
    world.press("a");
    assert_eq!((world.held(), world.decided().len()), (1, 0));
    assert!(
        world.text().contains("approve: send 214 e-mails: sent in 5 s"),
        "{}",
        world.text()
    );
    world.wait(4_800);
    assert!(world.decided().is_empty());
    world.wait(300);
    let verdict = world.decided()[0];
    assert_eq!(verdict.approval, id(0xa2));
    assert_eq!(verdict.answer, Answer::Decide(Decision::Approve { edited: None }));
    assert_eq!(verdict.digest.len(), 64);
    assert_eq!(world.decided().len(), 1);
}

#[test]
fn a_decision_is_taken_back_from_any_page_and_nothing_is_sent() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.press("a g d u");
    assert!(
        world.text().contains("taken back, nothing was sent"),
        "{}",
        world.text()
    );
    world.wait(20_000);
    assert!(world.decided().is_empty());
}

#[test]
fn keys_that_came_before_the_frame_decide_nothing() {
    let mut world = World::live(120, 40);
    world.news(News::Gone(vec![(
        dirigent_protocol::entity::Kind::WorkflowApproval,
        id(0xa1),
    )]));
    world.burst("! a");
    assert_eq!(world.held(), 0);
    world.wait(10_000);
    assert!(world.decided().is_empty());
    // The same right behind the frame: it has not been there for 0.6 s.
    world.press("esc J a");
    assert_eq!(world.held(), 0);
    assert!(world.text().contains("key ignored"), "{}", world.text());
}

#[test]
fn on_a_small_screen_the_list_decides_nothing_and_says_what_does() {
    let mut world = World::live(80, 24);
    world.press("!");
    world.wait(1_000);
    world.press("esc j");
    world.wait(1_000);
    world.press("a");
    assert_eq!(world.held(), 0);
    assert!(world.text().contains("open it, then decide"), "{}", world.text());
}

#[test]
fn a_refusal_for_want_of_a_connection_goes_when_the_connection_is_back() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.disconnect();
    world.press("a");
    assert_eq!(world.held(), 0);
    assert!(world.text().contains("may be old"), "{}", world.text());
    world.connect(everything());
    assert!(!world.text().contains("may be old"), "{}", world.text());
}

#[test]
fn a_change_under_the_cursor_stops_keys() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    let mut changed = approvals().remove(1);
    changed.metadata.revision = 2;
    changed.spec["payload"]["count"] = json!(215);
    world.news(News::Changed(vec![changed]));
    world.press("a");
    assert_eq!(world.held(), 0);
    assert!(world.text().contains("key ignored"), "{}", world.text());
    world.wait(700);
    world.press("a");
    assert_eq!(world.held(), 1);
}

#[test]
fn when_the_request_goes_the_next_one_is_not_decided_in_its_place() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.news(News::Gone(vec![(
        dirigent_protocol::entity::Kind::WorkflowApproval,
        id(0xa2),
    )]));
    world.burst("a");
    assert_eq!(world.held(), 0);
}

#[test]
fn new_requests_come_below_and_never_move_the_cursor_or_the_page() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    let before = world.shell.place();
    let urgent = WorkflowApproval {
        action: "drop database".into(),
        risk: Risk::High,
        ..WorkflowApproval::default()
    };
    world.news(News::Changed(vec![approval(0xa9, urgent.clone(), 0)]));
    assert_eq!(world.shell.place(), before);
    let text = world.text();
    let row = |what: &str| {
        text.lines()
            .position(|line| line.get(..60).unwrap_or(line).contains(what))
            .unwrap()
    };
    assert!(row("drop database") > row("write report.md"), "{text}");
    assert!(
        text.lines()
            .any(|line| line.contains(">-med") && line.contains("send 214")),
        "{text}"
    );
    // On another page it is counted, nothing more.
    world.press("g d");
    let place = world.shell.place();
    world.news(News::Changed(vec![approval(0xaa, urgent, 0)]));
    assert_eq!(world.shell.place(), place);
    assert!(
        world.text().lines().next().unwrap().contains("⚑5"),
        "{}",
        world.text()
    );
}

#[test]
fn high_risk_is_read_to_its_end_and_its_word_is_typed() {
    let mut world = World::new(120, 20);
    let long: String = (0..60).map(|n| format!("line {n}\n")).collect();
    let body = WorkflowApproval {
        action: "deploy".into(),
        risk: Risk::High,
        confirm: Some("prod".into()),
        payload: json!(long),
        ..WorkflowApproval::default()
    };
    world.connect(vec![approval(0xb1, body, 60)]);
    world.wait(1_000);
    world.press("!");
    world.wait(1_000);
    world.press("a");
    assert!(world.text().contains("read to the end first"), "{}", world.text());
    world.press("G a");
    world.msg(Msg::Paste("prod".into()));
    world.press("enter");
    assert_eq!(world.held(), 0, "a pasted word confirms nothing");
    world.type_text("pro");
    world.press("enter");
    assert_eq!(world.held(), 0);
    world.type_text("d");
    world.press("enter");
    assert_eq!(world.held(), 1);
}

#[test]
fn the_word_of_another_request_is_void_when_the_request_changes() {
    let mut world = inbox();
    world.press("enter G a");
    world.type_text("prod");
    let mut changed = approvals().remove(0);
    changed.metadata.revision = 2;
    changed.spec["payload"]["cwd"] = json!("/srv/other");
    world.news(News::Changed(vec![changed]));
    world.press("enter");
    assert_eq!(world.held(), 0);
    assert!(world.text().contains("nothing was decided"), "{}", world.text());
}

#[test]
fn pasted_text_is_never_keys() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.msg(Msg::Paste("a\na\r!aa".into()));
    world.wait(10_000);
    assert!(world.decided().is_empty());
    assert_eq!(world.held(), 0);
}

#[test]
fn a_denial_has_a_reason_and_is_about_one_request_only() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.press("x enter");
    assert_eq!(world.held(), 0, "no reason, no denial");
    world.type_text("sent yesterday");
    world.press("enter");
    world.wait(6_000);
    assert_eq!(world.decided().len(), 1);
    let verdict = world.decided()[0];
    assert_eq!(
        (verdict.approval, &verdict.answer),
        (id(0xa2), &Answer::Decide(Decision::Deny))
    );
    assert_eq!(verdict.reason.as_deref(), Some("sent yesterday"));
    assert_eq!(
        world.shell.model().pending().count(),
        3,
        "the others wait as before"
    );
}

#[test]
fn edited_then_approved_is_marked_and_sent_as_edited() {
    let mut world = inbox();
    world.press("J J");
    world.wait(1_000);
    world.press("e ctrl-s");
    assert!(world.text().contains("nothing was changed"), "{}", world.text());
    world.type_text("My ");
    world.press("ctrl-s");
    assert!(
        world.text().contains("✎ approve as edited: write report.md"),
        "{}",
        world.text()
    );
    world.wait(6_000);
    let edited = Some(json!("My # Report\n\nTwo invoices are late.\n"));
    assert_eq!(
        world.decided()[0].answer,
        Answer::Decide(Decision::Approve { edited })
    );
}

#[test]
fn an_edit_that_is_no_json_stays_and_says_where() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.press("e");
    world.type_text("x");
    world.press("ctrl-s");
    assert!(
        world.text().contains("line 1, column 1: expected value"),
        "{}",
        world.text()
    );
    world.press("backspace esc");
    assert_eq!(world.held(), 0);
}

#[test]
fn nothing_is_decided_while_the_line_is_down_and_what_is_held_waits() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.press("a");
    world.disconnect();
    world.wait(10_000);
    assert!(world.decided().is_empty());
    assert!(
        world.text().contains("kept until the daemon is back"),
        "{}",
        world.text()
    );
    world.press("J");
    world.wait(1_000);
    world.press("a");
    assert_eq!(world.held(), 1, "a second one is refused");
    // Back again: it is the same request, so it is sent.
    world.connect(everything());
    world.wait(10);
    assert_eq!(world.decided().len(), 1);
}

#[test]
fn a_held_decision_about_something_that_changed_is_dropped_with_a_word() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.press("a");
    let mut changed = approvals().remove(1);
    changed.metadata.revision = 2;
    changed.spec["digest"] = json!("00");
    world.news(News::Changed(vec![changed]));
    assert!(
        world.text().contains("not sent: approve: send 214 e-mails"),
        "{}",
        world.text()
    );
    world.wait(10_000);
    assert!(world.decided().is_empty());
}

#[test]
fn what_the_daemon_says_of_a_decision_is_shown() {
    let mut world = inbox();
    world.press("J");
    world.wait(1_000);
    world.press("a");
    world.wait(6_000);
    let fault = Fault::new(Code::AlreadyDecided, "sam decided at 18:40");
    world.news(News::Decided {
        approval: id(0xa2),
        result: Err(Box::new(fault)),
    });
    assert!(world.text().contains("sam decided at 18:40"), "{}", world.text());
}

#[test]
fn later_puts_off_here_only_and_returns() {
    let mut world = inbox();
    world.press("z");
    assert!(world.decided().is_empty());
    world.press("g d !");
    world.wait(1_000);
    assert!(
        world.shell.place().to_string().ends_with("a2"),
        "{}",
        world.shell.place()
    );
    world.wait(601_000);
    world.press("g d !");
    assert!(
        world.shell.place().to_string().ends_with("a1"),
        "{}",
        world.shell.place()
    );
}

#[test]
fn read_only_decides_nothing() {
    let options = dirigent_tui::options::Options {
        read_only: true,
        ..Default::default()
    };
    let mut world = World::with(&options, 120, 40);
    world.connect(everything());
    world.wait(1_000);
    world.press("g a J");
    world.wait(1_000);
    world.press("a");
    world.wait(10_000);
    assert!(world.decided().is_empty());
}

#[test]
fn outside_text_cannot_hide_or_obey() {
    let mut world = World::new(120, 40);
    let body = WorkflowApproval {
        action: "ls\u{1b}[2J\u{1b}]52;c;aGk=\u{7}".into(),
        title: "Fine\u{202e}gnihton".into(),
        reason: Some("trust\u{200b}me\r\n\u{9b}31m".into()),
        workflow: "w\u{7}".into(),
        payload: json!({ "k\u{1b}": "a\u{0}b", "command": deploy()["command"] }),
        ..WorkflowApproval::default()
    };
    world.connect(vec![approval(0xb1, body, 60)]);
    world.press("!");
    let text = world.text();
    assert!(text.contains("ls^[[2J^[]52;c;aGk=^G"), "{text}");
    assert!(text.contains("<U+202E>gnihton"), "{text}");
    assert!(text.contains("trust<U+200B>me"), "{text}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
}

/// What was done with a request without deciding it.
fn handled(world: &World) -> Vec<&Handling> {
    fn how(cmd: &LinkCmd) -> Option<&Handling> {
        match cmd {
            LinkCmd::Handle { how, .. } => Some(how),
            _ => None,
        }
    }
    world.sent.iter().filter_map(how).collect()
}

#[test]
fn a_request_is_handed_over_changed_or_given_a_link_and_nothing_is_decided_by_it() {
    let mut world = inbox();
    world.press("@");
    world.press("enter");
    assert!(
        world.text().contains("type the name of a user first"),
        "{}",
        world.text()
    );
    world.type_text("sam");
    world.press("enter");
    assert_eq!(handled(&world), [&Handling::HandOver { to: "sam".into() }]);
    world.press("L");
    world.type_text("ada");
    world.press("enter");
    assert!(
        matches!(handled(&world)[1], Handling::SignLink { user, digest } if user == "ada" && digest.len() == 64)
    );
    world.news(News::Linked {
        approval: id(0xa1),
        link: "dirigent-link.abc".into(),
    });
    world.press("G");
    assert!(world.text().contains("dirigent-link.abc"), "{}", world.text());
    world.press("= ctrl-s");
    assert!(world.text().contains("nothing was changed"), "{}", world.text());
    world.press("esc esc");
    assert!(world.decided().is_empty() && world.held() == 0);
}

#[test]
fn who_may_not_say_yes_is_told_before_they_try() {
    let mut world = inbox();
    let all = approvals();
    let asked = all.iter().find(|document| document.metadata.id == id(0xa2));
    let mut body: WorkflowApproval = asked.unwrap().body().unwrap();
    body.deciders.users = vec!["ada".into(), "bo".into()];
    body.deciders.quorum = 2;
    world.news(News::Changed(vec![approval(0xa2, body, 300)]));
    world.press("g g");
    world.wait(1_000);
    let text = world.text();
    for words in ["2 of: ada, bo", "STILL ASKED", "2 more of: ada, bo", "NOT BY YOU"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    world.press("a");
    assert!(
        world.text().contains("you are not one of them"),
        "{}",
        world.text()
    );
    world.wait(6_000);
    assert!(world.decided().is_empty());
}
