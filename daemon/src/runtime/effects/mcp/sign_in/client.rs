//! Who the client is at an authority: as the document says, by an address that describes it, or registered (RFC 7591).

use dirigent_protocol::run::HttpCall;
use reqwest::Url;
use serde_json::{Value, json};

use super::super::super::http_answer;
use super::super::super::web::{Ended, Web};
use super::address::REDIRECT;
use super::authority::Authority;
use super::document::{known, quoted, unsound};
use super::kept::Client;

/// Largest answer to a registration, bytes.
const MOST: usize = 64 << 10;

/// The client of a policy at an authority; `before` is the one that was registered there.
pub(super) async fn at(
    web: &Web,
    authority: &Authority,
    policy: &Value,
    before: Option<Client>,
) -> Result<Client, Ended> {
    let given = &policy["client"];
    let id = given["id"].as_str().unwrap_or_default();
    let is_address = Url::parse(id).is_ok_and(|url| url.scheme() == "https" && url.path() != "/");
    if !id.is_empty() && (!is_address || authority.knows_addresses) {
        let said = given["authentication"].as_str().map(str::to_owned);
        let has_secret = given["secret"].is_string() || given["assertion"].is_string();
        return Ok(Client {
            id: id.to_owned(),
            secret: None,
            authentication: said.unwrap_or_else(|| method(authority, has_secret)),
            registered: false,
        });
    }
    if let Some(before) = before.filter(|before| before.registered) {
        return Ok(before);
    }
    register(web, authority).await
}

/// How a client says who it is, where nobody says how.
fn method(authority: &Authority, has_secret: bool) -> String {
    if !has_secret {
        return "none".to_owned();
    }
    let Some(methods) = &authority.methods else {
        return "client_secret_basic".to_owned();
    };
    let known = ["client_secret_basic", "client_secret_post", "none"];
    let found = known
        .into_iter()
        .find(|name| methods.iter().any(|one| one == name));
    found.unwrap_or("client_secret_basic").to_owned()
}

async fn register(web: &Web, authority: &Authority) -> Result<Client, Ended> {
    let Some(place) = &authority.registration else {
        let detail = format!(
            "{} registers nobody by itself: register there, with {REDIRECT} as the address to come back to, and put the \
             id under `client.id`",
            quoted(&authority.issuer)
        );
        return Err(unsound("The authority does not know this client", detail));
    };
    let open = authority
        .methods
        .as_ref()
        .is_some_and(|methods| methods.iter().any(|one| one == "none"));
    let asked = if open {
        "none".to_owned()
    } else {
        method(authority, true)
    };
    let wanted = HttpCall {
        method: "POST".into(),
        uri: place.to_string(),
        headers: [("accept".to_owned(), "application/json".to_owned())].into(),
        body: Some(json!({
            "client_name": "Dirigent",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "application_type": "native",
            "token_endpoint_auth_method": asked,
        })),
        ..HttpCall::default()
    };
    // Registered twice is no harm: nobody uses the first.
    let response = Box::pin(web.respond(&wanted, "")).await.map_err(known)?;
    let status = response.status();
    let body = http_answer::read(response, MOST).await.unwrap_or_default();
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = said["client_id"].as_str().unwrap_or_default();
    if !status.is_success() || id.is_empty() {
        let why = said["error_description"].as_str().or(said["error"].as_str());
        let detail = format!(
            "it answered {status}: {}",
            quoted(why.unwrap_or("no reason given"))
        );
        return Err(unsound("The authority registers no client", detail));
    }
    let secret = said["client_secret"].as_str().map(str::to_owned);
    let told = said["token_endpoint_auth_method"].as_str().map(str::to_owned);
    Ok(Client {
        id: id.to_owned(),
        authentication: told.unwrap_or_else(|| {
            if open {
                asked
            } else {
                method(authority, secret.is_some())
            }
        }),
        secret,
        registered: true,
    })
}
