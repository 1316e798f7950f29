//! Who sends a request: the specification's schemes, carried out.
//!
//! Tokens of an authority are kept in memory until shortly before they end; nothing of it is ever written or logged.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::run::{Authentication, EffectOutcome, Scheme};
use md5::Md5;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Request, StatusCode, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::http_answer::{self, base64};
use super::performer::refused;
use super::web::{Ended, Web};
use super::web_code::{Grant, Next};
use super::web_grant::{code, token_request};
use crate::clock;

/// What an authority calls a client that it does not know (RFC 6749, 5.2).
const INVALID_CLIENT: &str = "invalid_client";
/// A token is not used in its last moments.
const EARLY: Duration = Duration::from_secs(30);
/// Tokens kept.
const MAX_TOKENS: usize = 1_000;
/// Whoever asks by a grant that is used up.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
const SPENT: &str = "the code was sent to the authority before, and what it gave has ended or was lost: sign in again and \
                     put the new code in its place";

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

pub(super) fn wrong(detail: impl Into<String>) -> Ended {
    Box::new(refused(
        "authentication",
        401,
        "The authentication cannot be made",
        detail,
    ))
}

pub(super) fn text<'v>(fields: &'v Value, name: &str) -> Result<&'v str, Ended> {
    fields[name]
        .as_str()
        .ok_or_else(|| wrong(format!("`{name}` is missing, or is not text")))
}

/// What a header says who sends it with a token.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, Ended> {
    sensitive(&format!("Bearer {token}"))
}

fn sensitive(value: &str) -> Result<HeaderValue, Ended> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| wrong("it has characters no header can have"))?;
    value.set_sensitive(true);
    Ok(value)
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
        request.headers_mut().insert(AUTHORIZATION, sensitive(&value)?);
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
    pub(super) async fn token(&self, sender: &Authentication) -> Result<String, Ended> {
        if Grant::is_used_up(&sender.with) {
            return self.token_of_a_person(sender).await;
        }
        let asked = Digest::of(&json!({ "scheme": format!("{:?}", sender.scheme), "with": sender.with }));
        if let Some(token) = self.tokens.get(asked) {
            return Ok(token);
        }
        let answer = self.ask_authority(sender, &sender.with).await?;
        let token = access_token(&answer)?;
        if let Some(seconds) = answer["expires_in"].as_u64() {
            self.tokens.keep(asked, token, Duration::from_secs(seconds));
        }
        Ok(token.to_owned())
    }

    /// Whoever the token was for does not take it any more: the next one is another one.
    pub(super) async fn forget(&self, sender: &Authentication) -> Result<(), Ended> {
        self.tokens.drop_all();
        if !Grant::is_used_up(&sender.with) {
            return Ok(());
        }
        let _one = ONE.lock().await;
        let refused = Grant::of(&self.data_dir, &sender.with).and_then(|mut grant| grant.refused());
        refused.map_err(|error| wrong(format!("what the authority gave cannot be kept: {error}")))
    }

    /// A token for what a person once allowed: by a code that is good for once, then by refresh tokens.
    async fn token_of_a_person(&self, sender: &Authentication) -> Result<String, Ended> {
        // Two steps that need the same code must not both send it.
        let _one = ONE.lock().await;
        let unkept =
            |error: std::io::Error| wrong(format!("what the authority gave cannot be kept: {error}"));
        let now = clock::system();
        let mut grant = Grant::of(&self.data_dir, &sender.with).map_err(unkept)?;
        let mut with = sender.with.clone();
        let exchange = match grant.next(now()) {
            Next::Use(token) => return Ok(token),
            Next::Spent => return Err(wrong(SPENT)),
            Next::Refresh(token) => {
                with["grant"] = "refresh_token".into();
                with["subject"]["token"] = token.into();
                false
            }
            Next::Exchange => {
                code(&with)?;
                grant.leaves().map_err(unkept)?;
                true
            }
        };
        match self.ask_authority(sender, &with).await {
            Ok(answer) => {
                grant.keep(&answer, now()).map_err(unkept)?;
                Ok(access_token(&answer)?.to_owned())
            }
            Err(ended) => {
                if exchange && !matches!(*ended, EffectOutcome::Unknown { .. }) {
                    grant.came_back();
                }
                Err(ended)
            }
        }
    }

    /// What the authority answers to a grant.
    async fn ask_authority(&self, sender: &Authentication, with: &Value) -> Result<Value, Ended> {
        let endpoint = self.token_endpoint(sender).await?;
        let call = token_request(endpoint, with)?;
        let response = self.respond(&call, "").await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http_answer::read(response, 1 << 20).await.ok();
        if !status.is_success() {
            self.tokens.drop_all();
            let mut ended = http_answer::failure(status, &headers, None);
            if let EffectOutcome::Failed { error, .. } = &mut ended {
                let said: Value =
                    serde_json::from_slice(body.as_deref().unwrap_or_default()).unwrap_or_default();
                let why = said["error"].as_str().unwrap_or("no reason given");
                error.kind = error.kind.replace("/communication", "/authentication");
                error.detail = Some(format!("the authority gave no token: {why}"));
                if why == INVALID_CLIENT {
                    error.data = json!({ "code": INVALID_CLIENT });
                }
            }
            return Err(Box::new(ended));
        }
        serde_json::from_slice(body.as_deref().unwrap_or_default())
            .map_err(|_| wrong("the authority's answer is no JSON"))
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

/// Whether the authority does not know, any more, who asks it for a token.
pub(super) fn is_unknown_client(ended: &EffectOutcome) -> bool {
    matches!(ended, EffectOutcome::Failed { error, .. } if error.data["code"] == INVALID_CLIENT)
}

fn access_token(answer: &Value) -> Result<&str, Ended> {
    answer["access_token"]
        .as_str()
        .ok_or_else(|| wrong("the authority's answer holds no access_token"))
}

/// `name="value", name=value`: what a challenge says.
pub(super) fn parameters(text: &str) -> HashMap<String, String> {
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
}
