//! Orchestrations: compiled, shown, run, rolled back; by the binaries alone.

use dirigent_tests::{AGENTS, Home, LONG, Terminal, until};
use serde_json::{Value, json};

fn json_of(home: &Home, words: &[&str]) -> Value {
    home.client(words).expect_code(0).json()
}

#[test]
fn a_sequence_and_a_parallel_one_compile_show_and_run() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let text = format!(
        "{AGENTS}kind: Orchestration
metadata: {{ name: chain }}
spec:
  description: One after the other.
  strategy: sequential
  members: [ {{ agent: reader }}, {{ agent: writer }} ]
---
kind: Orchestration
metadata: {{ name: both }}
spec:
  strategy: parallel
  members: [ {{ agent: reader }}, {{ name: second, workflow: chain }} ]
  output: '${{ keys }}'
"
    );
    let said = home.apply("all.yaml", &text);
    assert_eq!(said.matches("created").count(), 4, "{said}");
    let shown = json_of(
        &home,
        &["orchestrations", "show", "chain", "--as", "workflow", "--json"],
    );
    assert_eq!(shown["document"]["namespace"], "orchestrations");
    // What is exported is a workflow like any other.
    let mut own = shown.clone();
    own["document"]["name"] = json!("chain-by-hand");
    let file = home.write("own.yaml", &own.to_string());
    let _valid = home
        .client(&["validate", "-f", file.to_str().unwrap()])
        .expect_code(0);
    let input = r#"{"text": "ERROR disk full on /dev/sda1\nINFO ok"}"#;
    let done = json_of(&home, &["run", "chain", "--input", input, "--json"]);
    assert_eq!(
        (&done["status"], &done["workflow"]),
        (&json!("completed"), &json!("chain")),
        "{done}"
    );
    assert!(
        done["output"]
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("rehearsal"),
        "{done}"
    );
    let by_hand = json_of(
        &home,
        &["run", "-f", file.to_str().unwrap(), "--input", input, "--json"],
    );
    assert_eq!(
        by_hand["output"], done["output"],
        "the exported document does the same"
    );
    let done = json_of(&home, &["run", "both", "--input", input, "--json"]);
    assert_eq!(done["output"], json!(["reader", "second"]), "{done}");
    still_used(&home);
}

/// What another one runs is not deleted.
fn still_used(home: &Home) {
    let refused = home.client(&["delete", "orchestration", "chain"]);
    assert!(
        refused.code != Some(0) && refused.stderr.contains("orchestration both"),
        "{refused:#?}"
    );
}

#[test]
fn a_bad_orchestration_is_refused_at_its_field() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let text = "kind: Orchestration\nmetadata: { name: bad }\nspec:\n  strategy: votte\n  members: [ { agent: a } ]\n";
    let file = home.write("bad.yaml", text);
    let output = home
        .client(&["apply", "-f", file.to_str().unwrap()])
        .expect_code(65);
    assert!(
        output.stderr.contains("bad.yaml:4:3") && output.stderr.contains("write `vote`"),
        "{output:#?}"
    );
    // A name that a workflow has is not given twice.
    let flow = "document: { dsl: '1.0.3', namespace: a, name: taken, version: '1.0.0' }\ndo: [ { a: { set: { x: 1 } } } ]\n";
    drop(home.apply("flow.yaml", flow));
    let text = "kind: Orchestration\nmetadata: { name: taken }\nspec:\n  strategy: sequential\n  members: [ { workflow: x } ]\n";
    let file = home.write("taken.yaml", text);
    let output = home.client(&["apply", "-f", file.to_str().unwrap()]);
    assert!(
        output.code != Some(0) && output.stderr.contains("taken"),
        "{output:#?}"
    );
}

