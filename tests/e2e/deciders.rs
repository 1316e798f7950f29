//! Who decides: quorums by signed links, roles at the moment of the decision, delegation, changes, rules tried out.

use dirigent_tests::{Home, LONG, until};
use serde_json::Value;

const PEOPLE: &str = "kind: User
metadata: { name: ada }
spec: { display_name: Ada, uid: 70001 }
---
kind: User
metadata: { name: bo }
spec: { display_name: Bo, uid: 70002 }
---
kind: User
metadata: { name: cy }
spec: { display_name: Cy, uid: 70003 }
";

fn home_with_people() -> Home {
    Home::new(&[])
}

fn ask(home: &Home, terms: &str) -> (String, Value) {
    let text = format!(
        "document: {{ dsl: '1.0.3', namespace: tests, name: gate, version: '1.0.0' }}\ndo:\n  - gate:\n      \
         call: approval\n      with: {{ title: 'Pay?', show: {{ amount: 500 }}, {terms} }}\n  - done: {{ set: {{ \
         amount: '${{ .payload.amount }}', by: '${{ .by }}', decision: '${{ .decision }}' }} }}\n"
    );
    let file = home.write("gate.yaml", &text);
    let words = [
        "run",
        "-f",
        file.to_str().unwrap(),
        "--no-wait-approvals",
        "--json",
    ];
    let run = home.client(&words).expect_code(4).json();
    let run = run["run"].as_str().unwrap().to_owned();
    let approval = pending(home, &run);
    (run, approval)
}

fn pending(home: &Home, run: &str) -> Value {
    let list = home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    let items = list["items"].as_array().unwrap();
    items.iter().find(|item| item["run"] == *run).unwrap().clone()
}

fn id(approval: &Value) -> &str {
    approval["id"].as_str().unwrap()
}

fn link(home: &Home, approval: &Value, user: &str) -> String {
    let words = ["approvals", "link", id(approval), "--for", user, "--json"];
    let made = home.client(&words).expect_code(0).json();
    made["link"].as_str().unwrap().to_owned()
}

fn ended(home: &Home, run: &str) -> Value {
    until("the run to end", LONG, || {
        let shown = home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json();
        ["completed", "faulted"]
            .iter()
            .any(|word| shown["status"] == *word)
            .then_some(shown)
    })
}

