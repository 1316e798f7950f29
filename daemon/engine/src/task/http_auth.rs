//! Authentication of requests by all schemes of the standard, given here, under `use.authentications`, or in a secret.
//!
//! It is read and completed here and carried out by whoever sends the request: what it computes from a password or a
//! token never stands in a journal.

use std::sync::Arc;

use dirigent_protocol::run::{Authentication as Sender, Scheme};
use dirigent_protocol::source::Node;
use serde_json::Value;

use crate::document::{Fields, Reader, Template, unshare};
use crate::machine::{Builder, Me, Stop, Turn};

const SCHEMES: [(&str, Scheme); 5] = [
    ("basic", Scheme::Basic),
    ("bearer", Scheme::Bearer),
    ("digest", Scheme::Digest),
    ("oauth2", Scheme::Oauth2),
    ("oidc", Scheme::Oidc),
];
const GRANTS: [&str; 5] = [
    "authorization_code",
    "client_credentials",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];
const CLIENTS: [&str; 5] = [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "none",
];
const ENCODINGS: [&str; 2] = ["application/x-www-form-urlencoded", "application/json"];
const OAUTH: [&str; 11] = [
    "authority",
    "grant",
    "client",
    "request",
    "issuers",
    "scopes",
    "audiences",
    "username",
    "password",
    "subject",
    "actor",
];

/// Who sends a request, as the document gives it.
#[derive(Debug)]
pub(super) struct Authentication {
    scheme: Scheme,
    with: Template,
}

impl Authentication {
    pub(super) fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        Self::read_as(reader, node, path, false)
    }

    /// The same; the authority may be left out where the server says which it is.
    pub(super) fn read_discovering(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        Self::read_as(reader, node, path, true)
    }

    fn read_as(reader: &mut Reader, node: &Node, path: &str, discovers: bool) -> Option<Self> {
        let names = SCHEMES.map(|(name, _)| name);
        let known = [&names[..], &["use"]].concat();
        let fields = reader.fields(node, path, &known)?;
        if let Some((name, at)) = fields.get("use") {
            reader.text(name, &at)?;
            let (node, path) = reader.referenced("authentications", name, &at)?;
            let fields = reader.fields(&node, &path, &names)?;
            return Self::read_scheme(reader, &fields, discovers);
        }
        Self::read_scheme(reader, &fields, discovers)
    }

    /// Checks a policy under `use.authentications` that nobody may refer to.
    pub(super) fn check(builder: &mut Builder, node: &Node, path: &str) {
        let reader = &mut builder.reader;
        if let Some(fields) = reader.fields(node, path, &SCHEMES.map(|(name, _)| name)) {
            Self::read_scheme(reader, &fields, true);
        }
    }

    fn read_scheme(reader: &mut Reader, fields: &Fields<'_>, discovers: bool) -> Option<Self> {
        let found = SCHEMES
            .iter()
            .find_map(|(name, scheme)| Some((*name, *scheme, fields.get(name)?)));
        let Some((name, scheme, (node, path))) = found else {
            let names = SCHEMES.map(|(name, _)| name).join(", ");
            let at = fields.node.span.start;
            reader
                .error(
                    "missing_field",
                    "the authentication says no kind",
                    at,
                    fields.path,
                )
                .help = Some(format!("write one of: {names}"));
            return None;
        };
        let inner = reader.open(node, &path)?;
        if let Some((secret, at)) = inner.get("use") {
            reader.only(&inner, &["use"]);
            let mark = reader.use_secret(secret, &at)?;
            let with = Template::Literal(Arc::new(Value::String(mark)));
            return Some(Self { scheme, with });
        }
        let found_out = discovers && scheme == Scheme::Oauth2 && inner.get("authority").is_none();
        if !found_out {
            warn_of_browser(reader, &inner);
        }
        let whole = match scheme {
            Scheme::Basic | Scheme::Digest => texts(reader, &inner, &["username", "password"]),
            Scheme::Bearer => texts(reader, &inner, &["token"]),
            Scheme::Oauth2 | Scheme::Oidc if found_out => discovered(reader, &inner),
            Scheme::Oauth2 | Scheme::Oidc => oauth(reader, &inner, (name, &["authority", "grant"])),
        };
        let with = Template::read(reader, node, &path)?;
        whole.then_some(Self { scheme, with })
    }

    /// Who sends it, completed.
    pub(super) fn sender(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Result<Sender, Stop> {
        Ok(Sender {
            scheme: self.scheme,
            with: unshare(turn.template(me, &self.with, None)?),
        })
    }
}

fn texts(reader: &mut Reader, fields: &Fields<'_>, needed: &[&str]) -> bool {
    reader.only(fields, needed);
    let mut whole = reader.require(fields, needed);
    for name in needed {
        if let Some((node, at)) = fields.get(name) {
            whole &= reader.text(node, &at).is_some();
        }
    }
    whole
}

/// A code comes from a person at a browser: a policy without one is read all the same, and told.
fn warn_of_browser(reader: &mut Reader, fields: &Fields<'_>) {
    if let Some((node, at)) = fields.get("grant")
        && node.as_str() == Some("authorization_code")
        && fields.get("subject").is_none()
    {
        let message =
            "this grant needs the code that a person got from a browser: the call will fail without it";
        reader
            .warning("needs_a_browser", message, node.span.start, &at)
            .help = Some(
                "put the code under `subject.token`, or the whole policy with `code` and `redirect_uri` into a secret and \
                 name that with `use`"
                    .to_owned(),
            );
    }
}

