//! Secrets and authentication, against a server that checks them: what is sent is right, and nothing of it stays.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use axum::extract::{RawForm, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use dirigent_tests::Home;
use serde_json::{Value, json};

use crate::standard::workflow;

/// Where the browser came back to, as a form has it.
const BACK: &str = "https%3A%2F%2Fme.test%2Fback";
const VALUE: &str = "s3cr3t-value-that-must-not-stay";

#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<String>>>);

struct Guard {
    place: String,
    book: Book,
    _runtime: tokio::runtime::Runtime,
}

impl Guard {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let book = Book::default();
        let router = Router::new()
            .route("/echo", get(echo))
            .route("/digest", get(digest))
            .route("/oauth2/token", post(token))
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/token-of-oidc", post(token))
            .with_state((book.clone(), place.clone()));
        drop(runtime.spawn(async move { axum::serve(listener, router).await }));
        Self {
            place,
            book,
            _runtime: runtime,
        }
    }

    fn seen(&self) -> Vec<String> {
        self.book.0.lock().unwrap().clone()
    }
}

type Shared = State<(Book, String)>;

fn given(headers: &HeaderMap) -> String {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// Says back what it was given, as a careless server does.
async fn echo(State((book, _)): Shared, headers: HeaderMap) -> Json<Value> {
    let all = given(&headers);
    book.0.lock().unwrap().push(all.clone());
    Json(json!({ "you": all, "key": headers.get("x-key").map(|key| key.to_str().unwrap()) }))
}

async fn digest(State((book, _)): Shared, headers: HeaderMap) -> Response {
    let all = given(&headers);
    if all.starts_with("Digest username=\"ada\"")
        && all.contains("uri=\"/digest?x=1\"")
        && all.contains("nc=00000001")
    {
        book.0.lock().unwrap().push("digest".to_owned());
        return Json(json!({ "ok": true })).into_response();
    }
    let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, challenge)],
        "",
    )
        .into_response()
}

async fn token(State((book, _)): Shared, RawForm(form): RawForm) -> Response {
    let form = String::from_utf8(form.to_vec()).unwrap();
    book.0.lock().unwrap().push(form.clone());
    if form.contains("grant_type=authorization_code") || form.contains("grant_type=refresh_token") {
        return of_a_person(&book, &form);
    }
    if !form.contains("grant_type=client_credentials") || !form.contains(&format!("client_secret={VALUE}")) {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "error": "invalid_client" })),
        )
            .into_response();
    }
    Json(json!({ "access_token": "a-token", "token_type": "Bearer", "expires_in": 600 })).into_response()
}

/// A code is good for once, and each refresh token is followed by another.
fn of_a_person(book: &Book, form: &str) -> Response {
    let seen = book.0.lock().unwrap();
    let before = seen.iter().filter(|one| one.contains("c0de-of-ada")).count();
    let rounds = seen
        .iter()
        .filter(|one| one.contains("grant_type=refresh_token"))
        .count();
    let wanted = match rounds {
        0 => format!("code=c0de-of-ada&redirect_uri={BACK}"),
        round => format!("refresh_token=refresh-{}", round - 1),
    };
    if !form.contains(&wanted) || before != 1 {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    }
    let (token, next) = (format!("hers-{rounds}"), format!("refresh-{rounds}"));
    Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 10, "refresh_token": next }))
        .into_response()
}

async fn discovery(State((_, place)): Shared) -> Json<Value> {
    Json(json!({ "token_endpoint": format!("http://{place}/token-of-oidc") }))
}

fn run(home: &Home, file: &str) -> Value {
    let printed = home.client(&["run", "-f", file, "--json"]);
    serde_json::from_str(&printed.stdout).unwrap_or_else(|_| panic!("{printed:#?}\n{}", home.log()))
}

