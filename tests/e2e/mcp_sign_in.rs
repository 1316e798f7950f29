//! Signing in at the authority that a server of tools names: asked for in the inbox, once, and kept across deaths.

use std::time::Duration;

use dirigent_tests::{GuardedServer, Home, LONG, Model, Say, until};
use serde_json::{Value, json};

use crate::agent_steps::{events, publish, results};
use crate::standard::workflow;

fn file(home: &Home, server: &GuardedServer, name: &str) -> String {
    file_of(home, server, ("honest", name))
}

fn file_of(home: &Home, server: &GuardedServer, (lie, name): (&str, &str)) -> String {
    let rest = format!(
        "do:\n  - a:\n      call: mcp\n      with: {{ method: tools/call, parameters: {{ name: t }}, transport: {{ http: {{ endpoint: {{ \
         uri: 'http://{}/{lie}/mcp', authentication: {{ oauth2: {{ grant: authorization_code }} }} }} }} }} }}\n",
        server.place()
    );
    workflow(home, name, &rest)
}

/// The one question there is.
fn question(home: &Home) -> Value {
    until("a question", LONG, || {
        let list = home.client(&["approvals", "list", "--json"]).json_if(0)?;
        list["items"].as_array()?.first().cloned()
    })
}

fn member(address: &str, name: &str) -> String {
    let query = address.split_once('?').unwrap().1;
    let found = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found
        .unwrap_or_else(|| panic!("no {name} in {address}"))
        .to_owned()
}

fn answer(home: &Home, question: &Value, callback: &str) {
    let (id, set) = (question["id"].as_str().unwrap(), format!("callback={callback}"));
    let said = home.client(&["approvals", "approve", id, "--yes", "--set", &set]);
    drop(said.expect_code(0));
}

fn ended(home: &Home, run: &str) -> Value {
    until("the run to end", LONG, || {
        let run = home.client(&["runs", "show", run, "--json"]).json_if(0)?;
        run["ended_at"].is_string().then_some(run)
    })
}

/// What the server and its authority saw of two calls.
fn asked_for_once(server: &GuardedServer) {
    let calls: Vec<String> = server
        .seen()
        .into_iter()
        .filter(|one| one.starts_with("POST /honest/mcp"))
        .collect();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[0].ends_with("Bearer token-1"), "{calls:?}");
    assert!(
        !calls[1].ends_with("Bearer token-1"),
        "a token that is over was used: {calls:?}"
    );
    let sent = server
        .seen()
        .iter()
        .filter(|one| one.contains("code=the-code"))
        .count();
    assert_eq!(sent, 1, "a code is sent once");
    let registered = server
        .seen()
        .iter()
        .filter(|one| one.contains("/register"))
        .count();
    assert_eq!(registered, 1, "a client registers once");
}

#[test]
fn a_person_signs_in_once_and_what_comes_of_it_outlives_deaths() {
    let server = GuardedServer::start();
    let home = Home::new(&[server.place()]);
    let daemon = home.start();
    let first = file(&home, &server, "first");
    let run = home.client(&["run", "-f", &first, "--detach", "--json"]).json();
    let run = run["run"].as_str().unwrap().to_owned();
    let asked = question(&home);
    let address = asked["payload"]["address"].as_str().unwrap().to_owned();
    assert!(
        address.starts_with(&format!("http://{}/honest/authorize?", server.place())),
        "{asked}"
    );
    assert_eq!(member(&address, "scope"), "tools");
    assert_eq!(member(&address, "code_challenge_method"), "S256");

    // What is asked for outlives the daemon, and nobody is asked twice.
    daemon.kill();
    let daemon = home.start();
    assert_eq!(question(&home)["payload"]["address"], address.as_str());

    // An address of something else is asked for again; a lie about who answers ends it.
    answer(
        &home,
        &asked,
        "http://127.0.0.1:17639/callback?code=x&state=other",
    );
    let again = until("it to be asked again", LONG, || {
        Some(question(&home)).filter(|again| again["id"] != asked["id"])
    });
    assert!(
        again["reason"].to_string().contains("not of this sign-in"),
        "{again}"
    );
    let state = member(&address, "state");
    let issuer = format!("http%3A%2F%2F{}%2Fhonest", server.place().replace(':', "%3A"));
    let back = format!("http://127.0.0.1:17639/callback?code=the-code&state={state}&iss={issuer}");
    answer(&home, &again, &back);
    let done = ended(&home, &run);
    assert_eq!(done["status"], "completed", "{done}\n{}", home.log());

    // The next run needs nobody, and neither does the next daemon.
    daemon.kill();
    let daemon = home.start();
    let second = file(&home, &server, "second");
    let done = home.client(&["run", "-f", &second, "--json"]).json();
    assert_eq!(done["status"], "completed", "{done}");
    asked_for_once(&server);
    daemon.stop();
    for token in ["token-1", "refresh-1", "refresh-2"] {
        let found = crate::secrets::found_below(&home.path(""), token);
        assert!(
            found.iter().all(|path| path.contains("data/secrets/.granted/")),
            "{token}: {found:?}"
        );
    }
}

