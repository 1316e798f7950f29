//! The address that a person signs in at, and the one that the browser comes back to (RFC 6749, 7636, 8707, 9207).

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::super::web_assertion::url_safe;
use super::kept::Client;

/// Where the browser comes back to: an address of the person's own machine, where nobody needs to listen.
pub(super) const REDIRECT: &str = "http://127.0.0.1:17639/callback";

/// A sign-in that a person was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// Comes back unchanged, and names it.
    pub(super) state: String,
    /// What is exchanged once there is a code: all of the grant but that.
    pub(super) with: Value,
    /// What it is for.
    pub(super) scopes: Vec<String>,
    /// Where the person signs in.
    pub(super) address: String,
    /// The authority that was asked, which must be the one that answers.
    pub(super) issuer: String,
    /// It says its name where it sends a person back.
    #[serde(default)]
    pub(super) says_issuer: bool,
}

/// What the authority says where it sends a person back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// The code.
    Code(String),
    /// It is of another sign-in, or no such address: the person may try again.
    Elsewhere(&'static str),
    /// The authority, or somebody who says to be it, is not to be believed, or says no.
    No(String),
}

/// Proof that whoever brings a code is who asked for it.
pub(super) fn challenge_of(verifier: &str) -> String {
    url_safe(&Sha256::digest(verifier.as_bytes()))
}

/// Chance for one secret, unpadded and safe in an address.
pub(super) fn chance() -> String {
    let one = || uuid::Uuid::new_v4().simple().to_string();
    format!("{}{}", one(), one())
}

/// The address for the person.
pub(super) fn sign_in_at(
    authorization: &Url,
    (client, resource): (&str, &str),
    scopes: &[String],
    (state, verifier): (&str, &str),
) -> String {
    let mut url = authorization.clone();
    let challenge = challenge_of(verifier);
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client)
        .append_pair("redirect_uri", REDIRECT)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("state", state)
        .append_pair("resource", resource);
    if !scopes.is_empty() {
        url.query_pairs_mut().append_pair("scope", &scopes.join(" "));
    }
    url.to_string()
}

impl Pending {
    /// Whether it is a sign-in of that client at that authority, for that server and these scopes.
    pub(super) fn is_for(
        &self,
        issuer: &str,
        (client, resource): (&Client, &str),
        scopes: &[String],
    ) -> bool {
        self.issuer == issuer
            && self.scopes == scopes
            && self.with["resource"] == resource
            && self.with["client"]["id"] == client.id.as_str()
    }

    /// Reads the address that a browser came back to.
    pub(super) fn back(&self, callback: &str) -> Back {
        let Ok(url) = Url::parse(callback.trim()) else {
            return Back::Elsewhere("that is no address");
        };
        let said = |name: &str| {
            let mut found = url.query_pairs().filter(|(known, _)| known == name);
            let first = found.next().map(|(_, value)| value.into_owned());
            first.filter(|_| found.next().is_none())
        };
        if said("state").as_deref() != Some(&self.state) {
            return Back::Elsewhere("that address is not of this sign-in");
        }
        // Before anything else of it is believed, an error included.
        match said("iss") {
            Some(issuer) if issuer != self.issuer => {
                return Back::No("another authority answered than the one that was asked".to_owned());
            }
            None if self.says_issuer => {
                return Back::No(
                    "whoever answered does not say to be the authority that was asked".to_owned(),
                );
            }
            _ => {}
        }
        match (said("code"), said("error")) {
            (Some(code), None) if !code.is_empty() => Back::Code(code),
            (_, Some(error)) => Back::No(format!("the authority says {}", super::document::quoted(&error))),
            _ => Back::Elsewhere("that address holds no code"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pending(says_issuer: bool) -> Pending {
        Pending {
            state: "s1".into(),
            with: json!({}),
            scopes: Vec::new(),
            address: String::new(),
            issuer: "https://a".into(),
            says_issuer,
        }
    }

    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_the_one_of_rfc_7636() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(
            challenge_of(verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert!(chance().len() >= 43 && chance() != chance());
    }

    #[test]
    fn a_sign_in_is_of_one_client_for_one_server() {
        let client = |id: &str| Client {
            id: id.into(),
            ..Client::default()
        };
        let asked = Pending {
            with: json!({ "resource": "https://s/mcp", "client": client("c") }),
            scopes: vec!["tools".into()],
            ..pending(false)
        };
        let is_for = |issuer: &str, id: &str, resource: &str, scope: &str| {
            asked.is_for(issuer, (&client(id), resource), &[scope.to_owned()])
        };
        assert!(is_for("https://a", "c", "https://s/mcp", "tools"));
        assert!(!is_for("https://b", "c", "https://s/mcp", "tools"));
        assert!(
            !is_for("https://a", "c", "https://s", "tools"),
            "another resource"
        );
        assert!(
            !is_for("https://a", "d", "https://s/mcp", "tools"),
            "another client"
        );
        assert!(!is_for("https://a", "c", "https://s/mcp", "more"));
    }

    #[test]
    fn only_the_authority_that_was_asked_answers() {
        let back =
            |query: &str, says| pending(says).back(&format!("http://127.0.0.1:17639/callback?{query}"));
        let code = || Back::Code("c".into());
        assert_eq!(back("code=c&state=s1", false), code());
        assert_eq!(back("code=c&state=s1&iss=https%3A%2F%2Fa", true), code());
        assert_eq!(back("code=c&state=s1&iss=https%3A%2F%2Fa", false), code());
        for (query, says) in [
            ("code=c&state=s1", true),
            ("code=c&state=s1&iss=https%3A%2F%2Fb", false),
            ("code=c&state=s1&iss=https%3A%2F%2Fa%2F", true),
            ("error=access_denied&state=s1&iss=https%3A%2F%2Fb", true),
            ("error=access_denied&state=s1", false),
        ] {
            assert!(matches!(back(query, says), Back::No(_)), "{query}");
        }
        for query in [
            "code=c&state=s2",
            "code=c",
            "state=s1",
            "code=c&state=s1&state=s2",
            "code=c&code=d&state=s1",
        ] {
            assert!(matches!(back(query, false), Back::Elsewhere(_)), "{query}");
        }
        assert!(matches!(pending(false).back("hello"), Back::Elsewhere(_)));
    }
}
