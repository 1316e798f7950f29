//! Agents elsewhere, over A2A: as foreign agents and as the standard's step, in both revisions.

use dirigent_tests::{A2aAgent, Daemon, Home, LONG, until};
use serde_json::{Value, json};

use crate::agent_steps::{ask, changed, decide, publish_as, question, settled};
use crate::standard::workflow;

/// A home that knows an agent elsewhere as `helper`.
struct Elsewhere {
    home: Home,
    daemon: Option<Daemon>,
    agent: A2aAgent,
}

impl Elsewhere {
    fn new(revision: &str) -> Self {
        let agent = A2aAgent::start(revision);
        let home = Home::new(&[agent.place()]);
        let daemon = Some(home.start());
        let this = Self { home, daemon, agent };
        this.publish(&json!({}));
        this
    }

    fn publish(&self, more: &Value) {
        let mut spec = json!({
            "prompt": "{{ input.task }}",
            "foreign": { "kind": "a2a", "card": self.agent.card(), "poll_s": 1 },
            "timeout_s": 120,
        });
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        publish_as(&self.home, "helper", &spec);
    }

    fn ask(&self, task: &str) -> Value {
        ask(&self.home, task, "")
    }

    /// A run that is not waited for.
    fn begin(&self, text: &str, input: &Value) -> Value {
        let file = workflow(&self.home, "begun", text);
        let input = input.to_string();
        let words = ["run", "-f", &file, "--input", &input, "--detach", "--json"];
        self.home.client(&words).expect_code(0).json()
    }

    fn settled(&self, run: &Value) -> Value {
        settled(&self.home, run["run"].as_str().unwrap_or_else(|| panic!("{run}")))
    }

    fn kill(&mut self) {
        self.daemon.take().unwrap().kill();
        self.daemon = Some(self.home.start());
    }

    fn cancel(&self, run: &Value) {
        let run = run["run"].as_str().unwrap();
        let _told = self
            .home
            .client(&["runs", "cancel", run, "--json"])
            .expect_code(0);
    }

    fn works(&self) {
        until("the task to be followed", LONG, || {
            (self.agent.looks() > 1).then_some(())
        });
    }
}

const AGENT: &str = "do:\n  - a: { call: agent, with: { agent: helper, input: { task: '${ .task }' } } }\n";

/// The standard's step with a text.
fn step(agent: &A2aAgent, text: &str) -> String {
    format!(
        "do:\n  - a:\n      call: a2a\n      with:\n        method: message/send\n        agentCard: {{ endpoint: '{}' }}\n        \
         parameters: {{ message: {{ parts: [ {{ kind: text, text: '{text}' }} ] }} }}\n",
        agent.card()
    )
}

#[test]
fn an_agent_elsewhere_is_an_agent_in_both_revisions() {
    for revision in ["0.3", "1.0"] {
        let story = Elsewhere::new(revision);
        let run = story.ask("do the dishes");
        assert_eq!(
            run["status"],
            "completed",
            "{revision}: {run}\n{}",
            story.home.log()
        );
        assert_eq!(run["output"]["text"], "did the dishes", "{run}");
        assert_eq!(run["output"]["task"], "task-1", "{run}");
        let said = story.ask("say hello");
        assert_eq!(said["output"]["text"], "hello", "{said}");
        let messages = story.agent.messages();
        assert_eq!(messages.len(), 2, "{messages:#?}");
        let role = if revision == "0.3" { "user" } else { "ROLE_USER" };
        assert_eq!(messages[0]["role"], role, "{messages:#?}");
        story.publish(&json!({ "output_schema": { "type": "object", "required": ["n"] } }));
        let run = story.ask("data");
        assert_eq!(run["output"]["answer"], json!({ "n": 7 }), "{run}");
        let unfit = story.ask("do it");
        assert_eq!(unfit["error"]["status"], 422, "{unfit}");
    }
}

#[test]
fn what_ends_badly_there_is_a_fault_with_its_words() {
    for revision in ["0.3", "1.0"] {
        let story = Elsewhere::new(revision);
        for (word, state, words) in [
            ("fail", "failed", "the disk is gone"),
            ("reject", "rejected", "not my work"),
        ] {
            let run = story.ask(word);
            assert_eq!(run["error"]["data"]["state"], state, "{run}");
            assert!(run["error"]["detail"].as_str().unwrap().contains(words), "{run}");
            let begun = story.begin(&step(&story.agent, word), &json!({}));
            let run = story.settled(&begun);
            assert_eq!(run["error"]["data"]["state"], state, "{run}");
        }
        assert_eq!(story.agent.messages().len(), 4);
    }
}

#[test]
fn a_task_is_followed_over_a_death_and_its_message_is_sent_once() {
    for revision in ["0.3", "1.0"] {
        let mut story = Elsewhere::new(revision);
        let texts = [AGENT.to_owned(), step(&story.agent, "work hard")];
        for (number, text) in texts.iter().enumerate() {
            let begun = story.begin(text, &json!({ "task": "work hard" }));
            let before = story.agent.looks();
            until("the task to be followed", LONG, || {
                (story.agent.looks() > before).then_some(())
            });
            story.kill();
            let after = story.agent.looks();
            until("the task to be looked at again", LONG, || {
                (story.agent.looks() > after).then_some(())
            });
            story.agent.finish();
            let run = story.settled(&begun);
            assert_eq!(run["status"], "completed", "{run}\n{}", story.home.log());
            assert!(run["output"].to_string().contains("finished"), "{run}");
            let messages = story.agent.messages();
            assert_eq!(messages.len(), number + 1, "{messages:#?}");
        }
    }
}

