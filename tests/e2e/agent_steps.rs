//! What stories of agents have in common: a home with a scripted model, an agent, a run that calls it, and a person's answers.

use dirigent_tests::{Home, LONG, Model, until};
use serde_json::{Value, json};

use crate::standard::workflow;

/// What tools have told the model, in order.
pub(crate) fn results(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap();
    let tools = messages.iter().filter(|message| message["role"] == "tool");
    tools
        .map(|message| message["content"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// A home whose agents may reach the model and these places.
pub(crate) fn home(model: &Model, places: &[String]) -> Home {
    let mut all = vec![model.place()];
    all.extend_from_slice(places);
    let home = Home::new(&all);
    home.configure(&format!(
        "\n[providers.scripted]\ndialect = \"openai_chat\"\nbase_url = \"http://{}/v1\"\n",
        model.place()
    ));
    home
}

/// Publishes an agent with these tools.
pub(crate) fn publish(home: &Home, name: &str, more: &Value) {
    let mut spec = json!({ "model": "scripted/obedient", "prompt": "{{ input.task }}" });
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    publish_as(home, name, &spec);
}

/// Publishes an agent that is written like this.
pub(crate) fn publish_as(home: &Home, name: &str, spec: &Value) {
    let agent = json!({ "kind": "Agent", "metadata": { "name": name }, "spec": spec });
    let file = home.write(&format!("{name}.json"), &agent.to_string());
    let _applied = home
        .client(&["apply", "-f", file.to_str().unwrap(), "--json"])
        .expect_code(0);
}

/// What a run of one step reports that gives `helper` a task, with `more` beside the call; it does not wait for people.
pub(crate) fn ask(home: &Home, task: &str, more: &str) -> Value {
    let text = format!(
        "do:\n  - a:\n      call: agent\n      with: {{ agent: helper, input: {{ task: '${{ .task }}' }} }}\n{more}"
    );
    let file = workflow(home, "ask", &text);
    let input = json!({ "task": task }).to_string();
    let words = [
        "run",
        "-f",
        &file,
        "--input",
        &input,
        "--no-wait-approvals",
        "--json",
    ];
    let printed = home.client(&words);
    serde_json::from_str(&printed.stdout).unwrap_or_else(|_| panic!("{printed:#?}\n{}", home.log()))
}

/// Every event of a run.
pub(crate) fn events(home: &Home, run: &str) -> Vec<Value> {
    home.client(&["runs", "events", run, "--json"])
        .expect_code(0)
        .json_lines()
}

/// A run once it is over.
pub(crate) fn settled(home: &Home, run: &str) -> Value {
    until("the run to end", LONG, || {
        let run = home
            .client(&["runs", "show", run, "--json"])
            .expect_code(0)
            .json();
        ["completed", "faulted", "cancelled"]
            .iter()
            .any(|word| run["status"] == *word)
            .then_some(run)
    })
}

/// The newest question of a run that nobody answered.
pub(crate) fn question(home: &Home, run: &Value) -> Value {
    let id = run["run"].as_str().unwrap_or_else(|| panic!("{run}"));
    until("a question", LONG, || {
        let events = events(home, id);
        let decided = |asked: &Value| {
            events
                .iter()
                .any(|event| event["type"] == "approval.decided" && event["approval"] == asked["approval"])
        };
        let mut asked = events
            .iter()
            .filter(|event| event["type"] == "approval.requested");
        asked.rfind(|asked| !decided(asked)).cloned()
    })
}

/// Answers a question: `approve` or `deny`.
pub(crate) fn decide(home: &Home, asked: &Value, word: &str, reason: &str) {
    let (approval, digest) = (
        asked["approval"].as_str().unwrap(),
        asked["digest"].as_str().unwrap(),
    );
    let words = [
        "approvals",
        word,
        approval,
        "--digest",
        digest,
        "--reason",
        reason,
        "--json",
    ];
    drop(home.client(&words).expect_code(0));
}

/// Approves a call in which something else stands in a place.
pub(crate) fn changed(home: &Home, asked: &Value, place: &str, value: &str) -> dirigent_tests::Output {
    let mut edited = asked["request"]["payload"].clone();
    *edited.pointer_mut(place).unwrap() = json!(value);
    let (approval, digest) = (
        asked["approval"].as_str().unwrap(),
        asked["digest"].as_str().unwrap(),
    );
    let text = edited.to_string();
    let words = [
        "approvals",
        "approve",
        approval,
        "--digest",
        digest,
        "--edit",
        &text,
        "--json",
    ];
    home.client(&words)
}