/// Grants of an authority that the server names itself.
const DISCOVERED: [&str; 2] = ["authorization_code", "client_credentials"];

/// A policy whose authority is found out from the server.
fn discovered(reader: &mut Reader, fields: &Fields<'_>) -> bool {
    reader.only(fields, &["grant", "client", "issuers", "scopes"]);
    let known = fields
        .get("grant")
        .is_none_or(|(node, at)| reader.word(node, &at, &DISCOVERED).is_some());
    known && oauth(reader, fields, ("oauth2", &["grant"]))
}

fn oauth(reader: &mut Reader, fields: &Fields<'_>, (scheme, needed): (&str, &[&str])) -> bool {
    let mut known = OAUTH.to_vec();
    if scheme == "oauth2" {
        known.push("endpoints");
    }
    reader.only(fields, &known);
    let mut whole = reader.require(fields, needed);
    let mut word = |fields: &Fields<'_>, name: &str, words: &[&str]| {
        if let Some((node, at)) = fields.get(name) {
            whole &= reader.word(node, &at, words).is_some();
        }
    };
    word(fields, "grant", &GRANTS);
    if let Some((node, at)) = fields.get("client")
        && let Some(entries) = node.as_mapping()
    {
        let client = Fields {
            node,
            entries,
            path: &at,
        };
        word(&client, "authentication", &CLIENTS);
    }
    if let Some((node, at)) = fields.get("request")
        && let Some(entries) = node.as_mapping()
    {
        let request = Fields {
            node,
            entries,
            path: &at,
        };
        word(&request, "encoding", &ENCODINGS);
    }
    for name in ["authority", "username", "password"] {
        if let Some((node, at)) = fields.get(name) {
            whole &= reader.text(node, &at).is_some();
        }
    }
    for name in ["issuers", "scopes", "audiences"] {
        if let Some((node, at)) = fields.get(name) {
            whole &= reader.texts(node, &at).is_some();
        }
    }
    for name in ["client", "request", "subject", "actor", "endpoints"] {
        if let Some((node, at)) = fields.get(name) {
            whole &= reader.open(node, &at).is_some();
        }
    }
    for name in ["subject", "actor"] {
        if let Some((node, at)) = fields.get(name)
            && let Some(entries) = node.as_mapping()
        {
            let token = Fields {
                node,
                entries,
                path: &at,
            };
            whole &= texts(reader, &token, &["token", "type"]);
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{EffectRequest, Scheme};
    use serde_json::json;

    use crate::testing::Bench;
    use crate::workflow::load;

    fn sender(authentication: &str, used: &str) -> (dirigent_protocol::run::Authentication, Vec<String>) {
        let text = format!(
            "{used}do:\n  - c: {{ call: http, with: {{ method: get, endpoint: {{ uri: 'https://h', authentication: {authentication} }} }} }}\n"
        );
        let run = Bench::yaml(&text).start(json!({"t": "abc"}));
        match run.request(run.intended()[0]) {
            EffectRequest::Http(call) => (call.authentication.unwrap(), call.secrets),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_policy_stands_here_or_under_use() {
        let (here, _) = sender("{ bearer: { token: '${ .t }' } }", "");
        let used = "use: { authentications: { a: { bearer: { token: '${ .t }' } } } }\n";
        let (named, _) = sender("{ use: a }", used);
        assert_eq!(here, named);
        assert_eq!(
            (here.scheme, here.with),
            (Scheme::Bearer, json!({"token": "abc"}))
        );
    }

    #[test]
    fn a_secret_is_only_ever_a_mark() {
        let used = "use: { secrets: [ s, unused ] }\n";
        let (whole, secrets) = sender("{ oauth2: { use: s } }", used);
        assert_eq!(whole.with, json!("\u{e5ec}s\u{e5ed}"));
        assert_eq!(secrets, ["s", "unused"]);
        let (part, _) = sender("{ bearer: { token: '${ \"x\" + $secrets.s.key }' } }", used);
        assert_eq!(part.with, json!({"token": "x\u{e5ec}s/key\u{e5ed}"}));
        let (_, none) = sender("{ bearer: { token: x } }", used);
        assert_eq!(none, [""; 0], "a task that names no secret may fill none in");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let head = "document: { dsl: '1.0.3', namespace: t, name: t, version: '1.0.0' }\n";
        for (authentication, code) in [
            ("{ basic: { username: a } }", "missing_field"),
            (
                "{ oauth2: { authority: 'https://a', grant: maybe } }",
                "bad_value",
            ),
            ("{ digest: { use: s } }", "undeclared_secret"),
            ("{ use: nobody }", "unknown_reference"),
            ("{}", "missing_field"),
        ] {
            let text = format!(
                "{head}do:\n  - c: {{ call: http, with: {{ method: get, endpoint: {{ uri: 'https://h', authentication: {authentication} }} }} }}\n"
            );
            let found = load("t", &text).unwrap_err();
            assert_eq!(found[0].code, code, "{authentication}");
        }
    }
}