#[test]
fn who_says_no_and_who_lies_about_who_answers_end_the_step() {
    let server = GuardedServer::start();
    let home = Home::new(&[server.place()]);
    let _daemon = home.start();
    for (name, lie) in [("denied", None), ("lied", Some("https%3A%2F%2Fbank.example"))] {
        let file = file(&home, &server, name);
        let run = home.client(&["run", "-f", &file, "--detach", "--json"]).json();
        let asked = question(&home);
        let state = member(asked["payload"]["address"].as_str().unwrap(), "state");
        match lie {
            None => drop(
                home.client(&["approvals", "deny", asked["id"].as_str().unwrap()])
                    .expect_code(0),
            ),
            Some(issuer) => answer(
                &home,
                &asked,
                &format!("http://x/?code=the-code&state={state}&iss={issuer}"),
            ),
        }
        let done = ended(&home, run["run"].as_str().unwrap());
        assert_eq!(done["error"]["status"], 401, "{done}");
    }
    let tokens = server.seen();
    assert!(!tokens.iter().any(|one| one.contains("/token ")), "{tokens:?}");
}

/// Where the browser ends that signs in at an authority of that path.
fn back(server: &GuardedServer, lie: &str, question: &Value) -> String {
    let state = member(question["payload"]["address"].as_str().unwrap(), "state");
    let issuer = format!("http%3A%2F%2F{}%2F{lie}", server.place().replace(':', "%3A"));
    format!("http://127.0.0.1:17639/callback?code=the-code&state={state}&iss={issuer}")
}

/// A run of an agent whose server is that one; the daemon dies while its question is open.
fn an_agent_asks(lie: &str, told_before: usize) {
    let server = GuardedServer::start();
    let model = Model::start(Duration::ZERO, |body| match results(body).len() {
        0 => Say::call("t", json!({})),
        _ => Say::Text(results(body).concat()),
    });
    let home = crate::agent_steps::home(&model, &[server.place()]);
    let daemon = home.start();
    let mcp = json!({ "endpoint": format!("http://{}/{lie}/mcp", server.place()), "sign_in": {} });
    let grant = json!({ "mcp": mcp, "allow": ["t"], "approval": "never", "traits": {} });
    publish(&home, "helper", &json!({ "tools": [grant] }));
    let text = "do: [ { a: { call: agent, with: { agent: helper, input: { task: go } } } } ]\n";
    let file = workflow(&home, "signed-in", text);
    let run = home.client(&["run", "-f", &file, "--detach", "--json"]).json();
    let run = run["run"].as_str().unwrap().to_owned();
    let asked = question(&home);
    assert_eq!(asked["action"], "sign in", "{asked}\n{}", home.log());
    assert_eq!(model.told().len(), told_before, "what its model was asked before");

    daemon.kill();
    let _daemon = home.start();
    let asked = question(&home);
    answer(&home, &asked, &back(&server, lie, &asked));
    let done = ended(&home, &run);
    assert_eq!(done["status"], "completed", "{done}\n{}", home.log());
    let said = done["output"].as_str().unwrap();
    assert!(said.contains("let in with") && !said.contains("token-"), "{said}");
    assert_eq!(model.told().len(), 2, "no call of the model is repeated");
    let calls: Vec<String> = server
        .seen()
        .into_iter()
        .filter(|one| one.starts_with(&format!("POST /{lie}/mcp")))
        .collect();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let all: Vec<String> = events(&home, &run).iter().map(Value::to_string).collect();
    assert!(!all.concat().contains("token-"), "a token is in the journal");
    let told: Vec<String> = model.told().iter().map(|told| told.body.to_string()).collect();
    assert!(!told.concat().contains("token-"), "a token was told to the model");
}

#[test]
fn an_agent_whose_server_wants_a_sign_in_before_it_shows_its_tools_asks_and_goes_on() {
    an_agent_asks("honest", 0);
}

#[test]
fn an_agent_whose_server_wants_a_sign_in_for_a_call_asks_and_goes_on() {
    an_agent_asks("shows", 1);
}

#[test]
fn a_client_that_the_authority_forgot_registers_again() {
    let server = GuardedServer::start();
    let home = Home::new(&[server.place()]);
    let _daemon = home.start();
    let first = file_of(&home, &server, ("forgets", "first"));
    let run = home.client(&["run", "-f", &first, "--detach", "--json"]).json();
    let asked = question(&home);
    answer(&home, &asked, &back(&server, "forgets", &asked));
    assert_eq!(ended(&home, run["run"].as_str().unwrap())["status"], "completed");
    // Its token is over, and nobody knows it at the authority any more.
    let second = file_of(&home, &server, ("forgets", "second"));
    let _run = home.client(&["run", "-f", &second, "--detach", "--json"]).json();
    let asked = question(&home);
    let address = asked["payload"]["address"]
        .as_str()
        .unwrap_or_else(|| panic!("{asked}"));
    assert_eq!(member(address, "client_id"), "registered-2");
}
