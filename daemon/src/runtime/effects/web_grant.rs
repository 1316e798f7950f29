//! What an authority is asked for a token: the grant, and who the client is. RFC 6749, 7523 and 8693.
//!
//! Sends nothing, keeps nothing.

use dirigent_protocol::run::{Authentication, HttpCall, Scheme};
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::web::Ended;
use super::web_assertion::assertion;
use super::web_auth::{text, wrong};
use crate::clock;

const NO_CODE: &str = "there is no code: sign in with a browser, and put the `code` (with its `redirect_uri`) into the \
                       secret that the policy uses, or into `subject.token`";

fn list(value: &Value) -> String {
    let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    items.collect::<Vec<_>>().join(" ")
}

fn put(form: &mut Map<String, Value>, name: &str, value: &str) {
    if !value.is_empty() {
        form.insert(name.to_owned(), Value::String(value.to_owned()));
    }
}

/// What a person brought back from the browser.
pub(super) fn code(with: &Value) -> Result<&str, Ended> {
    let given = with["code"].as_str().or(with["subject"]["token"].as_str());
    given.ok_or_else(|| wrong(NO_CODE))
}

/// What the grant gives.
fn granted(form: &mut Map<String, Value>, with: &Value) -> Result<(), Ended> {
    let grant = text(with, "grant")?;
    put(form, "grant_type", grant);
    match grant {
        "client_credentials" => {}
        "password" => {
            put(form, "username", text(with, "username")?);
            put(form, "password", text(with, "password")?);
        }
        "urn:ietf:params:oauth:grant-type:token-exchange" => {
            put(form, "subject_token", text(&with["subject"], "token")?);
            put(form, "subject_token_type", text(&with["subject"], "type")?);
            if with["actor"].is_object() {
                put(form, "actor_token", text(&with["actor"], "token")?);
                put(form, "actor_token_type", text(&with["actor"], "type")?);
            }
        }
        "refresh_token" => put(form, "refresh_token", text(&with["subject"], "token")?),
        "authorization_code" => {
            put(form, "code", code(with)?);
            for name in ["redirect_uri", "code_verifier"] {
                put(form, name, with[name].as_str().unwrap_or_default());
            }
        }
        other => return Err(wrong(format!("the grant `{other}` is not known"))),
    }
    Ok(())
}

/// Who the client is.
fn client_of(
    form: &mut Map<String, Value>,
    client: &Value,
    audience: &str,
) -> Result<Option<Authentication>, Ended> {
    let id = client["id"].as_str().unwrap_or_default();
    let secret = client["secret"].as_str().unwrap_or_default();
    let mut authentication = None;
    match client["authentication"].as_str().unwrap_or("client_secret_post") {
        "client_secret_basic" => {
            authentication = Some(Authentication {
                scheme: Scheme::Basic,
                with: json!({ "username": id, "password": secret }),
            });
        }
        "client_secret_post" => {
            put(form, "client_id", id);
            put(form, "client_secret", secret);
        }
        "none" => put(form, "client_id", id),
        kind => {
            let assertion = match client["assertion"].as_str() {
                Some(given) => given.to_owned(),
                None => assertion(kind, (id, secret), audience, (clock::system())()).map_err(wrong)?,
            };
            put(form, "client_id", id);
            put(
                form,
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            );
            put(form, "client_assertion", &assertion);
        }
    }
    Ok(authentication)
}

/// RFC 6749, 7523 and 8693: what an authority is asked.
pub(super) fn token_request(endpoint: Url, with: &Value) -> Result<HttpCall, Ended> {
    let mut form = Map::new();
    granted(&mut form, with)?;
    put(&mut form, "scope", &list(&with["scopes"]));
    put(&mut form, "audience", &list(&with["audiences"]));
    // RFC 8707: which server the token is for.
    put(
        &mut form,
        "resource",
        with["resource"].as_str().unwrap_or_default(),
    );
    // Where the authority described itself, its name is who an assertion is for.
    let audience = with["issuer"].as_str().unwrap_or(endpoint.as_str());
    let authentication = client_of(&mut form, &with["client"], audience)?;
    let as_json = with["request"]["encoding"] == "application/json";
    let (kind, body) = if as_json {
        ("application/json", Value::Object(form))
    } else {
        ("application/x-www-form-urlencoded", Value::String(encoded(&form)))
    };
    Ok(HttpCall {
        method: "POST".into(),
        uri: endpoint.to_string(),
        headers: [
            ("content-type".to_owned(), kind.to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
        ]
        .into(),
        body: Some(body),
        authentication,
        ..HttpCall::default()
    })
}

fn encoded(form: &Map<String, Value>) -> String {
    let Ok(mut url) = Url::parse("http://form/") else {
        return String::new();
    };
    for (name, value) in form {
        url.query_pairs_mut()
            .append_pair(name, value.as_str().unwrap_or_default());
    }
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_asked_as_the_grant_and_the_client_want() {
        let url = || Url::parse("https://a/token").unwrap();
        let call = token_request(
            url(),
            &json!({ "grant": "client_credentials", "client": { "id": "me", "secret": "s&=" }, "scopes": ["a", "b"] }),
        )
        .unwrap();
        let body = call.body.unwrap();
        assert_eq!(
            body,
            "grant_type=client_credentials&scope=a+b&client_id=me&client_secret=s%26%3D"
        );
        let call = token_request(
            url(),
            &json!({
                "grant": "password", "username": "u", "password": "p", "request": { "encoding": "application/json" },
                "client": { "id": "me", "secret": "s", "authentication": "client_secret_basic" },
            }),
        )
        .unwrap();
        assert_eq!(
            call.body.unwrap(),
            json!({"grant_type": "password", "username": "u", "password": "p"})
        );
        assert_eq!(
            call.authentication.unwrap().with,
            json!({"username": "me", "password": "s"})
        );
        let client = json!({ "id": "me", "secret": "s", "authentication": "client_secret_jwt" });
        let call = token_request(url(), &json!({ "grant": "client_credentials", "client": client })).unwrap();
        let body = call.body.unwrap();
        let body = body.as_str().unwrap();
        assert!(
            body.contains("client_assertion_type=urn") && body.contains("client_assertion=ey"),
            "{body}"
        );
        assert!(!body.contains("client_secret"), "{body}");
        assert!(token_request(url(), &json!({ "grant": "authorization_code" })).is_err());
        let with = json!({
            "grant": "authorization_code", "code": "c0de", "redirect_uri": "https://me/back", "client": { "id": "me" },
        });
        assert_eq!(
            token_request(url(), &with).unwrap().body.unwrap(),
            "grant_type=authorization_code&code=c0de&redirect_uri=https%3A%2F%2Fme%2Fback&client_id=me"
        );
    }
}
