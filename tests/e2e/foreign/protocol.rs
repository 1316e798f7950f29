//! The protocol with an agent that does what the test says: files, terminals, permissions, deaths, cancels.

use serde_json::{Value, json};

use super::{Story, scripted};
use crate::agent_steps::{changed, events};
use dirigent_tests::{LONG, until};

#[test]
fn it_works_in_its_own_tree_and_what_it_changed_is_the_output() {
    let story = Story::new();
    story.publish(&scripted(&[]));
    let run = story.ask("files please", "");
    assert_eq!(run["status"], "completed", "{run}\n{}", story.home.log());
    let output = &run["output"];
    let told: Value = serde_json::from_str(output["text"].as_str().unwrap()).unwrap();
    assert_eq!(told[0], "the readme\n", "{told}");
    assert!(
        told[1]["error"]["message"].as_str().unwrap().contains("outside"),
        "{told}"
    );
    assert_eq!(told[2], "denied: Permission denied");
    assert_eq!(told[3]["exitCode"], 7);
    let printed = told[4].as_str().unwrap();
    assert!(
        printed.starts_with("from the terminal") && printed.contains("ermission denied"),
        "{told}"
    );
    assert!(!run.to_string().contains("TOP-SECRET"));
    let files = json!([{ "status": "M", "path": "README" }, { "status": "A", "path": "made/by.txt" }]);
    assert_eq!(
        (&output["files"], &output["stop_reason"]),
        (&files, &json!("end_turn"))
    );
    let diff = output["diff"].as_str().unwrap();
    assert!(
        diff.contains("+by the agent") && diff.contains("+by the client"),
        "{diff}"
    );
    // What was changed is kept apart; the repository itself is as it was.
    let tree = output["worktree"].as_str().unwrap();
    assert!(std::path::Path::new(tree).join("made/by.txt").exists());
    let readme = std::fs::read_to_string(story.home.path("repository/README")).unwrap();
    assert_eq!((readme.as_str(), story.worktrees()), ("the readme\n", 1));
    assert_eq!(story.processes(), [] as [String; 0]);
    // Nothing was changed, or nothing is kept: no tree stays.
    let mut nothing = scripted(&[]);
    for keep in ["changed", "never"] {
        nothing["keep"] = json!(keep);
        story.publish(&nothing);
        let run = story.ask(if keep == "never" { "files" } else { "hello" }, "");
        assert_eq!(run["status"], "completed", "{run}");
        assert_eq!(
            (run["output"]["worktree"].is_null(), story.worktrees()),
            (true, 1),
            "{run}"
        );
    }
}

#[test]
fn a_question_waits_in_the_inbox_and_its_answer_goes_back_even_through_a_death() {
    for loads in [true, false] {
        let mut story = Story::new();
        story.publish(&scripted(if loads { &["--loads"] } else { &[] }));
        let run = story.ask("asks", "");
        assert_eq!(run["status"], "waiting", "{run}\n{}", story.home.log());
        let first = story.question(&run);
        let shown = &first["request"]["payload"]["request"]["permission"];
        assert_eq!(
            (
                &shown["title"],
                &shown["option"],
                &shown["tool_call"]["rawInput"]["what"]
            ),
            (&json!("do one"), &json!("yes"), &json!("one")),
            "{first}"
        );
        assert_eq!(story.agents(), 1, "it waits");
        story.decide(&first, "approve");
        let second = until("the second question", LONG, || {
            let second = story.question(&run);
            (second["approval"] != first["approval"]).then_some(second)
        });
        story.kill();
        assert_eq!(
            story.processes(),
            [] as [String; 0],
            "nothing outlives the daemon"
        );
        story.decide(&second, "deny");
        let run = story.settled(&run);
        assert_eq!(run["output"]["text"], "yes no", "{run}\n{}", story.home.log());
        let asked = events(
            &story.home,
            run["run"].as_str().unwrap_or_else(|| panic!("{run}")),
        )
        .iter()
        .filter(|event| event["type"] == "approval.requested")
        .count();
        assert_eq!(asked, 2, "what was answered is not asked again");
    }
}