/// Stores a secret.
pub(crate) fn keep(home: &Home, name: &str, text: &str) {
    let folder = home.path("data/secrets");
    std::fs::create_dir_all(&folder).unwrap();
    // The daemon takes no data directory that others can look into.
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(home.path("data"), private).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Every byte below a folder, searched.
pub(crate) fn found_below(folder: &std::path::Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(found_below(&path, needle));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_secret_is_sent_and_stays_nowhere() {
    let guard = Guard::start();
    let home = Home::new(std::slice::from_ref(&guard.place));
    keep(&home, "api", &json!({ "key": VALUE, "token": VALUE }).to_string());
    let daemon = home.start();
    let file = workflow(
        &home,
        "secretive",
        &format!(
            "use: {{ secrets: [ api ] }}\ndo:\n  - ask:\n      call: http\n      with:\n        method: get\n        headers: {{ X-Key: '${{ $secrets.api.key }}' }}\n        endpoint:\n          uri: http://{}/echo\n          authentication: {{ bearer: {{ use: api }} }}\n      output: {{ as: '{{ you, key, kept: $secrets.api.key }}' }}\n  - say:\n      run:\n        shell:\n          command: 'echo \"[$K]\"; echo \"$K\" >&2'\n          environment: {{ K: '${{ $secrets.api.key }}' }}\n        return: all\n",
            guard.place
        ),
    );
    let ended = run(&home, &file);
    assert_eq!(guard.seen(), [format!("Bearer {VALUE}")]);
    assert_eq!(
        ended["output"],
        json!({"code": 0, "stdout": "[***]\n", "stderr": "***\n"}),
        "{ended}"
    );
    let id = ended["run"].as_str().unwrap();
    let events = home
        .client(&["runs", "events", id, "--json"])
        .expect_code(0)
        .stdout;
    assert!(
        events.contains("Bearer ***") && !events.contains(VALUE),
        "{events}"
    );
    daemon.stop();
    let secret = home.path("data/secrets/api").display().to_string();
    let found = found_below(&home.path(""), VALUE);
    assert_eq!(found, [secret], "the value stands somewhere else");
}

/// One request under that authentication.
fn asked(home: &Home, place: &str, name: &str, path: &str, authentication: &str) -> Value {
    let rest = format!(
        "use: {{ secrets: [ whole, missing ] }}\ndo: [ {{ a: {{ call: http, with: {{ method: get, endpoint: {{ uri: 'http://{place}{path}', authentication: {authentication} }} }} }} }} ]\n"
    );
    run(home, &workflow(home, name, &rest))
}

#[test]
fn every_scheme_says_who_sends_the_request() {
    let guard = Guard::start();
    let home = Home::new(std::slice::from_ref(&guard.place));
    let place = &guard.place;
    let client = format!("client: {{ id: me, secret: {VALUE} }}");
    keep(&home, "whole", &json!({ "authority": format!("http://{place}"), "grant": "client_credentials", "client": { "id": "me", "secret": VALUE } }).to_string());
    let _daemon = home.start();
    let ask = |name: &str, path: &str, authentication: &str| asked(&home, place, name, path, authentication);
    let basic = ask("basic", "/echo", "{ basic: { username: a, password: b } }");
    assert_eq!(basic["output"]["you"], "Basic YTpi", "{basic}");
    let digest = ask(
        "digest",
        "/digest?x=1",
        "{ digest: { username: ada, password: b } }",
    );
    assert_eq!(digest["output"]["ok"], true, "{digest}");
    let oauth2 =
        format!("{{ oauth2: {{ authority: 'http://{place}', grant: client_credentials, {client} }} }}");
    let given = ask("oauth", "/echo", &oauth2);
    assert_eq!(given["output"]["you"], "Bearer a-token", "{given}");
    let again = ask("oauth-again", "/echo", &oauth2);
    assert_eq!(again["output"]["you"], "Bearer a-token", "{again}");
    let grants = guard
        .seen()
        .iter()
        .filter(|one| one.contains("grant_type"))
        .count();
    assert_eq!(grants, 1, "a token that lasts is asked for once");
    let oidc = ask(
        "oidc",
        "/echo",
        &format!("{{ oidc: {{ authority: 'http://{place}', grant: client_credentials, {client} }} }}"),
    );
    assert_eq!(oidc["output"]["you"], "Bearer a-token", "{oidc}");
    let whole = ask("whole", "/echo", "{ oauth2: { use: whole } }");
    assert_eq!(whole["output"]["you"], "Bearer a-token", "{whole}");
    let wrong = ask(
        "wrong",
        "/echo",
        &format!(
            "{{ oauth2: {{ authority: 'http://{place}', grant: client_credentials, client: {{ id: me, secret: no }} }} }}"
        ),
    );
    assert_eq!(wrong["error"]["status"], 401, "{wrong}");
    assert!(
        wrong["error"]["type"]
            .as_str()
            .unwrap()
            .ends_with("/authentication"),
        "{wrong}"
    );
    let missing = ask("missing", "/echo", "{ bearer: { use: missing } }");
    assert_eq!(missing["error"]["status"], 403, "{missing}");
    assert!(
        missing["error"]["detail"].as_str().unwrap().contains("`missing`"),
        "{missing}"
    );
}

#[test]
fn a_code_is_exchanged_once_and_refreshed_ever_after_across_restarts() {
    let guard = Guard::start();
    let home = Home::new(std::slice::from_ref(&guard.place));
    let place = &guard.place;
    let policy = json!({
        "authority": format!("http://{place}"), "grant": "authorization_code", "client": { "id": "me" },
        "code": "c0de-of-ada", "redirect_uri": "https://me.test/back",
    });
    keep(&home, "whole", &policy.to_string());
    let ask = |name: &str| {
        let given = asked(&home, place, name, "/echo", "{ oauth2: { use: whole } }");
        given["output"]["you"]
            .as_str()
            .unwrap_or(&given.to_string())
            .to_owned()
    };
    let daemon = home.start();
    assert_eq!(ask("first"), "Bearer hers-0");
    daemon.stop();
    // It ends at once: the next daemon has only what the first one was given beside it.
    let daemon = home.start();
    assert_eq!(ask("second"), "Bearer hers-1");
    daemon.stop();
    let sent = guard
        .seen()
        .iter()
        .filter(|one| one.contains("c0de-of-ada"))
        .count();
    assert_eq!(sent, 1, "a code is sent once");
    let kept = found_below(&home.path(""), "refresh-1");
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].contains("data/secrets/.granted/"), "{kept:?}");
    assert_eq!(
        found_below(&home.path(""), "c0de-of-ada"),
        [home.path("data/secrets/whole").display().to_string()]
    );
}
