//! Model dialects against a gateway that others wrote: LiteLLM's proxy, which takes each and asks a chat server.

use std::process::Command;
use std::time::Duration;

use dirigent_tests::{Home, Server};

use crate::installed::{Served, free_port, from_pypi, served};

/// What is installed.
const PACKAGE: &str = "litellm[proxy]==1.106.2";
/// The key it asks for.
const KEY: &str = "sk-gateway-0123456789";
/// Dialects, and where the gateway's way of each begins. Some it turns into chat, some into responses.
const DIALECTS: &[(&str, &str)] = &[
    ("openai_chat", "/v1"),
    ("openai_responses", "/v1"),
    ("anthropic_messages", "/v1"),
    ("gemini_generate_content", "/v1beta"),
];

/// A running gateway in front of a server, and where it is; none where pip cannot bring it.
fn started(home: &Home, behind: &str) -> Option<(Served, String)> {
    let bin = from_pypi("e2e-litellm", &[PACKAGE])?;
    let config = home.write(
        "gateway.yaml",
        &format!(
            "model_list:\n  - model_name: counting\n    litellm_params:\n      {{ model: openai/counting, \
             api_key: none, api_base: 'http://{behind}/v1' }}\ngeneral_settings: {{ master_key: {KEY} }}\n"
        ),
    );
    let port = free_port().to_string();
    let place = format!("127.0.0.1:{port}");
    let mut command = Command::new(bin.join("litellm"));
    command
        .args(["--host", "127.0.0.1", "--port", &port])
        .arg("--config")
        .arg(config)
        // It asks the network for its price list otherwise.
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
    Some((served(&mut command, &place), place))
}

#[test]
fn dialects_are_understood_by_a_gateway_of_others() {
    let server = Server::start(Duration::ZERO);
    let home = Home::new(&[]);
    let Some((_gateway, place)) = started(&home, &server.place()) else {
        return;
    };
    let key = home.write("key", KEY);
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (dialect, below) in DIALECTS {
        home.configure(&format!(
            "\n[providers.{dialect}]\ndialect = \"{dialect}\"\nbase_url = \"http://{place}{below}\"\nkey_file = {key:?}\n"
        ));
    }
    let _daemon = home.start();
    for (dialect, _) in DIALECTS {
        let agent = format!(
            "kind: Agent\nmetadata: {{ name: teller }}\nspec:\n  model: {dialect}/counting\n  max_tokens: 64\n  \
             system: Be brief.\n  prompt: Count to {{{{ input.to }}}}.\n"
        );
        let file = home.write("teller.yaml", &agent);
        let applied = home.client(&["apply", "-f", file.to_str().unwrap()]);
        assert_eq!(applied.code, Some(0), "{applied:#?}");
        let document = format!(
            "document: {{ dsl: '1.0.3', namespace: tests, name: count, version: '1.0.0' }}\n\
             do: [{{ count: {{ call: agent, with: {{ agent: teller, input: {{ to: three }} }} }} }}]\n# {dialect}\n"
        );
        let file = home.write("count.yaml", &document);
        let report = home
            .client(&["run", "-f", file.to_str().unwrap(), "--json"])
            .json();
        assert_eq!(
            report["output"].as_str().map(str::trim),
            Some("one two three"),
            "{dialect}: {report}\n{}",
            home.log()
        );
        let run = report["run"].as_str().unwrap();
        let events = home.client(&["runs", "events", run, "--json"]).stdout;
        assert!(
            events.contains(&format!("\"provider\":\"{dialect}\"")),
            "{dialect}: {events}"
        );
    }
    assert!(server.seen().len() >= DIALECTS.len());
}