#[test]
fn an_agent_has_versions_a_diff_a_rollback_and_users() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let agent = |prompt: &str| {
        format!(
            "kind: Agent\nmetadata: {{ name: sum }}\nspec:\n  model: rehearsal/rehearsal\n  prompt: '{prompt}'\n"
        )
    };
    drop(home.apply("a1.yaml", &agent("Summarise {{ input.text }}")));
    drop(home.apply("a2.yaml", &agent("List the errors in {{ input.text }}")));
    let versions = json_of(&home, &["agents", "versions", "sum", "--json"]);
    assert_eq!(versions["items"][0]["number"], 2, "{versions}");
    let diff = json_of(&home, &["agents", "diff", "sum", "v1", "v2", "--json"]);
    let ops: Vec<&str> = diff["lines"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["op"].as_str())
        .collect();
    assert!(
        diff["changed"] == true && ops.contains(&"-") && ops.contains(&"+"),
        "{diff}"
    );
    let back = json_of(&home, &["agents", "rollback", "sum", "1", "--json"]);
    assert_eq!((&back["from"], &back["number"]), (&json!(1), &json!(3)), "{back}");
    let diff = json_of(&home, &["agents", "diff", "sum", "1", "3", "--json"]);
    assert_eq!(diff["changed"], false, "{diff}");
    // A run that waits pins the version it began with.
    let flow = "document: { dsl: '1.0.3', namespace: a, name: waits, version: '1.0.0' }
do:
  - ask: { call: approval, with: { title: Go on? } }
  - a: { call: agent, with: { agent: sum, input: { text: x } } }
";
    drop(home.apply("flow.yaml", flow));
    let _waits = home.client(&["run", "waits", "--detach"]).expect_code(0);
    until("a run that waits is among the users", LONG, || {
        let users = json_of(&home, &["agents", "used-by", "sum", "--json"]);
        let items = users["items"].as_array().unwrap().clone();
        let of = |kind: &str| items.iter().find(|item| item["kind"] == kind).cloned();
        (of("Workflow").is_some() && of("WorkflowExecution").is_some_and(|run| run["number"] == 3))
            .then_some(())
    });
    // A draft answers beside what is published; nothing is published by it.
    let draft = home.write("draft.yaml", &agent("Say what is good about {{ input.text }}"));
    let words = [
        "agents",
        "try",
        "sum",
        "-f",
        draft.to_str().unwrap(),
        "--input",
        r#"{"text": "ERROR a"}"#,
        "--json",
    ];
    let tried = json_of(&home, &words);
    assert!(
        tried["answers"]["draft"].is_string() && tried["answers"]["newest"].is_string(),
        "{tried}"
    );
    let versions = json_of(&home, &["agents", "versions", "sum", "--json"]);
    assert_eq!(versions["items"].as_array().unwrap().len(), 3, "{versions}");
}

/// A rule is simulated and activated on its page, by nothing but a yes to the question that has its figures.
fn activate(home: &Home) {
    let mut terminal = Terminal::run(&home.client_command(&["open", "routing/to-bert"]), 80, 24);
    terminal.wait_for("not followed", LONG);
    terminal.keys("T");
    terminal.wait_for("would have gone elsewhere: 2 of 2", LONG);
    terminal.keys("e");
    terminal.wait_for("Form", LONG);
    terminal.wait_for("nothing is wrong", LONG);
    terminal.keys("G\r");
    terminal.wait_for("it is followed", LONG);
    terminal.keys("true\r");
    terminal.wait_for("active                 true", LONG);
    terminal.keys("P");
    terminal.wait_for("It is followed from now on", LONG);
    terminal.wait_for("would have gone elsewhere: 2 of 2", LONG);
    terminal.keys("a");
    until("the rule to be active", LONG, || {
        let rule = json_of(home, &["get", "orchestration-rule", "to-bert", "--json"]);
        (rule["spec"]["active"] == true).then_some(())
    });
}

