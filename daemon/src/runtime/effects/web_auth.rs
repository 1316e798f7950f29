//! Who sends a request: the specification's schemes, carried out.
//!
//! Tokens of an authority are kept in memory until shortly before they end; nothing of it is ever written or logged.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::run::{Authentication, HttpCall, Scheme};
use md5::Md5;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Request, StatusCode, Url};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::http_answer::{self, base64};
use super::performer::refused;
use super::web::{Ended, Web};
use super::web_assertion::assertion;
use crate::clock;

/// A token is not used in its last moments.
const EARLY: Duration = Duration::from_secs(30);
/// Tokens kept.
const MAX_TOKENS: usize = 1_000;

/// Tokens that authorities gave, by the digest of what was asked.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<Digest, (String, Instant)>>);

impl Tokens {
    fn get(&self, asked: Digest) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, until) = kept.get(&asked)?;
        (*until > Instant::now()).then(|| token.clone())
    }

    fn keep(&self, asked: Digest, token: &str, lasts: Duration) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_TOKENS {
            kept.clear();
        }
        kept.insert(
            asked,
            (token.to_owned(), Instant::now() + lasts.saturating_sub(EARLY)),
        );
    }

    /// The request was refused as unknown: whatever was kept for it is worth nothing.
    fn drop_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn wrong(detail: impl Into<String>) -> Ended {
    Box::new(refused(
        "authentication",
        401,
        "The authentication cannot be made",
        detail,
    ))
}

fn text<'v>(fields: &'v Value, name: &str) -> Result<&'v str, Ended> {
    fields[name]
        .as_str()
        .ok_or_else(|| wrong(format!("`{name}` is missing, or is not text")))
}

impl Web {
    /// The request with what says who sends it.
    pub(super) async fn signed(
        &self,
        mut request: Request,
        sender: &Authentication,
        follow: bool,
    ) -> Result<Request, Ended> {
        let with = &sender.with;
        let value = match sender.scheme {
            Scheme::Basic => {
                let pair = format!("{}:{}", text(with, "username")?, text(with, "password")?);
                format!("Basic {}", base64(pair.as_bytes()))
            }
            Scheme::Bearer => format!("Bearer {}", text(with, "token")?),
            Scheme::Digest => self.digest(&request, with, follow).await?,
            Scheme::Oauth2 | Scheme::Oidc => format!("Bearer {}", self.token(sender).await?),
        };
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| wrong("it has characters no header can have"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(request)
    }

    /// RFC 7616: the server is asked what to hash, and only then is the request itself sent.
    async fn digest(&self, request: &Request, with: &Value, follow: bool) -> Result<String, Ended> {
        let (user, password) = (text(with, "username")?, text(with, "password")?);
        let mut asking = Request::new(request.method().clone(), request.url().clone());
        asking.headers_mut().clone_from(request.headers());
        asking
            .headers_mut()
            .remove(HeaderName::from_static("idempotency-key"));
        let answer = self.send(asking, follow).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Err(wrong(format!(
                "the server asks for no digest: it answered {}",
                answer.status()
            )));
        }
        let challenge = answer
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(|value| value.strip_prefix("Digest "))
            .map(parameters)
            .ok_or_else(|| wrong("the server asks for no digest"))?;
        let url = request.url();
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let cnonce = uuid::Uuid::new_v4().simple().to_string();
        response(
            &challenge,
            (user, password),
            request.method().as_str(),
            &path,
            &cnonce,
        )
    }

    /// A token of the authority, kept or new.
    async fn token(&self, sender: &Authentication) -> Result<String, Ended> {
        let asked = Digest::of(&json!({ "scheme": format!("{:?}", sender.scheme), "with": sender.with }));
        if let Some(token) = self.tokens.get(asked) {
            return Ok(token);
        }
        let with = &sender.with;
        let endpoint = self.token_endpoint(sender).await?;
        let call = token_request(endpoint, with)?;
        let response = self.respond(&call, "").await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http_answer::read(response, 1 << 20).await.ok();
        if !status.is_success() {
            self.tokens.drop_all();
            let mut ended = http_answer::failure(status, &headers, None);
            if let dirigent_protocol::run::EffectOutcome::Failed { error, .. } = &mut ended {
                let said: Value =
                    serde_json::from_slice(body.as_deref().unwrap_or_default()).unwrap_or_default();
                let why = said["error"].as_str().unwrap_or("no reason given");
                error.kind = error.kind.replace("/communication", "/authentication");
                error.detail = Some(format!("the authority gave no token: {why}"));
            }
            return Err(Box::new(ended));
        }
        let answer: Value = serde_json::from_slice(body.as_deref().unwrap_or_default())
            .map_err(|_| wrong("the authority's answer is no JSON"))?;
        let token = answer["access_token"]
            .as_str()
            .ok_or_else(|| wrong("the authority's answer holds no access_token"))?;
        if let Some(seconds) = answer["expires_in"].as_u64() {
            self.tokens.keep(asked, token, Duration::from_secs(seconds));
        }
        Ok(token.to_owned())
    }

