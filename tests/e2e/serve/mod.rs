//! What the daemon offers to other programs, used by clients nobody here wrote (`mcp` and `a2a-sdk` of PyPI) and by a
//! second daemon of ours.

mod elsewhere;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use dirigent_tests::{Daemon, Home, LONG, client_path, daemon_path, until};
use serde_json::{Value, json};

use crate::installed::from_pypi;
use crate::standard::workflow;

const OFFERS: &str = include_str!("offers.yaml");
const MCP_CLIENT: &str = include_str!("mcp_client.py");
const A2A_CLIENT: &str = include_str!("a2a_client.py");
/// What is installed.
const PACKAGES: [&str; 2] = ["mcp==2.3.0", "a2a-sdk[http-server]==1.3.0"];

/// A Python with the clients; none where pip cannot bring them.
fn python() -> Option<PathBuf> {
    Some(from_pypi("e2e-clients", &PACKAGES)?.join("python"))
}

/// A daemon that offers something over HTTP.
struct Serving {
    home: Home,
    _daemon: Daemon,
    url: String,
    token: String,
}

impl Serving {
    fn start() -> Self {
        let home = Home::new(&[]);
        home.configure("\n[serve]\nlisten = \"127.0.0.1:0\"\n");
        let daemon = home.start();
        let file = home.write("offers.yaml", OFFERS);
        let applied = home.client(&["apply", "-f", file.to_str().unwrap()]);
        assert_eq!(applied.code, Some(0), "{applied:#?}");
        let url = home.client(&["status", "--json"]).json()["serve"]
            .as_str()
            .unwrap()
            .to_owned();
        let named = ["greet", "ask", "slow", "teller", "patient"];
        let token = token(&home, "visitor", &named);
        Self {
            home,
            _daemon: daemon,
            url,
            token,
        }
    }

    fn place(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    fn runs(&self) -> Vec<Value> {
        let listed = self.home.client(&["runs", "list", "--json"]).json();
        listed["items"].as_array().unwrap().clone()
    }

    /// A script's lines, by their first member.
    fn script(&self, python: &Path, text: &str, arguments: &[&str]) -> Vec<Value> {
        let script = self.home.write("client.py", text);
        let mut command = self.home.command(python);
        let out = command.arg(script).args(arguments).output().unwrap();
        let told = String::from_utf8(out.stdout).unwrap();
        assert!(
            out.status.success(),
            "{told}\n{}\n{}",
            String::from_utf8_lossy(&out.stderr),
            self.home.log()
        );
        let read = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        told.lines().map(read).collect()
    }
}

fn token(home: &Home, name: &str, offers: &[&str]) -> String {
    let mut words = vec!["tokens", "create", name, "--json"];
    offers.iter().for_each(|offer| words.extend(["--offer", offer]));
    let made = home.client(&words).expect_code(0).json();
    made["token"].as_str().unwrap().to_owned()
}

fn line<'a>(lines: &'a [Value], member: &str) -> &'a Value {
    let found = lines.iter().find(|line| line.get(member).is_some());
    found.unwrap_or_else(|| panic!("no `{member}`: {lines:#?}"))
}

