//! Budgets against a metered model: exact under fifty branches and random kills, and raised by a person.

use std::collections::BTreeMap;
use std::time::Duration;

use dirigent_tests::{Daemon, Home, LONG, Seed, Server, until};
use serde_json::Value;

/// What one answer of the server costs: 11 tokens read at 100, 3 written at 5,000 millionths of a dollar.
const BILL: u64 = 11 * 100 + 3 * 5_000;
const LIMIT: u64 = 1_000_000;

const AGENT: &str = "kind: Agent
metadata: { name: teller }
spec:
  model: metered/counting
  prompt: 'Say something about {{ input.n }}'
  max_tokens: 6
  max_input_tokens: 300
";

fn home(server: &Server) -> Home {
    let home = Home::new(&[]);
    let place = server.place();
    home.write(
        "daemon.toml",
        &format!(
            "[run]\nmax_crashes = 1000000\n\n[egress]\nallow = [{place:?}]\n\n\
             [providers.metered]\ndialect = \"openai_chat\"\nbase_url = \"http://{place}/v1\"\n\n\
             [prices.\"metered/counting\"]\ninput = 100000000\ncached = 0\noutput = 5000000000\n"
        ),
    );
    home.write("teller.yaml", AGENT);
    home
}

fn document(branches: usize, budget: &str) -> String {
    let mut text = format!(
        "document: {{ dsl: '1.0.3', namespace: tests, name: many, version: '1.0.0', \
         metadata: {{ dirigent: {{ {budget} }} }} }}\ndo:\n  - all:\n      fork:\n        branches:\n"
    );
    for n in 0..branches {
        text.push_str(&format!(
            "          - b{n}:\n              try:\n                - ask: {{ call: agent, with: {{ agent: teller, input: {{ n: {n} }} }} }}\n              \
             catch:\n                errors: {{ with: {{ status: 402 }} }}\n                do:\n                  - no: {{ set: {{ refused: true }} }}\n"
        ));
    }
    text
}

fn shown(home: &Home, run: &str) -> Value {
    home.client(&["runs", "show", run, "--json"])
        .expect_code(0)
        .json()
}

fn begin(home: &Home, text: &str, more: &[&str]) -> String {
    let file = home.write("many.yaml", text);
    let agent = home.path("teller.yaml");
    let _applied = home
        .client(&["apply", "-f", agent.to_str().unwrap(), "--json"])
        .expect_code(0);
    let mut words = vec!["run", "-f", file.to_str().unwrap(), "--detach", "--json"];
    words.extend(more);
    let run = home.client(&words).expect_code(0).json();
    run["run"].as_str().unwrap().to_owned()
}

/// Kills the daemon after some more requests, a dozen times or until the run is over.
fn kill_now_and_then(
    home: &Home,
    server: &Server,
    mut daemon: Daemon,
    run: &str,
    seed: &mut Seed,
) -> (u32, Daemon) {
    let over = || shown(home, run)["status"] == "completed";
    for kills in 0..12 {
        let wanted = server.seen().len() + 1 + usize::try_from(seed.below(10)).unwrap();
        until("more requests, or the end", LONG, || {
            (server.seen().len() >= wanted || over()).then_some(())
        });
        if over() {
            return (kills, daemon);
        }
        daemon.kill();
        daemon = home.start();
    }
    (12, daemon)
}

/// Takes the requests out whose answers are stored.
fn take_settled(home: &Home, run: &str, requests: &mut BTreeMap<String, u64>) {
    let events = home
        .client(&["runs", "events", run, "--json"])
        .expect_code(0)
        .json_lines();
    let mut key_of: BTreeMap<u64, String> = BTreeMap::new();
    for event in &events {
        match event["type"].as_str().unwrap() {
            "effect.intended" => {
                let key = event["key"].as_str().unwrap().to_owned();
                key_of.insert(event["effect"].as_u64().unwrap(), key);
            }
            "effect.settled" if event["outcome"]["done"].is_object() => {
                let key = &key_of[&event["effect"].as_u64().unwrap()];
                *requests.get_mut(key).unwrap() -= 1;
            }
            _ => {}
        }
    }
}

/// L20: what nobody knows the end of counts at its most.
#[test]
fn fifty_branches_under_one_dollar_and_random_kills_are_never_billed_more() {
    let mut seed = Seed::announced("budget");
    let server = Server::start(Duration::from_millis(120));
    let home = home(&server);
    let daemon = home.start();
    let run = begin(&home, &document(50, "budget: { usd: 1.00 }"), &[]);
    let (kills, _daemon) = kill_now_and_then(&home, &server, daemon, &run, &mut seed);
    let ended = until("the run to end", LONG, || {
        Some(shown(&home, &run)).filter(|run| run["status"] == "completed" || run["status"] == "faulted")
    });
    assert_eq!(ended["status"], "completed", "{ended:#}");
    let budget = &ended["budget"];
    let mut requests: BTreeMap<String, u64> = BTreeMap::new();
    for seen in server.seen() {
        *requests.entry(seen.key.unwrap()).or_default() += 1;
    }
    let billed = requests.values().sum::<u64>() * BILL;
    let spent = budget["spent"]["micro_usd"].as_u64().unwrap();
    assert!(
        billed <= spent && spent <= LIMIT,
        "billed {billed}, counted {spent}: {budget:#}"
    );
    assert_eq!(
        budget["reserved"],
        serde_json::json!({}),
        "nothing is set aside any more"
    );
    take_settled(&home, &run, &mut requests);
    // What was asked for and has no stored answer is listed by name.
    let listed = budget["open_bills"].as_array().cloned().unwrap_or_default();
    for (key, open) in requests {
        let named = listed.iter().filter(|bill| bill["key"] == *key).count() as u64;
        assert!(open <= named, "{key}: {open} bills are open, {named} are listed");
    }
    assert!(
        kills < 2 || !listed.is_empty(),
        "{kills} kills left nothing in doubt"
    );
    println!(
        "{kills} kills: billed {billed} of {LIMIT}, counted {spent}, {} in doubt",
        listed.len()
    );
}