#[test]
fn who_has_a_capability_is_chosen_by_rules_that_were_simulated() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let agent = |name: &str| {
        format!(
            "kind: Agent\nmetadata: {{ name: {name} }}\nspec:\n  capabilities: [review]\n  prompt: 'Summarise {{{{ input }}}}'\n---\n"
        )
    };
    let text = format!(
        "{}{}kind: Orchestration\nmetadata: {{ name: routed }}\nspec:\n  strategy: sequential\n  members: [ {{ name: who, capability: review }} ]\n",
        agent("anna"),
        agent("bert")
    );
    drop(home.apply("all.yaml", &text));
    let chosen = |input: &str| {
        let run = json_of(&home, &["run", "routed", "--input", input, "--json"]);
        assert_eq!(run["status"], "completed", "{run}");
        let id = run["run"].as_str().unwrap().to_owned();
        let events = home
            .client(&["runs", "events", &id, "--json"])
            .expect_code(0)
            .json_lines();
        let mut agents = events
            .iter()
            .filter_map(|event| event["request"]["agent"]["agent"].as_str());
        agents.next_back().unwrap().to_owned()
    };
    assert_eq!(chosen(r#"{"kind": "b"}"#), "anna");
    let rule = "kind: OrchestrationRule\nmetadata: { name: to-bert }\nspec:\n  capability: review\n  when: 'kind == \"b\"'\n  agents: [bert]\n  active: ";
    drop(home.apply("rule.yaml", &format!("{rule}false\n")));
    assert_eq!(
        chosen(r#"{"kind": "b"}"#),
        "anna",
        "a rule that is not active is not followed"
    );
    let told = json_of(&home, &["rules", "simulate", "to-bert", "--json"]);
    assert_eq!(
        (&told["choices"], &told["covered"], &told["same"]),
        (&json!(2), &json!(2), &json!(0)),
        "{told}"
    );
    assert_eq!(told["differs"][0]["would"], "bert", "{told}");
    activate(&home);
    assert_eq!(chosen(r#"{"kind": "b"}"#), "bert");
    assert_eq!(chosen(r#"{"kind": "c"}"#), "anna", "its condition does not hold");
}

/// Says yes to the one request that waits.
fn approve(home: &Home, run: &str) {
    let id = until("it asks", LONG, || {
        let asked = home.client(&["approvals", "list", "--json"]).json_if(0)?;
        let items = asked["items"].as_array()?.clone();
        let mine = items.iter().find(|item| item["run"] == run)?;
        Some(mine["id"].as_str()?.to_owned())
    });
    let shown = json_of(home, &["approvals", "show", &id, "--json"]);
    let digest = shown["digest"].as_str().unwrap().to_owned();
    let _yes = home
        .client(&["approvals", "approve", &id, "--digest", &digest])
        .expect_code(0);
}

fn shipped(home: &Home, name: &str, input: &Value) -> Value {
    let _published = home.client(&["orchestrations", "shipped", name]).expect_code(0);
    let words = ["run", name, "--input", &input.to_string(), "--detach", "--json"];
    let run = json_of(home, &words)["run"].as_str().unwrap().to_owned();
    approve(home, &run);
    until("it is over", LONG, || {
        let shown = home.client(&["runs", "show", &run, "--json"]).json_if(0)?;
        assert_ne!(shown["status"], "faulted", "{shown}");
        (shown["status"] == "completed").then_some(shown)
    })
}

#[test]
fn a_log_is_triaged_offline_and_the_report_written_after_a_yes() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let log = home.write(
        "app.log",
        "2026-11-20 18:41:07 INFO started\n2026-11-20 18:42:07 ERROR checksum mismatch for libbar\n",
    );
    let report = home.path("report.md");
    let run = shipped(&home, "log-triage", &json!({ "path": log, "report": report }));
    assert_eq!(run["output"]["decision"], "approved", "{run}");
    let text = std::fs::read_to_string(&report).unwrap();
    assert!(
        text.contains("libbar") && text.to_lowercase().contains("rehearsal"),
        "{text}"
    );
}

#[test]
fn reviewers_vote_on_real_commits_and_a_person_has_the_last_word() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let repository = home.path("repo");
    std::fs::create_dir(&repository).unwrap();
    let git = |words: &[&str]| {
        let mut command = std::process::Command::new("git");
        command
            .arg("-C")
            .arg(&repository)
            .args(["-c", "user.name=A", "-c", "user.email=a@b"]);
        assert!(
            command.args(words).output().unwrap().status.success(),
            "{words:?}"
        );
    };
    git(&["init", "-q"]);
    for (text, message) in [
        ("let a = 1;\n", "first"),
        ("let a = unwrap();\n", "take it anyway"),
    ] {
        std::fs::write(repository.join("main.rs"), text).unwrap();
        git(&["add", "-A"]);
        git(&["commit", "-qm", message]);
    }
    let review = home.path("review.md");
    let input = json!({ "repository": repository, "range": "HEAD~1..HEAD", "review": review });
    let run = shipped(&home, "code-review", &input);
    let who = json_of(
        &home,
        &["orchestrations", "who", run["run"].as_str().unwrap(), "--json"],
    );
    assert!(
        who["members"]
            .as_array()
            .unwrap()
            .iter()
            .all(|member| member["state"] == "done"),
        "{who}"
    );
    let decision = run["output"]["decision"].as_str().unwrap().to_owned();
    assert!(["approve", "changes"].contains(&decision.as_str()), "{run}");
    let text = std::fs::read_to_string(&review).unwrap();
    for voter in ["correctness", "security", "clarity"] {
        assert!(text.contains(&format!("## {voter}: ")), "{text}");
    }
    assert!(text.contains(&format!("HEAD~1..HEAD: {decision}")), "{text}");
}

#[test]
fn a_brief_is_made_of_a_folder_by_a_debate() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let folder = home.path("docs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("one.md"),
        "# Sled\n\nSled keeps rows in a tree. It does not sync by itself.\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("two.txt"),
        "The journal syncs before anything is acknowledged.\n",
    )
    .unwrap();
    let brief = home.path("brief.md");
    let input = json!({ "folder": folder, "question": "What syncs?", "brief": brief });
    let run = shipped(&home, "folder-brief", &input);
    assert_eq!(run["output"]["decision"], "approved", "{run}");
    assert!(std::fs::read_to_string(&brief).unwrap().len() > 40);
    // Two rounds of two, and the writer.
    assert_eq!(run["usage"]["calls"], 5, "{run}");
}

#[test]
fn a_conversation_persists_resumes_forks_and_is_exported() {
    let home = Home::new(&[]);
    let daemon = home.start();
    drop(home.apply("agents.yaml", AGENTS.trim_end_matches("---\n")));
    let first = json_of(&home, &["chat", "reader", "--say", "The disk is full.", "--json"]);
    let id = first["conversation"].as_str().unwrap().to_owned();
    assert!(first["turns"][0]["answer"].is_string(), "{first}");
    // It waits through a death of the daemon and goes on.
    drop(daemon);
    let _daemon = home.start();
    let second = json_of(&home, &["chat", "--resume", &id, "--say", "And now?", "--json"]);
    assert_eq!(second["turns"].as_array().unwrap().len(), 2, "{second}");
    assert_eq!(second["turns"][0], first["turns"][0], "nothing is asked twice");
    let file = home.path("talk.md");
    let fork = format!("{id}@1");
    let other = json_of(
        &home,
        &[
            "chat",
            "--fork",
            &fork,
            "--say",
            "Another way.",
            "--export",
            file.to_str().unwrap(),
            "--json",
        ],
    );
    assert_ne!(other["conversation"], first["conversation"]);
    let said: Vec<&str> = other["turns"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|turn| turn["said"].as_str())
        .collect();
    assert_eq!(said, ["The disk is full.", "Another way."]);
    assert!(std::fs::read_to_string(&file).unwrap().contains("> Another way."));
    let again = json_of(
        &home,
        &[
            "chat",
            "--resume",
            &id,
            "--export",
            file.to_str().unwrap(),
            "--json",
        ],
    );
    assert_eq!(
        again["turns"].as_array().unwrap().len(),
        2,
        "the fork left it as it was"
    );
}

#[test]
fn a_draft_is_tried_out_as_the_workflow_it_compiles_to_and_nothing_is_performed() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    drop(home.apply(
        "agents.yaml",
        "kind: Agent\nmetadata: { name: sum }\nspec: { prompt: 'Summarise {{ input }}' }\n",
    ));
    let draft = |strategy: &str| {
        format!(
            "kind: Orchestration\nmetadata: {{ name: tried }}\nspec:\n  strategy: {strategy}\n  members: [ {{ agent: sum }}, {{ name: again, agent: sum }} ]\n"
        )
    };
    let file = home.write("tried.yaml", &draft("sequential"));
    let told = json_of(
        &home,
        &["simulate", file.to_str().unwrap(), "--input", "{}", "--json"],
    );
    assert_eq!(told["ending"]["ended"]["status"], "completed", "{told}");
    let names = told["events"].to_string();
    assert!(names.contains("again"), "{told}");
    let wrong = home.write("tried.yaml", &draft("nobody"));
    let refused = home.client(&["simulate", wrong.to_str().unwrap(), "--json"]);
    assert!(refused.code != Some(0), "{refused:#?}");
    let listed = json_of(&home, &["orchestrations", "list", "--json"]);
    assert_eq!(listed["items"], json!([]), "nothing is stored");
    assert_eq!(
        json_of(&home, &["runs", "list", "--json"])["items"],
        json!([]),
        "nothing is performed"
    );
}