    async fn token_endpoint(&self, sender: &Authentication) -> Result<Url, Ended> {
        let authority = text(&sender.with, "authority")?.trim_end_matches('/');
        if sender.scheme == Scheme::Oidc {
            let found = self.discover(authority).await?;
            return self.address(text(&found, "token_endpoint")?);
        }
        let path = sender.with["endpoints"]["token"]
            .as_str()
            .unwrap_or("/oauth2/token");
        if path.contains("://") {
            return self.address(path);
        }
        self.address(&format!("{authority}/{}", path.trim_start_matches('/')))
    }

    async fn discover(&self, authority: &str) -> Result<Value, Ended> {
        const WELL_KNOWN: &str = "/.well-known/openid-configuration";
        let uri = if authority.ends_with(WELL_KNOWN) {
            authority.to_owned()
        } else {
            format!("{authority}{WELL_KNOWN}")
        };
        let resource = dirigent_protocol::run::Resource {
            uri,
            authentication: None,
        };
        let bytes = Box::pin(self.fetch(&resource)).await?;
        serde_json::from_slice(&bytes).map_err(|_| wrong("the authority does not describe itself"))
    }
}

fn list(value: &Value) -> String {
    let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    items.collect::<Vec<_>>().join(" ")
}

fn put(form: &mut Map<String, Value>, name: &str, value: &str) {
    if !value.is_empty() {
        form.insert(name.to_owned(), Value::String(value.to_owned()));
    }
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
        other => return Err(wrong(format!("the grant `{other}` needs a person at a browser"))),
    }
    Ok(())
}

/// Who the client is.
fn client_of(
    form: &mut Map<String, Value>,
    client: &Value,
    endpoint: &Url,
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
                None => {
                    assertion(kind, (id, secret), endpoint.as_str(), (clock::system())()).map_err(wrong)?
                }
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
fn token_request(endpoint: Url, with: &Value) -> Result<HttpCall, Ended> {
    let mut form = Map::new();
    granted(&mut form, with)?;
    put(&mut form, "scope", &list(&with["scopes"]));
    put(&mut form, "audience", &list(&with["audiences"]));
    let authentication = client_of(&mut form, &with["client"], &endpoint)?;
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

/// `name="value", name=value`: what a challenge says.
fn parameters(text: &str) -> HashMap<String, String> {
    let mut all = HashMap::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        all.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = next.trim_start_matches([',', ' ']);
    }
    all
}

fn response(
    challenge: &HashMap<String, String>,
    (user, password): (&str, &str),
    method: &str,
    path: &str,
    cnonce: &str,
) -> Result<String, Ended> {
    let part = |name: &str| challenge.get(name).map_or("", String::as_str);
    let algorithm = if part("algorithm").is_empty() {
        "MD5"
    } else {
        part("algorithm")
    };
    let hash = |text: &str| match algorithm.to_ascii_uppercase().as_str() {
        "MD5" | "MD5-SESS" => Ok(hex(&Md5::digest(text.as_bytes()))),
        "SHA-256" | "SHA-256-SESS" => Ok(hex(&Sha256::digest(text.as_bytes()))),
        other => Err(wrong(format!("the digest algorithm `{other}` is not known"))),
    };
    let (realm, nonce) = (part("realm"), part("nonce"));
    let mut secret = hash(&format!("{user}:{realm}:{password}"))?;
    if algorithm.to_ascii_uppercase().ends_with("-SESS") {
        secret = hash(&format!("{secret}:{nonce}:{cnonce}"))?;
    }
    let asked = hash(&format!("{method}:{path}"))?;
    let offered = part("qop");
    if !offered.is_empty() && !offered.split(',').any(|qop| qop.trim() == "auth") {
        return Err(wrong("the server wants the body hashed too (`auth-int`)"));
    }
    let answer = if offered.is_empty() {
        hash(&format!("{secret}:{nonce}:{asked}"))?
    } else {
        hash(&format!("{secret}:{nonce}:00000001:{cnonce}:auth:{asked}"))?
    };
    let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut value = format!(
        "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{path}\", algorithm={algorithm}, response=\"{answer}\"",
        quote(user)
    );
    if !offered.is_empty() {
        let _ = write!(value, ", qop=auth, nc=00000001, cnonce=\"{cnonce}\"");
    }
    if !part("opaque").is_empty() {
        let _ = write!(value, ", opaque=\"{}\"", part("opaque"));
    }
    Ok(value)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616, section 3.9.1.
    #[test]
    fn the_digests_of_rfc_7616() {
        let challenge = |algorithm: &str| {
            parameters(&format!(
                "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            ))
        };
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, wanted) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ] {
            let value = response(
                &challenge(algorithm),
                ("Mufasa", "Circle of Life"),
                "GET",
                "/dir/index.html",
                cnonce,
            )
            .unwrap();
            assert!(value.contains(&format!("response=\"{wanted}\"")), "{value}");
        }
    }

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
    }
}