#[test]
fn a_start_may_carry_a_budget_and_a_person_raises_it() {
    let server = Server::start(Duration::ZERO);
    let home = home(&server);
    let _daemon = home.start();
    let run = begin(&home, &document(6, "risk: low"), &["--budget", "calls=4,ask"]);
    let asked = until("the question", LONG, || {
        let list = home
            .client(&["approvals", "list", "--json"])
            .expect_code(0)
            .json();
        list["items"].as_array().unwrap().first().cloned()
    });
    assert_eq!(
        (&asked["risk"], &asked["payload"]["limited"]),
        (&"high".into(), &"calls".into())
    );
    let words = [
        "approvals",
        "approve",
        asked["id"].as_str().unwrap(),
        "--yes",
        "--edit",
        r#"{"raise_to":{"calls":5}}"#,
    ];
    let _approved = home.client(&words).expect_code(0);
    let again = until("the next question", LONG, || {
        let list = home
            .client(&["approvals", "list", "--json"])
            .expect_code(0)
            .json();
        list["items"].as_array().unwrap().first().cloned()
    });
    assert_eq!(server.seen().len(), 5);
    let _denied = home
        .client(&["approvals", "deny", again["id"].as_str().unwrap()])
        .expect_code(0);
    let ended = until("the end", LONG, || {
        Some(shown(&home, &run)).filter(|run| run["status"] == "completed")
    });
    assert_eq!(server.seen().len(), 5, "the sixth was refused");
    assert_eq!(ended["budget"]["limit"]["calls"], 5, "{ended:#}");
    assert_eq!(ended["budget"]["spent"]["calls"], 5);
}

/// A run that asks the teller once.
const ONE_CALL: &str = "document: { dsl: '1.0.3', namespace: tests, name: one-call, version: '1.0.0' }
do:
  - ask: { call: agent, with: { agent: teller, input: { n: '${ .n }' } } }
";

fn runs_of_runs(branches: usize) -> String {
    let mut text = "document: { dsl: '1.0.3', namespace: tests, name: many, version: '1.0.0', \
         metadata: { dirigent: { budget: { usd: 1.00 } } } }\ndo:\n  - all:\n      fork:\n        branches:\n"
        .to_owned();
    for n in 0..branches {
        text.push_str(&format!(
            "          - b{n}:\n              try:\n                - sub:\n                    metadata: {{ dirigent: {{ budget: {{ usd: 0.07 }} }} }}\n                    \
             run: {{ workflow: {{ namespace: tests, name: one-call, version: '1.0.0', input: {{ n: {n} }} }} }}\n              \
             catch:\n                errors: {{ with: {{ status: 402 }} }}\n                do:\n                  - no: {{ set: {{ refused: true }} }}\n"
        ));
    }
    text
}

#[test]
fn fifty_runs_of_a_run_under_its_one_dollar_are_never_billed_more_over_kills() {
    let mut seed = Seed::announced("budget tree");
    let server = Server::start(Duration::from_millis(120));
    let home = home(&server);
    let daemon = home.start();
    let sub = home.write("one-call.yaml", ONE_CALL);
    let agent = home.path("teller.yaml");
    for file in [&agent, &sub] {
        drop(
            home.client(&["apply", "-f", file.to_str().unwrap()])
                .expect_code(0),
        );
    }
    let run = begin(&home, &runs_of_runs(50), &[]);
    let early = until("that some wait for room", LONG, || {
        let now = shown(&home, &run);
        let held = now["budget"]["held"].as_array().map_or(0, Vec::len);
        (held > 0 || now["status"] == "completed").then_some(now)
    });
    assert_eq!(early["budget"]["limit"]["micro_usd"], LIMIT, "{early:#}");
    let (kills, _daemon) = kill_now_and_then(&home, &server, daemon, &run, &mut seed);
    let ended = until("the end", LONG, || {
        let now = shown(&home, &run);
        (now["status"] == "completed").then_some(now)
    });
    let asked = server.seen().len() as u64;
    let account = &ended["budget"];
    let spent = account["spent"]["micro_usd"].as_u64().unwrap();
    println!(
        "{kills} kills, {asked} requests, {} billed, {spent} on the account",
        asked * BILL
    );
    assert!(spent <= LIMIT, "{account:#}");
    // Every request was paid for by some run's reservation, at its bill or at its worst.
    assert!(asked * BILL <= LIMIT, "{asked} requests");
    assert_eq!(account["reserved"], serde_json::json!({}), "{account:#}");
    // It was used: by requests, and by those in flight at a kill, which count at their worst.
    assert!(spent > LIMIT / 2, "{account:#}");
}
