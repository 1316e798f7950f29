//! `call: http`: one HTTP request.

use std::collections::BTreeMap;

use dirigent_protocol::run::{EffectRequest, HttpCall, WorkflowError};
use dirigent_protocol::source::Node;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::http_uri::add_query;
use crate::document::{Fields, Reader, Template, unshare};
use crate::expression::strip;
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("http"),
    fields: &["call", "with"],
    doc: "Sends one HTTP request; `{name}` in the endpoint comes from the input.",
    shape: "call: http, with: { method: get, endpoint: URI, headers: {...}, query: {...}, body: VALUE, output: content|response|raw, redirect: false }",
    read: Some(read),
};

#[derive(Debug)]
struct CallHttp {
    method: String,
    endpoint: Endpoint,
    headers: Option<Template>,
    query: Option<Template>,
    body: Option<Template>,
    output: &'static str,
    redirect: bool,
}

const FIELDS: [&str; 7] = [
    "method", "endpoint", "headers", "body", "query", "output", "redirect",
];

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &FIELDS)?;
    let whole = reader.require(&with, &["method", "endpoint"]);
    let method = with.get("method").and_then(|(n, at)| read_method(reader, n, &at));
    let endpoint = with
        .get("endpoint")
        .and_then(|(n, at)| Endpoint::read(reader, n, &at));
    let mut texts = |name: &str| {
        with.get(name).map(|(node, at)| {
            if node.as_str().is_some_and(|text| strip(text).is_some()) || node.as_mapping().is_some() {
                Template::read(reader, node, &at)
            } else {
                reader.expected(node, &at, "a mapping or an expression");
                None
            }
        })
    };
    let (headers, query) = (texts("headers"), texts("query"));
    let body = with.get("body").map(|(n, at)| Template::read(reader, n, &at));
    let output = match with.get("output") {
        Some((node, at)) => reader.word(node, &at, &["content", "response", "raw"]),
        None => Some("content"),
    };
    let redirect = with
        .get("redirect")
        .and_then(|(n, at)| reader.boolean(n, &at))
        .unwrap_or(false);
    if !whole
        || [&headers, &query, &body]
            .iter()
            .any(|part| matches!(part, Some(None)))
    {
        return None;
    }
    Some(Box::new(CallHttp {
        method: method?,
        endpoint: endpoint?,
        headers: headers.flatten(),
        query: query.flatten(),
        body: body.flatten(),
        output: output?,
        redirect,
    }))
}

fn read_method(reader: &mut Reader, node: &Node, path: &str) -> Option<String> {
    let text = reader.text(node, path)?;
    let good =
        !text.is_empty() && text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
    if !good {
        let message = format!("`{text}` is not an HTTP method");
        reader.error("bad_value", message, node.span.start, path).help =
            Some("write get, post, put, patch, delete, head or options".to_owned());
        return None;
    }
    Some(text.to_ascii_uppercase())
}

impl CallHttp {
    fn headers(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Result<BTreeMap<String, String>, Stop> {
        let mut headers = BTreeMap::new();
        if let Some(template) = &self.headers
            && let Value::Object(fields) = &*turn.template(me, template, None)?
        {
            for (name, value) in fields {
                let text = match value {
                    Value::Null => continue,
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                headers.insert(name.clone(), text);
            }
        }
        for (name, value) in &headers {
            let token = !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b));
            if !token || value.chars().any(|c| c.is_control() && c != '\t') {
                let detail = format!(
                    "the header `{}` has characters that headers cannot have",
                    name.escape_debug()
                );
                return Err(Stop::fault(
                    WorkflowError::standard("validation", 400, "Bad header").detail(detail),
                ));
            }
        }
        Ok(headers)
    }
}

impl Task for CallHttp {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let (mut uri, authentication) = self.endpoint.resolve(turn, me)?;
        if let Some(query) = &self.query {
            add_query(&mut uri, &*turn.template(me, query, None)?);
        }
        let headers = self.headers(turn, me)?;
        let body = match &self.body {
            Some(body) => Some(unshare(turn.template(me, body, None)?)),
            None => None,
        };
        let call = HttpCall {
            method: self.method.clone(),
            uri,
            headers,
            body,
            output: self.output.to_owned(),
            redirect: self.redirect,
            timeout_ms: None,
            authentication,
            secrets: turn.secrets(me),
        };
        turn.request(me, EffectRequest::Http(call))
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{EffectRequest, HttpCall};
    use serde_json::{Value, json};

    use crate::testing::{Bench, done, failed};

    fn call(with: &str, input: Value) -> HttpCall {
        let run = Bench::yaml(&format!("do:\n  - c: {{ call: http, with: {with} }}\n")).start(input);
        match run.request(run.intended()[0]) {
            EffectRequest::Http(call) => call,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_complete() {
        let sent = call(
            "{ method: post, endpoint: { uri: 'https://h/{id}', authentication: { basic: { username: '${ .u }', password: p } } }, headers: { X-N: '${ .n }' }, query: { q: '${ .q }' }, body: { a: '${ .id }' } }",
            json!({"id": 7, "u": "ada", "n": 1, "q": "x y"}),
        );
        assert_eq!(
            (sent.method.as_str(), sent.uri.as_str()),
            ("POST", "https://h/7?q=x%20y")
        );
        let sender = sent.authentication.unwrap();
        assert_eq!(sender.with, json!({"username": "ada", "password": "p"}));
        assert_eq!(sent.headers["X-N"], "1");
        assert_eq!(sent.body, Some(json!({"a": 7})));
    }

    #[test]
    fn endpoints_and_headers_may_be_expressions() {
        let sent = call(
            "{ method: get, endpoint: '${ \"https://h/\\(.id)\" }', headers: '${ .headers }' }",
            json!({"id": 7, "headers": {"Accept": "text/plain"}}),
        );
        assert_eq!(
            (sent.uri.as_str(), sent.headers["Accept"].as_str()),
            ("https://h/7", "text/plain")
        );
    }

    #[test]
    fn output_is_shaped_and_bad_headers_are_not_sent() {
        let mut run = Bench::yaml(
            "do:\n  - a: { call: http, with: { method: get, endpoint: 'https://h' }, output: { as: '.[0]' } }\n",
        )
        .start(json!({}));
        run.settle(run.intended()[0], done(json!(["first"])));
        assert_eq!(run.output(), json!("first"));
        let error = Bench::yaml(
            "do:\n  - a: { call: http, with: { method: get, endpoint: 'https://h', headers: { X: '${ .x }' } } }\n",
        )
        .start(json!({"x": "a\r\nEvil: 1"}))
        .error();
        assert_eq!(error.title, "Bad header");
    }

    #[test]
    fn declared_attempts_follow_retryable_failures_with_new_keys() {
        let mut run = Bench::yaml(
            "do:
  - a:
      call: http
      with: { method: get, endpoint: 'https://h' }
      metadata: { dirigent: { max_attempts: 2 } }
",
        )
        .start(json!({}));
        let first = run.intended()[0];
        let key = run.key(first);
        run.settle(first, failed("communication", 503, true));
        assert_eq!(run.status(), "waiting");
        run.advance();
        let second = run.intended()[0];
        assert_ne!(run.key(second), key);
        run.settle(second, failed("communication", 503, true));
        assert_eq!(run.error().status, 503);
    }
}
