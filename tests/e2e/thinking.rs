//! What a model thought goes back to it exactly as it came, signed: over the tools of a turn, over the turns of a
//! conversation, over the death of the daemon.

use dirigent_tests::{Home, Thinker};
use serde_json::{Value, json};

use crate::agent_steps::publish_as;

/// A thought with everything that a careless hand would change: spaces, escapes, letters of others.
const THOUGHT: &str = "  First: \"a.txt\".\n\n\tThen — perhaps — émigré \u{1f600} \\n {\"x\": 1.0}  ";
const SIGNATURE: &str = "EqQBCgIYAhIM+/==";

/// What it answers each time: it looks first, then says what it saw.
fn turn(body: &Value) -> Vec<Value> {
    let asked = body["messages"].as_array().unwrap().len();
    let thought =
        json!({ "type": "thinking", "thinking": format!("{THOUGHT}{asked}"), "signature": SIGNATURE });
    let hidden = json!({ "type": "redacted_thinking", "data": format!("EmwKAhgB{asked}") });
    let last = body["messages"].as_array().unwrap().last().unwrap();
    if last.to_string().contains("look") {
        let call = json!({ "type": "tool_use", "id": format!("toolu_{asked}"), "name": "read_file",
            "input": { "path": "a.txt" } });
        vec![thought, hidden, call]
    } else {
        vec![
            thought,
            json!({ "type": "text", "text": format!("Seen {asked}.") }),
        ]
    }
}

/// The blocks of what the assistant said, message by message, without what is for caches.
fn said(body: &Value) -> Vec<Vec<Value>> {
    let messages = body["messages"].as_array().unwrap().iter();
    let own = messages.filter(|message| message["role"] == "assistant");
    let plain = |block: &Value| {
        let mut block = block.clone();
        block.as_object_mut().unwrap().remove("cache_control");
        block
    };
    own.map(|message| message["content"].as_array().unwrap().iter().map(plain).collect())
        .collect()
}

#[test]
fn thoughts_go_back_as_they_came_over_tools_turns_and_a_death() {
    let model = Thinker::start(turn);
    let home = Home::new(&[model.place()]);
    home.configure(&format!(
        "\n[providers.thinker]\ndialect = \"anthropic_messages\"\nbase_url = \"http://{}/v1\"\n",
        model.place()
    ));
    let work = home.path("work");
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("a.txt"), "grass is green").unwrap();
    let daemon = home.start();
    let tools =
        json!([{ "file": { "workspace": work }, "allow": ["read_file"], "approval": "never", "traits": {} }]);
    let spec = json!({ "model": "thinker/deep", "prompt": "{{ input }}", "max_tokens": 4096, "effort": "high",
        "tools": tools });
    publish_as(&home, "helper", &spec);
    let one = home.client(&["chat", "helper", "--say", "look", "--json"]);
    let one = one.expect_code(0).json();
    let id = one["conversation"].as_str().unwrap();
    daemon.kill();
    let _daemon = home.start();
    let two = home.client(&[
        "chat", "--resume", id, "--say", "look", "--say", "well?", "--json",
    ]);
    let two = two.expect_code(0).json();
    assert_eq!(two["turns"][2]["answer"], "Seen 9.", "{two}\n{}", home.log());
    let told = model.told();
    assert_eq!(told.len(), 5, "two turns with a tool, and one without");
    for (earlier, body) in told.iter().enumerate() {
        let mut answers: Vec<Vec<Value>> = told[..earlier].iter().map(turn).collect();
        // Calls have the ids that the model gave them.
        assert_eq!(
            said(body),
            std::mem::take(&mut answers),
            "request {earlier}: {body:#}"
        );
    }
}
