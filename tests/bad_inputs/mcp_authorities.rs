//! M: servers of tools that send people to sign in where they should not, and authorities that are not what they say.

use dirigent_tests::GuardedServer;

use crate::rules::{Bed, Leaves};

/// How a server or its authority lies, and the word that the step ends with.
const LIES: &[(&str, &str)] = &[
    ("elsewhere", "its description is said to be at"),
    ("silent", "does not say which authority"),
    ("loop", "more than 5 redirects"),
    ("huge", "is too large"),
    ("garbage", "is no JSON object"),
    ("nobody", "it names no authority"),
    ("internal", "169.254.169.254:443 is not a public address"),
    ("plain", "is not https"),
    ("another", "it calls itself `https://bank.example/mcp`"),
    ("issuer", "calls itself `https://bank.example`"),
    ("tokens_inside", "10.0.0.1:443 is not a public address"),
    ("script", "people would sign in at `javascript:alert(1)`"),
    ("no_proof", "PKCE"),
    ("unknown", "registers nobody by itself"),
    ("refuses", "registers no client"),
];

#[test]
fn nobody_signs_in_where_a_liar_says() {
    let server = GuardedServer::start();
    let bed = Bed::start(&[server.place()], "");
    for (lie, word) in LIES {
        let text = format!(
            "document: {{dsl: '1.0.3', namespace: bad, name: row, version: '1.0.0'}}\n# {lie}\ndo:\n  - a:\n      call: mcp\n      \
             with: {{ method: tools/call, parameters: {{ name: t }}, transport: {{ http: {{ endpoint: {{ \
             uri: 'http://{}/{lie}/mcp', authentication: {{ oauth2: {{ grant: authorization_code }} }} }} }} }} }}\n",
            server.place()
        );
        let file = bed.home.write("row.yaml", &text);
        let output = bed.row("M14", Leaves::ARun, || {
            bed.home.client(&["run", "-f", file.to_str().unwrap(), "--json"])
        });
        let report = output.json();
        assert_eq!(report["status"], "faulted", "M14 {lie}: {report}");
        let error = &report["error"];
        bed.shows_nothing("M14", &error.to_string());
        let told = format!("{} {}", error["title"], error["detail"]).replace("\\\"", "\"");
        assert!(told.contains(word), "M14 {lie}: no `{word}` in {error}");
    }
    let asked = server.seen();
    let tokens = asked.iter().filter(|one| one.contains("/token "));
    assert_eq!(tokens.count(), 0, "M14: a token was asked for: {asked:?}");
}
