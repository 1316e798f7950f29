//! RFC 9728: what a server says of itself as something protected, and which authorities it takes tokens of.

use reqwest::Url;
use serde_json::Value;

use super::super::super::web::{Ended, Web};
use super::challenge::Challenge;
use super::document::{fetched, quoted, texts, unsound};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
const TITLE: &str = "What the server says of itself is not so";

/// A server, as it describes itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Protected {
    /// Its own name: what tokens are asked for.
    pub(super) resource: String,
    /// Authorities whose tokens it takes.
    pub(super) authorities: Vec<String>,
    /// What there are tokens for.
    pub(super) scopes: Option<Vec<String>>,
}

/// The description of a server; nothing where it has none.
pub(super) async fn describe(
    web: &Web,
    server: &Url,
    challenge: &Challenge,
) -> Result<Option<Protected>, Ended> {
    for url in places(server, challenge)? {
        if let Some(found) = fetched(web, &url, server).await? {
            return read(&found, server).map(Some);
        }
    }
    Ok(None)
}

/// Where it may be: where the server says, else where it belongs.
fn places(server: &Url, challenge: &Challenge) -> Result<Vec<Url>, Ended> {
    if let Some(said) = &challenge.metadata {
        let url = Url::parse(said)
            .ok()
            .filter(|url| url.origin() == server.origin());
        let elsewhere = || {
            unsound(
                TITLE,
                format!("its description is said to be at {}", quoted(said)),
            )
        };
        return Ok(vec![url.ok_or_else(elsewhere)?]);
    }
    let path = server.path().trim_end_matches('/');
    let mut all = Vec::new();
    for path in [format!("{WELL_KNOWN}{path}"), WELL_KNOWN.to_owned()] {
        let mut url = server.clone();
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        if !all.contains(&url) {
            all.push(url);
        }
    }
    Ok(all)
}

fn read(found: &Value, server: &Url) -> Result<Protected, Ended> {
    let resource = found["resource"].as_str().unwrap_or_default();
    if !covers(resource, server) {
        let detail = format!("it calls itself {}", quoted(resource));
        return Err(unsound(TITLE, detail));
    }
    let authorities = texts(&found["authorization_servers"]).unwrap_or_default();
    if authorities.is_empty() {
        return Err(unsound(TITLE, "it names no authority"));
    }
    Ok(Protected {
        resource: resource.to_owned(),
        authorities,
        scopes: texts(&found["scopes_supported"]),
    })
}

/// Whether a name is the server's: its address, or one that its address lies below.
fn covers(resource: &str, server: &Url) -> bool {
    let Ok(named) = Url::parse(resource) else {
        return false;
    };
    let path = named.path().trim_end_matches('/');
    let below = server.path().strip_prefix(path);
    named.origin() == server.origin()
        && named.fragment().is_none()
        && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_description_is_looked_for_where_it_belongs() {
        let places = |server: &str| -> Vec<String> {
            let found = places(&url(server), &Challenge::default()).unwrap();
            found.iter().map(Url::to_string).collect()
        };
        assert_eq!(
            places("https://s/public/mcp?x=1"),
            [
                "https://s/.well-known/oauth-protected-resource/public/mcp",
                "https://s/.well-known/oauth-protected-resource"
            ]
        );
        assert_eq!(
            places("https://s/"),
            ["https://s/.well-known/oauth-protected-resource"]
        );
        let said = |text: &str| Challenge {
            metadata: Some(text.into()),
            ..Challenge::default()
        };
        assert!(super::places(&url("https://s/mcp"), &said("https://s/there")).is_ok());
        for elsewhere in ["https://t/there", "http://s/there", "https://s:444/x", "there"] {
            assert!(
                super::places(&url("https://s/mcp"), &said(elsewhere)).is_err(),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn a_server_is_nobody_else() {
        let server = url("https://s/public/mcp");
        for good in [
            "https://s/public/mcp",
            "https://S/public",
            "https://s",
            "https://s/",
        ] {
            assert!(covers(good, &server), "{good}");
        }
        for bad in [
            "https://t/public/mcp",
            "https://s/pub",
            "http://s/public/mcp",
            "https://s/public/mcp/x",
            "s",
            "",
        ] {
            assert!(!covers(bad, &server), "{bad}");
        }
    }
}