#[test]
fn a_question_from_elsewhere_is_answered_in_the_inbox() {
    for revision in ["0.3", "1.0"] {
        let mut story = Elsewhere::new(revision);
        let run = story.ask("ask");
        assert_eq!(run["status"], "waiting", "{run}\n{}", story.home.log());
        let asked = story.question(&run);
        assert_eq!(asked["request"]["payload"]["message"], "which colour?", "{asked}");
        // It waits over a death, and nothing is sent again.
        story.kill();
        assert_eq!(changed(&story.home, &asked, "/answer", "green").code, Some(0));
        let ended = story.settled(&run);
        assert_eq!(ended["status"], "completed", "{ended}\n{}", story.home.log());
        assert_eq!(ended["output"]["text"], "told green", "{ended}");
        let messages = story.agent.messages();
        assert_eq!(messages.len(), 2, "{messages:#?}");
        assert_eq!(
            (&messages[1]["taskId"], &messages[1]["contextId"]),
            (&json!("task-1"), &json!("context-1"))
        );
        assert_ne!(messages[0]["messageId"], messages[1]["messageId"]);

        let run = story.ask("ask");
        decide(
            &story.home,
            &story.question(&run),
            "deny",
            "none of your business",
        );
        let ended = story.settled(&run);
        assert_eq!(ended["error"]["status"], 403, "{ended}");
        assert_eq!(story.agent.cancels().len(), 1);

        let run = story.ask("sign");
        let asked = story.question(&run);
        assert_eq!(
            asked["request"]["payload"]["needs"], "sign in at the ledger",
            "{asked}"
        );
        story.agent.finish();
        decide(&story.home, &asked, "approve", "done");
        assert_eq!(story.settled(&run)["output"]["text"], "finished");
    }
}

#[test]
fn a_cancel_reaches_the_task_elsewhere() {
    for revision in ["0.3", "1.0"] {
        let mut story = Elsewhere::new(revision);
        for (number, text) in [AGENT.to_owned(), step(&story.agent, "work hard")]
            .iter()
            .enumerate()
        {
            let before = story.agent.looks();
            let begun = story.begin(text, &json!({ "task": "work hard" }));
            until("the task to be followed", LONG, || {
                (story.agent.looks() > before).then_some(())
            });
            if number == 1 {
                story.kill();
                let after = story.agent.looks();
                until("the task to be looked at again", LONG, || {
                    (story.agent.looks() > after).then_some(())
                });
            }
            story.cancel(&begun);
            assert_eq!(story.settled(&begun)["status"], "cancelled");
            until("the task to be called off", LONG, || {
                (story.agent.cancels().len() > number).then_some(())
            });
        }
        // Cancelled while a person is asked.
        let run = story.ask("ask");
        story.cancel(&run);
        until("the task to be called off", LONG, || {
            (story.agent.cancels().len() == 3).then_some(())
        });
        story.works();
        assert_eq!(story.agent.messages().len(), 3);
    }
}

#[test]
fn a_hostile_card_is_refused_by_name() {
    let story = Elsewhere::new("1.0");
    let other = A2aAgent::start("1.0");
    let private = json!({ "supportedInterfaces": [
        { "url": "http://169.254.169.254/latest", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" } ] });
    let large = |bytes: usize| json!({ "url": "http://h", "description": "x".repeat(bytes) });
    let elsewhere = json!({ "url": format!("http://{}/rpc", other.place()) });
    for (card, status, words) in [
        (json!(7), 400, "names no JSON-RPC address"),
        (
            json!({ "url": { "x": [] }, "supportedInterfaces": "no" }),
            400,
            "names no JSON-RPC address",
        ),
        (large(300 << 10), 400, "more than 262144 bytes"),
        (large(3 << 20), 413, "more than 921600 bytes"),
        (private, 403, "169.254.169.254"),
        (elsewhere, 403, "127.0.0.1"),
    ] {
        story.agent.set_card(card);
        let run = story.ask("do it");
        assert_eq!(run["error"]["status"], status, "{run}");
        assert!(run["error"]["detail"].as_str().unwrap().contains(words), "{run}");
    }
    assert_eq!((story.agent.messages().len(), other.messages().len()), (0, 0));
    for (foreign, place) in [
        (json!({ "kind": "a2a" }), "`card`: "),
        (json!({ "kind": "a2a", "card": "ftp://x" }), "`card`: "),
        (
            json!({ "kind": "a2a", "card": "https://x", "command": "y" }),
            "`command`: ",
        ),
    ] {
        let spec = json!({ "prompt": "x", "foreign": foreign });
        let agent = json!({ "kind": "Agent", "metadata": { "name": "bad" }, "spec": spec });
        let file = story.home.write("bad.json", &agent.to_string());
        let refused = story.home.client(&["apply", "-f", file.to_str().unwrap()]);
        assert!(refused.stderr.contains(place), "{place}: {refused:#?}");
    }
}

impl Elsewhere {
    fn question(&self, run: &Value) -> Value {
        question(&self.home, run)
    }
}
