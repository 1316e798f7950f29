//! The conformance suite of the Model Context Protocol, its scenarios for clients: each starts servers of its own, of
//! tools and of tokens, and judges what `call: mcp` says to them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use dirigent_tests::{client_path, daemon_path};

use crate::installed::from_npm;

/// The newest there is, and the Node that it wants.
const SUITE: &str = "@modelcontextprotocol/conformance@0.2.0-alpha.12 node@24.21.0";
/// It takes any GET for the reconnection that it waits for, that of the client's own listening too, which comes when it
/// comes.
const RACED: &str = "sse-retry";
/// Scenarios that run side by side.
const AT_ONCE: usize = 3;

/// What the newest revision requires of clients, whole.
const NEWEST: (&str, &[&str]) = (
    "2026-07-28",
    &[
        "tools_call",
        "request-metadata",
        "auth/metadata-default",
        "auth/metadata-var1",
        "auth/metadata-var2",
        "auth/metadata-var3",
        "auth/basic-cimd",
        "auth/scope-from-www-authenticate",
        "auth/scope-from-scopes-supported",
        "auth/scope-omitted-when-undefined",
        "auth/scope-step-up",
        "auth/scope-retry-limit",
        "auth/token-endpoint-auth-basic",
        "auth/token-endpoint-auth-post",
        "auth/token-endpoint-auth-none",
        "auth/pre-registration",
        "auth/resource-mismatch",
        "auth/offline-access-scope",
        "auth/offline-access-not-supported",
        "auth/authorization-server-migration",
        "auth/iss-supported",
        "auth/iss-not-advertised",
        "auth/iss-supported-missing",
        "auth/iss-wrong-issuer",
        "auth/iss-unexpected",
        "auth/iss-normalized",
        "auth/metadata-issuer-mismatch",
        "http-standard-headers",
        "http-custom-headers",
        "http-invalid-tool-headers",
        "json-schema-ref-no-deref",
        "json-schema-2020-12-preservation",
    ],
);
/// The same of the revision before.
const BEFORE: (&str, &[&str]) = (
    "2025-11-25",
    &[
        "initialize",
        "tools_call",
        "sse-retry",
        "auth/metadata-default",
        "auth/metadata-var1",
        "auth/metadata-var2",
        "auth/metadata-var3",
        "auth/basic-cimd",
        "auth/scope-from-www-authenticate",
        "auth/scope-from-scopes-supported",
        "auth/scope-omitted-when-undefined",
        "auth/scope-step-up",
        "auth/scope-retry-limit",
        "auth/token-endpoint-auth-basic",
        "auth/token-endpoint-auth-post",
        "auth/token-endpoint-auth-none",
        "auth/pre-registration",
        "json-schema-2020-12-preservation",
    ],
);
/// The first revision with authorities, which were the servers themselves.
const FIRST: (&str, &[&str]) = (
    "2025-03-26",
    &[
        "auth/2025-03-26-oauth-metadata-backcompat",
        "auth/2025-03-26-oauth-endpoint-fallback",
    ],
);
/// Extensions belong to no revision.
const EXTENSIONS: (&str, &[&str]) = (
    "",
    &["auth/client-credentials-jwt", "auth/client-credentials-basic"],
);

/// A revision, a scenario of it, and the checks of it that fail.
type Refused = (&'static str, &'static str, &'static [&'static str]);

/// What does not pass: the checks that fail, and why.
const REFUSED: &[Refused] = &[
    // Grants that only extensions have: tokens for tokens of an identity provider, and of a workload.
    (
        "",
        "auth/enterprise-managed-authorization",
        &["complete-flow-token-exchange", "complete-flow-jwt-bearer"],
    ),
    ("", "auth/wif-jwt-bearer", &["wif-assertion-verified"]),
    // Tokens bound to a key of the client.
    (
        "",
        "auth/dpop",
        &[
            "sep-1932-client-token-request-proof",
            "sep-1932-client-dpop-auth-scheme",
            "sep-1932-client-fresh-proof",
        ],
    ),
    (
        "",
        "auth/dpop-nonce",
        &[
            "sep-1932-client-token-request-proof",
            "sep-1932-client-dpop-auth-scheme",
            "sep-1932-client-fresh-proof",
            "sep-1932-client-as-nonce",
            "sep-1932-client-rs-nonce",
        ],
    ),
    // What was answered goes over a connection of its own, whose requests are numbered anew.
    (
        "2026-07-28",
        "sep-2322-client-request-state",
        &["sep-2322-client-jsonrpc-id-different"],
    ),
    // A question in the middle of a call, as only revisions before the newest have it, is refused.
    (
        "2025-11-25",
        "elicitation-sep1034-client-defaults",
        &[
            "client-elicitation-sep1034-general",
            "client-elicitation-sep1034-string-default",
            "client-elicitation-sep1034-integer-default",
            "client-elicitation-sep1034-number-default",
            "client-elicitation-sep1034-enum-default",
            "client-elicitation-sep1034-boolean-default",
        ],
    ),
];

/// Runs a scenario: whether it passed, the checks that failed, all that was said.
fn run(suite: &Path, revision: &str, scenario: &str) -> (bool, BTreeSet<String>, String) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("e2e/counterparts/mcp_client.sh");
    let folder = tempfile::tempdir().unwrap();
    let node = suite
        .ancestors()
        .find(|one| one.ends_with("node_modules"))
        .unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut suite = Command::new(suite);
    suite.args([
        "client",
        "--scenario",
        scenario,
        "--timeout",
        "120000",
        "--command",
    ]);
    suite.arg(format!("sh {}", script.display()));
    if !revision.is_empty() {
        suite.args(["--spec-version", revision]);
    }
    let out = suite
        .env("PATH", format!("{}:{path}", node.join(".bin").display()))
        .env("DIRIGENT", client_path())
        .env("DIRIGENTD", daemon_path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    let failed = told
        .lines()
        .filter(|line| line.contains("FAILURE"))
        .filter_map(|line| {
            let (_, after) = line.split_once(" [")?;
            Some(after.split_once(']')?.0.trim().to_owned())
        });
    (out.status.success(), failed.collect(), told)
}

#[test]
fn the_suites_scenarios_for_clients() {
    let Some(suite) = from_npm(SUITE, "conformance") else {
        return;
    };
    let all = [NEWEST, BEFORE, FIRST, EXTENSIONS];
    let mut passed = all.map(|(revision, scenarios)| scenarios.iter().map(move |one| (revision, *one)));
    let waiting: Vec<(&str, &str)> = passed.iter_mut().flatten().collect();
    let (waiting, wrong) = (Mutex::new(waiting.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                loop {
                    let Some((revision, scenario)) = waiting.lock().unwrap().next() else {
                        return;
                    };
                    let tries = if scenario == RACED { 5 } else { 1 };
                    let mut tried = (0..tries).map(|_| run(&suite, revision, scenario));
                    let right =
                        |(passed, failed, _): &(bool, BTreeSet<String>, String)| *passed && failed.is_empty();
                    let first = tried.next().unwrap();
                    let last = match right(&first) {
                        true => first,
                        false => tried.find(right).unwrap_or(first),
                    };
                    let (_, _, told) = &last;
                    if !right(&last) {
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{scenario} of {revision}:\n{told}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} do not pass:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    for (revision, scenario, checks) in REFUSED {
        let (_, failed, told) = run(&suite, revision, scenario);
        let checks: BTreeSet<String> = checks.iter().map(|&one| one.to_owned()).collect();
        assert_eq!(failed, checks, "{scenario}:\n{told}");
    }
}