/// What a client of others sees of the tools.
fn uses(lines: &[Value]) {
    let tools = line(lines, "tools")["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    let visible: Vec<&str> = names.iter().copied().filter(|name| *name != "hidden").collect();
    assert_eq!(visible, ["greet", "slow", "teller"], "in the order of names");
    let greet = tools.iter().find(|tool| tool["name"] == "greet").unwrap();
    assert_eq!(
        (
            &greet["description"],
            &greet["title"],
            &greet["inputSchema"]["required"]
        ),
        (
            &json!("Says hello to somebody."),
            &json!("Greeting"),
            &json!(["name"])
        ),
        "{greet}"
    );
    let told = &line(lines, "greet")["greet"];
    assert_eq!(
        told["structuredContent"],
        json!({ "hello": "hello Ada" }),
        "{told}"
    );
    let (first, again) = (&line(lines, "first")["first"], &line(lines, "first")["again"]);
    assert_eq!(
        first["structuredContent"],
        json!({ "hello": "hello Bob" }),
        "{first}"
    );
    let run = |result: &Value| result["_meta"]["dirigent/run"].as_str().map(str::to_owned);
    assert!(run(first).is_some(), "{first}");
    assert_eq!(run(first), run(again), "the same key, the same run");
    let wrong = &line(lines, "wrong")["wrong"];
    assert_eq!(wrong["isError"], true, "{wrong}");
    let teller = &line(lines, "teller")["teller"];
    assert_ne!(teller["isError"], true, "{teller}");
    assert!(
        teller["content"][0]["text"].as_str().unwrap().contains("One"),
        "{teller}"
    );
}

#[test]
fn a_client_of_others_uses_offers_as_tools_over_http_and_over_pipes() {
    let Some(python) = python() else { return };
    let serving = Serving::start();
    let url = format!("{}/mcp", serving.url);
    for mode in ["auto", "legacy"] {
        let lines = serving.script(&python, MCP_CLIENT, &["use", mode, &url, &serving.token]);
        uses(&lines);
        assert!(
            line(&lines, "hidden")["hidden"].is_string(),
            "not in the token: {lines:#?}"
        );
        assert!(!line(&lines, "tools").to_string().contains("\"hidden\""));
    }
    let client = client_path();
    let own = [
        client.to_str().unwrap(),
        "--socket",
        serving.home.socket().to_str().unwrap(),
        "mcp",
    ]
    .map(str::to_owned);
    let words: Vec<&str> = ["use", "auto"]
        .into_iter()
        .chain(own.iter().map(String::as_str))
        .collect();
    let lines = serving.script(&python, MCP_CLIENT, &words);
    uses(&lines);
    let started = serving.runs();
    assert!(
        started.iter().all(|run| run["status"] != "running"),
        "{started:#?}"
    );
}

#[test]
fn a_cancelled_call_of_a_tool_cancels_its_run() {
    let Some(python) = python() else { return };
    let serving = Serving::start();
    let url = format!("{}/mcp", serving.url);
    for (number, mode) in ["auto", "legacy"].into_iter().enumerate() {
        serving.script(&python, MCP_CLIENT, &["cancel", mode, &url, &serving.token]);
        until("the run to be cancelled", LONG, || {
            let runs = serving.runs();
            let ended = runs.iter().filter(|run| run["status"] == "cancelled").count();
            (ended == number + 1).then_some(())
        });
    }
}

#[test]
fn a_client_of_others_uses_offers_as_agents_in_both_revisions() {
    let Some(python) = python() else { return };
    let serving = Serving::start();
    let url = format!("{}/a2a", serving.url);
    for revision in ["1.0", "0.3"] {
        let lines = serving.script(&python, A2A_CLIENT, &[revision, &url, &serving.token]);
        assert_eq!(line(&lines, "card")["card"]["name"], "greet");
        assert_eq!(
            line(&lines, "missing")["missing"],
            "TaskNotFoundError",
            "{lines:#?}"
        );
        let of = |name: &str, streaming: bool, member: &str| {
            let fits = |line: &&Value| {
                line["name"] == name
                    && line.get(member).is_some()
                    && (member == "got" || line["streaming"] == streaming)
            };
            let found = lines.iter().filter(fits).collect::<Vec<_>>();
            let place = usize::from(member == "got" && streaming);
            found
                .get(place)
                .map(|line| line[member].clone())
                .unwrap_or_else(|| panic!("{name}: {lines:#?}"))
        };
        for streaming in [false, true] {
            let state = |name: &str| of(name, streaming, "got")["status"]["state"].clone();
            let got = of("greet", streaming, "got");
            assert_eq!(got["status"]["state"], "TASK_STATE_COMPLETED", "{got}");
            assert_eq!(
                got["artifacts"][0]["parts"][0]["data"],
                json!({ "hello": "hello Ada" }),
                "{got}"
            );
            assert_eq!(state("ask"), "TASK_STATE_INPUT_REQUIRED");
            assert_eq!(state("slow"), "TASK_STATE_CANCELED");
            let events = of("greet", streaming, "events").to_string();
            assert!(events.contains("hello Ada"), "{streaming}: {events}");
        }
    }
}

#[test]
fn a_second_daemon_uses_offers_as_tools_and_as_agents() {
    let serving = Serving::start();
    let (place, token) = (serving.place(), &serving.token);
    let second = Home::new(std::slice::from_ref(&place));
    let _daemon = second.start();
    let ask = |name: &str, task: &str| {
        let file = workflow(&second, name, &format!("do: [ {{ t: {task} }} ]\n"));
        second.client(&["run", "-f", &file, "--json"]).json()
    };
    let authentication = format!("authentication: {{ bearer: {{ token: {token} }} }}");
    let tool = ask(
        "tool",
        &format!(
            "{{ call: mcp, with: {{ method: tools/call, parameters: {{ name: greet, arguments: {{ name: Eve }} }}, \
             transport: {{ http: {{ endpoint: {{ uri: 'http://{place}/mcp', {authentication} }} }} }} }} }}"
        ),
    );
    assert_eq!(
        tool["output"]["structuredContent"],
        json!({ "hello": "hello Eve" }),
        "{tool}\n{}",
        serving.home.log()
    );
    let card = format!(
        "agentCard: {{ endpoint: {{ uri: 'http://{place}/a2a/greet/.well-known/agent-card.json', {authentication} }} }}"
    );
    let message = "parameters: { message: { parts: [ { kind: text, text: Eve } ] } }";
    let agent = ask(
        "agent",
        &format!("{{ call: a2a, with: {{ method: message/send, {card}, {message} }} }}"),
    );
    let part = &agent["output"]["task"]["artifacts"][0]["parts"][0];
    assert_eq!(part["data"], json!({ "hello": "hello Eve" }), "{agent}");
    let started = serving.runs();
    assert_eq!(started.len(), 2, "{started:#?}");
}

/// The status line of a request as it is written.
fn status(place: &str, more: &str) -> String {
    let mut stream = TcpStream::connect(place).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tasks/get\",\"params\":{\"id\":\"x\"}}";
    let head = format!(
        "POST /a2a/greet HTTP/1.1\r\n{more}connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    told.lines().next().unwrap().to_owned()
}

#[test]
fn nobody_comes_in_without_a_good_token_and_no_page_of_a_browser_does() {
    let serving = Serving::start();
    let place = serving.place();
    let host = format!("host: {place}\r\n");
    let bearer = |token: &str| format!("{host}authorization: Bearer {token}\r\n");
    let good = bearer(&serving.token);
    assert_eq!(status(&place, &good), "HTTP/1.1 200 OK");
    let other = token(&serving.home, "other", &["teller"]);
    assert_eq!(status(&place, &bearer(&other)), "HTTP/1.1 404 Not Found");
    for refused in [
        host.clone(),
        bearer("dirigent-token-0"),
        bearer(""),
        format!("{host}authorization: Basic {}\r\n", serving.token),
        bearer(&"x".repeat(4_000)),
    ] {
        assert_eq!(status(&place, &refused), "HTTP/1.1 401 Unauthorized", "{refused}");
    }
    let page = format!("{good}origin: http://{place}\r\n");
    assert_eq!(status(&place, &page), "HTTP/1.1 403 Forbidden");
    let renamed = good.replace(&host, "host: evil.example\r\n");
    assert_eq!(status(&place, &renamed), "HTTP/1.1 403 Forbidden");
    let revoked = serving.home.client(&["tokens", "revoke", "visitor"]);
    assert_eq!(revoked.code, Some(0), "{revoked:#?}");
    assert_eq!(status(&place, &good), "HTTP/1.1 401 Unauthorized");
    let everything = serving.home.client(&["get", "tokens", "--json"]).stdout + &serving.home.log();
    assert!(!everything.contains(&other), "a secret is kept");
}

#[test]
fn offers_are_served_on_loopback_alone() {
    let home = Home::new(&[]);
    home.configure("\n[serve]\nlisten = \"0.0.0.0:7411\"\n");
    let mut command = home.command(&daemon_path());
    let out = command.args(["config", "check"]).output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(78), "{told}");
    assert!(
        told.contains("serve.listen") && told.contains("loopback"),
        "{told}"
    );
}
