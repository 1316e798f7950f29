//! Command lines that are agents.

use serde_json::json;

use super::Story;

#[test]
fn a_command_gets_its_prompt_and_its_answer_is_read_as_declared() {
    let story = Story::new();
    let shell = |line: &str| json!({ "kind": "command", "command": "/bin/sh", "arguments": ["-c", line, "sh", "{prompt}"] });
    story.publish(&shell(
        "echo \"$1\" > answer.txt; echo \"I wrote $1\"; cat ../../../../secret.txt 2>&1; true",
    ));
    let run = story.ask("it; $(id)", "");
    assert_eq!(run["status"], "completed", "{run}\n{}", story.home.log());
    let text = run["output"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("I wrote it; $(id)") && text.contains("ermission denied"),
        "{run}"
    );
    assert_eq!(
        run["output"]["files"],
        json!([{ "status": "A", "path": "answer.txt" }])
    );
    // By standard input, and lines of JSON with what it cost.
    let lines =
        "read line; printf '{\"type\":\"begun\"}\\n{\"result\":\"%s!\",\"cost\":0.5,\"in\":7}\\n' \"$line\"";
    let mut agent =
        json!({ "kind": "command", "command": "/bin/sh", "arguments": ["-c", lines], "output": "jsonl" });
    agent["answer"] = json!("/result");
    agent["cost_usd"] = json!("/cost");
    agent["input_tokens"] = json!("/in");
    story.publish(&agent);
    let run = story.ask("hi", "");
    assert_eq!(
        (&run["output"]["text"], &run["output"]["said"][0]["type"]),
        (&json!("hi!"), &json!("begun")),
        "{run}"
    );
    let shown = story
        .home
        .client(&["runs", "show", run["run"].as_str().unwrap(), "--json"])
        .expect_code(0)
        .json();
    let all = shown.to_string();
    assert!(
        all.contains("\"cost_micro_usd\":500000") && all.contains("\"input_tokens\":7"),
        "{shown}"
    );
    // A failure tells what was said, and what was changed until then.
    story.publish(&shell("echo x > half.txt; echo 'no key' >&2; exit 4"));
    let run = story.ask("x", "");
    assert_eq!(run["error"]["title"], "The agent ended with exit code 4", "{run}");
    assert_eq!(run["error"]["detail"], "no key");
    assert!(run.to_string().contains("half.txt"), "{run}");
}

#[test]
fn a_secret_is_in_its_environment_by_grant_alone_and_nowhere_else() {
    let story = Story::new();
    let folder = story.home.path("data/secrets");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, value) in [
        ("claude", "{\"key\": \"sk-foreign-77123456\"}"),
        ("other", "not-granted-99"),
    ] {
        let file = folder.join(name);
        std::fs::write(&file, value).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    // It says its variables, its arguments, those of all around it, and writes the key into the tree.
    let line = "env; tr '\\0' ' ' < /proc/$$/cmdline; echo; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; \
                echo \"$API_KEY\" > key.txt; echo \"length ${#API_KEY}\"";
    let mut agent = json!({ "kind": "command", "command": "/bin/sh", "arguments": ["-c", line] });
    story.publish(&agent);
    let run = story.ask("go", "");
    assert!(run.to_string().contains("length 0"), "{run}");
    agent["secrets"] = json!({ "API_KEY": "claude/key" });
    story.publish(&agent);
    let run = story.ask("go", "");
    assert_eq!(run["status"], "completed", "{run}\n{}", story.home.log());
    let told = run["output"]["text"].as_str().unwrap();
    assert!(
        told.contains("length 19") && told.contains("API_KEY=***"),
        "{told}"
    );
    let id = run["run"].as_str().unwrap();
    let events = story.home.client(&["runs", "events", id, "--json"]).stdout;
    for (place, text) in [
        ("the report", run.to_string()),
        ("the journal", events),
        ("the log", story.home.log()),
    ] {
        assert!(!text.contains("sk-foreign-77123456"), "{place}: {text}");
        assert!(!text.contains("not-granted-99"), "{place}: {text}");
    }
    assert!(run["output"]["diff"].as_str().unwrap().contains("***"), "{run}");
    // What is not there is named, and nothing begins.
    agent["secrets"] = json!({ "API_KEY": "missing" });
    story.publish(&agent);
    let run = story.ask("go", "");
    assert_eq!(run["error"]["title"], "A secret cannot be used", "{run}");
    assert!(
        run["error"]["detail"].as_str().unwrap().contains("`missing`"),
        "{run}"
    );
}

#[test]
fn budgets_that_cannot_be_measured_are_refused_by_name_and_turns_and_time_hold() {
    let story = Story::new();
    let apply = |more: serde_json::Value| {
        let mut spec =
            json!({ "prompt": "{{ input.task }}", "foreign": { "kind": "command", "command": "/bin/cat" } });
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let agent = json!({ "kind": "Agent", "metadata": { "name": "helper" }, "spec": spec });
        let file = story.home.write("helper.json", &agent.to_string());
        story.home.client(&["apply", "-f", file.to_str().unwrap()])
    };
    for field in ["usd", "tokens"] {
        let refused = apply(json!({ "budget": { field: 5 } }));
        assert_eq!(refused.code, Some(65), "{refused:#?}");
        assert!(
            refused.stderr.contains("unmeasured_budget")
                && refused.stderr.contains(&format!("budget.{field}")),
            "{refused:#?}"
        );
    }
    drop(apply(json!({ "budget": { "calls": 1 } })).expect_code(0));
    assert_eq!(story.ask("one", "")["status"], "completed");
    let two = "  - b:\n      call: agent\n      with: { agent: helper, input: { task: again } }\n";
    let run = story.ask("one", two);
    assert!(
        run["error"]["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("may take 1 calls")),
        "{run}"
    );
    drop(apply(json!({})).expect_code(0));
    for (limit, words) in [
        ("{ tokens: 1000 }", "how many tokens"),
        ("{ usd: 1 }", "nobody knows what the call costs"),
    ] {
        let run = story.ask(
            "one",
            &format!("      metadata: {{ dirigent: {{ budget: {limit} }} }}\n"),
        );
        assert!(
            run["error"]["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(words)),
            "{limit}: {run}"
        );
    }
    let slow = json!({ "foreign": { "kind": "command", "command": "/bin/sleep", "arguments": ["60"] }, "limits": { "time_s": 1 } });
    drop(apply(slow).expect_code(0));
    let run = story.ask("one", "");
    assert_eq!(run["status"], "faulted", "{run}");
    assert!(run["error"].to_string().contains("timeout"), "{run}");
}