#[test]
fn two_of_three_decide_by_links_that_are_good_once_also_across_a_kill() {
    let home = home_with_people();
    let daemon = home.start();
    drop(home.apply("people.yaml", PEOPLE));
    let (run, approval) = ask(&home, "approvers: { users: [ada, bo, cy], quorum: 2 }");
    let refused = home.client(&["approvals", "approve", id(&approval), "--yes"]);
    assert!(
        refused.expect_code(77).stderr.contains("2 of: ada, bo, cy"),
        "who is not named does not decide"
    );
    let first = link(&home, &approval, "ada");
    let said = home
        .client(&["approvals", "answer", &first, "--approve", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(
        (&said["votes"], &said["quorum"]),
        (&1.into(), &2.into()),
        "{said}"
    );
    let again = link(&home, &approval, "ada");
    let twice = home.client(&["approvals", "answer", &again, "--approve"]);
    assert!(twice.expect_code(1).stderr.contains("said yes already"));
    daemon.kill();
    let _daemon = home.start();
    assert_eq!(pending(&home, &run)["votes"][0]["by"], "ada", "a vote survives");
    let used = home
        .client(&["approvals", "answer", &first, "--deny"])
        .expect_code(77);
    assert!(used.stderr.contains("used before"), "{used:?}");
    let forged = first.replace(".7b22", ".7b23");
    let _forged = home
        .client(&["approvals", "answer", &forged, "--approve"])
        .expect_code(77);
    let second = link(&home, &approval, "cy");
    let _said = home
        .client(&["approvals", "answer", &second, "--approve"])
        .expect_code(0);
    let ended = ended(&home, &run);
    assert_eq!(
        ended["output"],
        serde_json::json!({ "amount": 500, "by": "ada, cy", "decision": "approved" })
    );
}

#[test]
fn roles_count_at_the_moment_of_the_decision_and_work_can_be_handed_over() {
    let home = home_with_people();
    let _daemon = home.start();
    drop(home.apply("people.yaml", PEOPLE));
    let bo = home
        .client(&["get", "user", "bo", "--json"])
        .expect_code(0)
        .json();
    let bo = bo["metadata"]["id"]
        .as_str()
        .or(bo["id"].as_str())
        .unwrap()
        .to_owned();
    let team = |members: &str| {
        format!("kind: Team\nmetadata: {{ name: ops }}\nspec: {{ title: Ops, members: [{members}] }}\n")
    };
    drop(home.apply("team.yaml", &team(&bo)));
    let (run, approval) = ask(&home, "approvers: { teams: [ops] }");
    let made = link(&home, &approval, "bo");
    drop(home.apply("team.yaml", &team("")));
    let refused = home
        .client(&["approvals", "answer", &made, "--approve"])
        .expect_code(77);
    assert!(refused.stderr.contains("1 of: team ops"), "{refused:?}");
    let _handed = home
        .client(&["approvals", "delegate", id(&approval), "--to", "cy"])
        .expect_code(0);
    let _nobody = home
        .client(&["approvals", "delegate", id(&approval), "--to", "nobody"])
        .expect_code(1);
    let made = link(&home, &approval, "cy");
    let _said = home
        .client(&["approvals", "answer", &made, "--approve"])
        .expect_code(0);
    assert_eq!(ended(&home, &run)["output"]["by"], "cy");
}

#[test]
fn what_is_changed_is_asked_anew_fits_its_schema_and_is_not_for_its_own_requester() {
    let home = home_with_people();
    let _daemon = home.start();
    drop(home.apply("people.yaml", PEOPLE));
    let terms = "self_approval: deny, schema: { document: { type: object, properties: { amount: { type: integer, maximum: 900 } } } }";
    let (run, approval) = ask(&home, terms);
    let own = home
        .client(&["approvals", "approve", id(&approval), "--yes"])
        .expect_code(77);
    assert!(own.stderr.contains("started the run"), "{own:?}");
    let before = link(&home, &approval, "ada");
    let words = [
        "approvals",
        "amend",
        id(&approval),
        "--content",
        r#"{"amount":1000}"#,
    ];
    let _unfit = home.client(&words).expect_code(65);
    let words = [
        "approvals",
        "amend",
        id(&approval),
        "--content",
        r#"{"amount":400}"#,
    ];
    let _changed = home.client(&words).expect_code(0);
    let stale = home
        .client(&["approvals", "answer", &before, "--approve"])
        .expect_code(1);
    assert!(stale.stderr.contains("stale"), "{stale:?}");
    let after = link(&home, &pending(&home, &run), "ada");
    let unfit = ["approvals", "answer", &after, "--edit", r#"{"amount":"x"}"#];
    let _unfit = home.client(&unfit).expect_code(65);
    let fit = ["approvals", "answer", &after, "--edit", r#"{"amount":300}"#];
    let _said = home.client(&fit).expect_code(0);
    assert_eq!(
        ended(&home, &run)["output"],
        serde_json::json!({ "amount": 300, "by": "ada", "decision": "approved" })
    );
}

#[test]
fn a_rule_is_tried_out_on_what_people_decided_and_a_denial_wins() {
    let home = home_with_people();
    let _daemon = home.start();
    let mut last = Value::Null;
    for word in ["approve", "approve", "deny"] {
        let (run, approval) = ask(&home, "on_deny: continue");
        let mut words = vec!["approvals", word, id(&approval)];
        words.extend((word == "approve").then_some("--yes"));
        let _decided = home.client(&words).expect_code(0);
        ended(&home, &run);
        last = approval;
    }
    let words = ["approvals", "rules", "simulate", "--like", id(&last), "--json"];
    let told = home.client(&words).expect_code(0).json();
    assert_eq!(
        (&told["looked_at"], &told["covered"], &told["agrees"]),
        (&3.into(), &3.into(), &2.into()),
        "{told}"
    );
    assert_eq!(told["differs"][0]["decided"], "denied");
    let words = [
        "approvals",
        "rules",
        "simulate",
        "--like",
        id(&last),
        "--deny",
        "--json",
    ];
    assert_eq!(home.client(&words).expect_code(0).json()["agrees"], 1);
    let (run, approval) = ask(&home, "on_deny: continue");
    let words = [
        "approvals",
        "deny",
        id(&approval),
        "--rule",
        "shape",
        "--rule-name",
        "never",
    ];
    let _ruled = home.client(&words).expect_code(0);
    ended(&home, &run);
    let words = ["approvals", "rules", "simulate", "--like", id(&last), "--json"];
    let told = home.client(&words).expect_code(0).json();
    assert_eq!(
        told["denied_first"], 4,
        "the rule in force would have been first: {told}"
    );
}
