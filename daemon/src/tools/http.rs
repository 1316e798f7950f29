//! One request to somewhere the grant names: its address, or addresses of certain origins.

use dirigent_protocol::entity::{AgentTool, HttpTool};
use dirigent_protocol::run::{EffectRequest, HttpCall, OnUnknown, Traits};
use futures::future::BoxFuture;
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::Kind;
use super::change::{Open, whole};
use super::names::definition;
use super::secrets;
use super::tool::{Closed, Described, Offered, Tool, Wanted, World};

pub(super) const KIND: Kind = Kind {
    field: "http",
    open: |grant| {
        grant
            .http
            .clone()
            .map(|http| Box::new(Http(http)) as Box<dyn Tool>)
    },
    settings: None,
    problem,
};

/// Milliseconds for one request.
const TIMEOUT_MS: u64 = 60_000;

struct Http(HttpTool);

fn method(tool: &HttpTool) -> String {
    if tool.method.is_empty() {
        "GET".to_owned()
    } else {
        tool.method.to_ascii_uppercase()
    }
}

fn only_reads(tool: &HttpTool) -> bool {
    matches!(method(tool).as_str(), "GET" | "HEAD")
}

impl Tool for Http {
    fn describe<'a>(&'a self, _: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>> {
        let tool = &self.0;
        let url = json!({
            "type": "object",
            "properties": { "url": { "type": "string", "description": tool.origins.join(", ") } },
            "required": ["url"],
            "additionalProperties": false,
        });
        let schema = match &tool.parameters {
            _ if !tool.origins.is_empty() => url,
            Some(schema) => schema.clone(),
            None => json!({ "type": "object", "additionalProperties": false }),
        };
        let offered = Offered {
            definition: definition(&tool.name, &tool.description, schema),
            own: tool.name.clone(),
            // Whatever is asked for goes out with the question.
            traits: Traits {
                untrusted: true,
                private: false,
                outward: true,
            },
            read_only: only_reads(tool),
            on_unknown: only_reads(tool).then_some(OnUnknown::Retry),
        };
        Box::pin(std::future::ready(Ok(Described {
            offered: vec![offered],
            ..Described::default()
        })))
    }

