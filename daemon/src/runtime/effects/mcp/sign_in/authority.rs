//! RFC 8414 and OpenID Connect Discovery: what an authority says of itself.

use reqwest::Url;
use serde_json::{Value, json};

use super::super::super::web::{Ended, Web};
use super::document::{address, fetched, quoted, texts, unsound};

const TITLE: &str = "What the authority says of itself is not so";

/// An authority, as it describes itself.
#[derive(Debug)]
pub(super) struct Authority {
    /// Its name.
    pub(super) issuer: String,
    /// Where people sign in.
    pub(super) authorization: Option<Url>,
    /// Where tokens come from.
    pub(super) token: Url,
    /// Where clients register.
    pub(super) registration: Option<Url>,
    /// What there are tokens for.
    pub(super) scopes: Vec<String>,
    /// How clients may say who they are; none is `client_secret_basic`.
    pub(super) methods: Option<Vec<String>>,
    /// Clients may be named by the address of what describes them.
    pub(super) knows_addresses: bool,
    /// It says its name where it sends a person back.
    pub(super) says_issuer: bool,
}

/// What the authority of that name says.
pub(super) async fn describe(web: &Web, issuer: &str, server: &Url) -> Result<Authority, Ended> {
    let base = address(web, issuer, "the authority", server)?;
    if base.query().is_some() {
        let detail = format!("the name {} has a query", quoted(issuer));
        return Err(unsound(TITLE, detail));
    }
    for place in places(&base) {
        let Some(found) = fetched(web, &place, server).await? else {
            continue;
        };
        if found["issuer"] != issuer {
            let named = found["issuer"].as_str().unwrap_or_default();
            let detail = format!("{} calls itself {}", quoted(issuer), quoted(named));
            return Err(unsound(TITLE, detail));
        }
        return read(web, issuer, &found, server);
    }
    let detail = format!("there is no description of {}", quoted(issuer));
    Err(unsound("The authority does not describe itself", detail))
}

/// The authority of the first revision that had one: the server itself, which may describe itself or be where that
/// revision has it.
pub(super) async fn first_revision(web: &Web, server: &Url) -> Result<Authority, Ended> {
    let issuer = server.origin().ascii_serialization();
    let base = address(web, &issuer, "the authority", server)?;
    if let Some(place) = places(&base).first()
        && let Some(found) = fetched(web, place, server).await?
    {
        return read(web, &issuer, &found, server);
    }
    let told = json!({
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
    });
    read(web, &issuer, &told, server)
}

/// Where its description may be, in the order of the specification.
fn places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    let oauth = at(format!("/.well-known/oauth-authorization-server{path}"));
    let openid = at(format!("/.well-known/openid-configuration{path}"));
    if path.is_empty() {
        return vec![oauth, openid];
    }
    vec![
        oauth,
        openid,
        at(format!("{path}/.well-known/openid-configuration")),
    ]
}

fn read(web: &Web, issuer: &str, found: &Value, server: &Url) -> Result<Authority, Ended> {
    let endpoint = |name: &str| {
        let text = found[name].as_str();
        text.map(|text| address(web, text, name, server)).transpose()
    };
    let authorization = match found["authorization_endpoint"].as_str() {
        // The person's browser goes there, not this program.
        Some(text) => Some(for_a_browser(text, server)?),
        None => None,
    };
    let token = endpoint("token_endpoint")?.ok_or_else(|| unsound(TITLE, "it names no `token_endpoint`"))?;
    let proofs = texts(&found["code_challenge_methods_supported"]).unwrap_or_default();
    if authorization.is_some() && !proofs.iter().any(|method| method == "S256") {
        let detail = "it does not say that it takes proofs of who asked for a code (PKCE, `S256`)";
        return Err(unsound("The authority is not safe to sign in at", detail));
    }
    Ok(Authority {
        issuer: issuer.to_owned(),
        authorization,
        token,
        registration: endpoint("registration_endpoint")?,
        scopes: texts(&found["scopes_supported"]).unwrap_or_default(),
        methods: texts(&found["token_endpoint_auth_methods_supported"]),
        knows_addresses: found["client_id_metadata_document_supported"] == true,
        says_issuer: found["authorization_response_iss_parameter_supported"] == true,
    })
}

fn for_a_browser(text: &str, server: &Url) -> Result<Url, Ended> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| super::document::is_private(url, server));
    let url =
        url.filter(|url| url.fragment().is_none() && url.username().is_empty() && url.password().is_none());
    url.ok_or_else(|| {
        let detail = format!("people would sign in at {}", quoted(text));
        unsound("An address of the authority cannot be used", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_describes_itself_where_the_specification_says() {
        let places = |issuer: &str| -> Vec<String> {
            let found = places(&Url::parse(issuer).unwrap());
            found.iter().map(Url::to_string).collect()
        };
        assert_eq!(
            places("https://a/tenant1"),
            [
                "https://a/.well-known/oauth-authorization-server/tenant1",
                "https://a/.well-known/openid-configuration/tenant1",
                "https://a/tenant1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            places("https://a/"),
            [
                "https://a/.well-known/oauth-authorization-server",
                "https://a/.well-known/openid-configuration",
            ]
        );
    }
}