#[test]
fn whoever_decides_may_choose_another_of_the_answers_it_offers() {
    let story = Story::new();
    story.publish(&scripted(&[]));
    let run = story.ask("asks", "");
    let first = story.question(&run);
    let option = "/request/permission/option";
    assert_ne!(changed(&story.home, &first, option, "made up").code, Some(0));
    drop(changed(&story.home, &first, option, "yes-for-ever").expect_code(0));
    let second = until("the second question", LONG, || {
        let second = story.question(&run);
        (second["approval"] != first["approval"]).then_some(second)
    });
    drop(changed(&story.home, &second, option, "no").expect_code(0));
    assert_eq!(
        story.settled(&run)["output"]["text"],
        "yes-for-ever no",
        "{}",
        story.home.log()
    );
}

#[test]
fn after_its_death_the_policy_of_the_step_decides() {
    let story = Story::new();
    story.publish(&scripted(&["--loads"]));
    let run = story.ask("crash", "");
    let text = run["output"]["text"].as_str().unwrap_or_else(|| panic!("{run}"));
    assert!(
        text.starts_with("You:") && text.contains("half.txt"),
        "it is told to go on, in its tree: {text}"
    );
    story.publish(&scripted(&[]));
    let fails = "      metadata: { dirigent: { on_unknown: fail } }\n";
    let run = story.ask("crash", fails);
    assert_eq!(run["status"], "faulted", "{run}");
    assert!(
        run["error"]["detail"].as_str().unwrap().contains("out of memory"),
        "{run}"
    );
    let asks = "      metadata: { dirigent: { on_unknown: ask } }\n";
    assert_eq!(story.ask("crash", asks)["status"], "waiting");
}

#[test]
fn a_cancelled_run_tells_its_agent_and_leaves_no_process() {
    let story = Story::new();
    let mut agent = scripted(&[]);
    agent["keep"] = json!("always");
    story.publish(&agent);
    let file = crate::standard::workflow(
        &story.home,
        "ask",
        "do:\n  - a: { call: agent, with: { agent: helper, input: { task: slow } } }\n",
    );
    let run = story
        .home
        .client(&["run", "-f", &file, "--detach", "--json"])
        .expect_code(0)
        .json();
    let told = |name: &str| {
        let trees = std::fs::read_dir(story.home.path("data/foreign"))
            .into_iter()
            .flatten()
            .flatten();
        trees
            .map(|entry| entry.path().join("tree").join(name))
            .find(|path| path.exists())
    };
    until("it to begin", LONG, || told("begun.txt"));
    drop(
        story
            .home
            .client(&["runs", "cancel", run["run"].as_str().unwrap(), "--json"])
            .expect_code(0),
    );
    assert_eq!(story.settled(&run)["status"], "cancelled");
    assert!(told("cancelled.txt").is_some(), "it was told before it was ended");
    assert_eq!(story.processes(), [] as [String; 0]);
    // Cancelled while a person is asked.
    story.publish(&scripted(&[]));
    let run = story.ask("asks", "");
    assert_eq!((&run["status"], story.agents()), (&json!("waiting"), 1), "{run}");
    drop(
        story
            .home
            .client(&["runs", "cancel", run["run"].as_str().unwrap(), "--json"])
            .expect_code(0),
    );
    until("the agent to be gone", LONG, || {
        story.processes().is_empty().then_some(())
    });
}

#[test]
fn a_wrong_definition_and_a_wrong_program_are_told_by_name() {
    let story = Story::new();
    let spec = json!({ "prompt": "x", "foreign": { "command": "bin/agent", "repository": "/r" } });
    let agent = json!({ "kind": "Agent", "metadata": { "name": "helper" }, "spec": spec });
    let file = story.home.write("bad.json", &agent.to_string());
    let refused = story.home.client(&["apply", "-f", file.to_str().unwrap()]);
    assert!(refused.stderr.contains("absolute path"), "{refused:#?}");
    for (command, title) in [
        ("/usr/bin/true", "does not greet"),
        ("/no/such/agent", "does not greet"),
    ] {
        story.publish(&json!({ "command": command }));
        let run = story.ask("x", "");
        assert!(run["error"]["title"].as_str().unwrap().contains(title), "{run}");
    }
    story.publish(&json!({ "command": "/usr/bin/true", "repository": story.home.path("") }));
    let run = story.ask("x", "");
    assert!(run["error"]["detail"].as_str().unwrap().contains("git"), "{run}");
    story.publish(&json!({ "command": "/usr/bin/true", "sandbox": "host" }));
    let run = story.ask("x", "");
    assert!(
        run["error"]["detail"].as_str().unwrap().contains("agent_sandbox"),
        "{run}"
    );
    assert_eq!(story.worktrees(), 0);
}