    fn call(&self, _: &str, arguments: &Value, _: &Described) -> Result<Wanted, String> {
        let tool = &self.0;
        let (url, body) = if tool.origins.is_empty() {
            filled(tool, arguments)?
        } else {
            (within(tool, arguments["url"].as_str().unwrap_or_default())?, None)
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut headers = tool.headers.clone();
        let secrets = secrets::marked(&mut headers, &tool.secrets);
        Ok(Wanted {
            request: EffectRequest::Http(HttpCall {
                method: method(tool),
                uri: url.to_string(),
                headers,
                secrets,
                body,
                output: "content".to_owned(),
                redirect: false,
                timeout_ms: Some(TIMEOUT_MS),
                ..HttpCall::default()
            }),
            destination: format!("{} {host}", method(tool)),
            before: None,
        })
    }

    fn open(&self, _: &str, limits: &[&Value]) -> Vec<Open> {
        // With places in the address, the body is not all of the arguments.
        let body = whole(limits).filter(|_| !self.0.uri.contains('{'));
        body.map(|body| ("/http/body", body)).into_iter().collect()
    }
}

/// An address that the model chose, of an origin that is granted.
fn within(tool: &HttpTool, asked: &str) -> Result<Url, String> {
    let url = Url::parse(asked).map_err(|error| format!("`url` is no address: {error}"))?;
    let origin = |text: &String| Url::parse(text).map(|granted| granted.origin());
    let granted = tool.origins.iter().filter_map(|text| origin(text).ok());
    let plain = url.username().is_empty() && url.password().is_none();
    if plain && granted.into_iter().any(|granted| granted == url.origin()) {
        return Ok(url);
    }
    Err(format!(
        "only addresses of {} are granted",
        tool.origins.join(", ")
    ))
}

/// The grant's address with its places filled; the rest in the query, or in the body.
fn filled(tool: &HttpTool, arguments: &Value) -> Result<(Url, Option<Value>), String> {
    let mut rest: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
    let (mut text, mut left) = (String::new(), tool.uri.as_str());
    while let Some((before, behind)) = left.split_once('{') {
        let Some((name, behind)) = behind.split_once('}') else {
            break;
        };
        let value = rest.remove(name).map(plain).unwrap_or_default();
        if value.is_empty() || matches!(value.as_str(), "." | "..") {
            return Err(format!("the address needs `{name}`"));
        }
        text.push_str(before);
        text.push_str(&escaped(&value));
        left = behind;
    }
    text.push_str(left);
    let fixed = Url::parse(&tool.uri.replace(['{', '}'], "")).map_err(|error| error.to_string())?;
    let mut url = Url::parse(&text).map_err(|error| format!("the address cannot be made: {error}"))?;
    if url.origin() != fixed.origin() {
        return Err("the address would lead elsewhere".to_owned());
    }
    if !only_reads(tool) {
        return Ok((url, (!rest.is_empty()).then_some(Value::Object(rest))));
    }
    for (name, value) in rest {
        url.query_pairs_mut().append_pair(&name, &plain(value));
    }
    Ok((url, None))
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// One segment of a path: everything but unreserved characters is escaped.
fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Whether a grant's address is one: for the definition's check.
fn problem(grant: &AgentTool) -> Option<String> {
    let http = grant.http.as_ref()?;
    if !super::names::usable(&http.name) {
        return Some("`name` must be 1 to 64 of a-z A-Z 0-9 _ -".to_owned());
    }
    if http.uri.is_empty() == http.origins.is_empty() {
        return Some("it needs `uri`, or `origins`, and not both".to_owned());
    }
    if !http.origins.is_empty() && !only_reads(http) {
        return Some("with `origins` it may only read: GET or HEAD".to_owned());
    }
    if let Some(problem) = secrets::problem(&http.secrets) {
        return Some(problem);
    }
    let host = http.uri.split('/').nth(2).unwrap_or_default();
    if host.contains('{') {
        return Some("the host of `uri` cannot come from the arguments".to_owned());
    }
    let texts = http
        .origins
        .iter()
        .cloned()
        .chain([http.uri.replace(['{', '}'], "")]);
    texts.filter(|text| !text.is_empty()).find_map(|text| {
        let url = Url::parse(&text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        url.is_none().then(|| format!("`{text}` is no http address"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(uri: &str, method: &str) -> HttpTool {
        HttpTool {
            name: "t".into(),
            uri: uri.into(),
            method: method.into(),
            ..HttpTool::default()
        }
    }

    #[test]
    fn arguments_fill_the_path_the_query_or_the_body_and_lead_nowhere_else() {
        let get = tool("https://h/users/{id}/posts", "");
        let (url, body) = filled(&get, &json!({ "id": "a/../b?x", "tag": "x y&z=1" })).unwrap();
        assert_eq!(
            url.as_str(),
            "https://h/users/a%2F..%2Fb%3Fx/posts?tag=x+y%26z%3D1"
        );
        assert!(body.is_none());
        let post = tool("https://h/users/{id}", "post");
        let (url, body) = filled(&post, &json!({ "id": 7, "name": "ada" })).unwrap();
        assert_eq!(
            (url.as_str(), body),
            ("https://h/users/7", Some(json!({ "name": "ada" })))
        );
        for id in ["..", ".", ""] {
            assert!(filled(&get, &json!({ "id": id })).is_err(), "{id}");
        }
    }

    #[test]
    fn only_granted_origins_are_reached() {
        let fetch = HttpTool {
            origins: vec!["https://docs.example.org".into()],
            ..tool("", "")
        };
        assert!(within(&fetch, "https://docs.example.org/a?b=c").is_ok());
        for bad in [
            "https://docs.example.org.evil.example/",
            "https://docs.example.org@evil.example/",
            "http://docs.example.org/",
            "https://docs.example.org:8443/",
            "file:///etc/passwd",
            "docs.example.org",
        ] {
            assert!(within(&fetch, bad).is_err(), "{bad}");
        }
    }
}
