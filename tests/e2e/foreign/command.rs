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
