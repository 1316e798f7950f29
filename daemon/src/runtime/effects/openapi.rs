//! `call: openapi`: the request that an operation of a document means. OpenAPI 3.x and Swagger 2.0.

use std::collections::BTreeMap;

use dirigent_protocol::run::{HttpCall, OpenapiCall};
use dirigent_protocol::source;
use serde_json::{Map, Value};

use super::performer::refused;
use super::web::{Ended, Web};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
/// Deepest chain of references.
const MAX_REFERENCES: usize = 16;

fn wrong(detail: impl Into<String>) -> Ended {
    Box::new(refused(
        "configuration",
        400,
        "The operation cannot be called",
        detail,
    ))
}

fn bad_value(detail: impl Into<String>) -> Ended {
    Box::new(refused(
        "validation",
        400,
        "The parameters do not fit the operation",
        detail,
    ))
}

/// The request of an operation: its document is fetched and read.
pub(super) async fn request(web: &Web, call: &OpenapiCall) -> Result<HttpCall, Ended> {
    let bytes = web.fetch(&call.document).await?;
    let document =
        parse(&bytes).ok_or_else(|| wrong(format!("{} is no JSON or YAML document", call.document.uri)))?;
    build(&document, call)
}

fn parse(bytes: &[u8]) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    let parsed = source::parse(bytes);
    let whole = !parsed.diagnostics.iter().any(source::Diagnostic::is_error);
    let document = parsed.documents.first().filter(|_| whole)?.to_json();
    document.is_object().then_some(document)
}

/// The request of an operation.
fn build(document: &Value, call: &OpenapiCall) -> Result<HttpCall, Ended> {
    let (path, method, item, operation) = find(document, &call.operation)?;
    let given = match &call.parameters {
        Value::Object(given) => given.clone(),
        _ => Map::new(),
    };
    let mut parts = Parts::default();
    let mut used = Vec::new();
    for parameter in parameters(document, item, operation) {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        match given.get(&name).filter(|value| !value.is_null()) {
            Some(value) => parts.put(parameter, &name, value)?,
            None if parameter["required"] == true => {
                return Err(bad_value(format!("`{name}` is missing")));
            }
            None => continue,
        }
        used.push(name);
    }
    let body = resolve(document, &operation["requestBody"]);
    if body.is_object() {
        let left: Map<String, Value> = given
            .iter()
            .filter(|(name, _)| !used.contains(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        parts.body_of(body, left)?;
    } else if let Some(unknown) = given.keys().find(|name| !used.contains(name)) {
        return Err(bad_value(format!("the operation has no parameter `{unknown}`")));
    }
    let mut path = path.to_owned();
    for (name, value) in &parts.path {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    if path.contains('{') {
        return Err(bad_value(format!("{path} has a gap that no parameter fills")));
    }
    let base = server(document, item, operation, &call.document.uri)?;
    let mut uri = format!("{}{path}", base.trim_end_matches('/'));
    for (name, value) in &parts.query {
        uri.push(if uri.contains('?') { '&' } else { '?' });
        uri.push_str(&format!("{}={value}", escape(name)));
    }
    parts
        .headers
        .entry("Accept".to_owned())
        .or_insert_with(|| "application/json, */*;q=0.5".to_owned());
    Ok(HttpCall {
        method: method.to_ascii_uppercase(),
        uri,
        headers: parts.headers,
        body: parts.body,
        output: call.output.clone(),
        redirect: call.redirect,
        authentication: call.authentication.clone(),
        ..HttpCall::default()
    })
}

fn find<'d>(
    document: &'d Value,
    wanted: &str,
) -> Result<(&'d str, &'static str, &'d Value, &'d Value), Ended> {
    let mut known = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let item = resolve(document, item);
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let id = operation["operationId"].as_str().unwrap_or_default();
                if id == wanted {
                    return Ok((path, method, item, operation));
                }
                known.push(id);
            }
        }
    }
    let near = source::nearest(wanted, known.iter().copied());
    let help = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Err(wrong(format!("the document has no operation `{wanted}`{help}")))
}

/// What a `$ref` inside the document means.
fn resolve<'d>(document: &'d Value, mut value: &'d Value) -> &'d Value {
    for _ in 0..MAX_REFERENCES {
        let Some(pointer) = value["$ref"].as_str().and_then(|text| text.strip_prefix('#')) else {
            return value;
        };
        match document.pointer(pointer) {
            Some(found) => value = found,
            None => return &Value::Null,
        }
    }
    &Value::Null
}

/// Parameters of the path, overruled by those of the operation.
fn parameters<'d>(document: &'d Value, item: &'d Value, operation: &'d Value) -> Vec<&'d Value> {
    let mut all: Vec<&Value> = Vec::new();
    for list in [&operation["parameters"], &item["parameters"]] {
        for parameter in list.as_array().into_iter().flatten() {
            let parameter = resolve(document, parameter);
            let same = |other: &&Value| other["name"] == parameter["name"] && other["in"] == parameter["in"];
            if !all.iter().any(same) {
                all.push(parameter);
            }
        }
    }
    all
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn escape(text: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse("http://x/") else {
        return String::new();
    };
    url.query_pairs_mut().append_key_only(text);
    url.query().unwrap_or_default().replace('+', "%20")
}

#[derive(Default)]
struct Parts {
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    form: Vec<(String, String)>,
    body: Option<Value>,
}

impl Parts {
    fn put(&mut self, parameter: &Value, name: &str, value: &Value) -> Result<(), Ended> {
        let joined = |separator: &str| match value {
            Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(separator),
            other => plain(other),
        };
        match parameter["in"].as_str() {
            Some("path") => self.path.push((name.to_owned(), escape(&joined(",")))),
            Some("query") => self.query_of(parameter, name, value),
            Some("header") => drop(self.headers.insert(name.to_owned(), joined(","))),
            Some("cookie") => {
                let pair = format!("{name}={}", joined(","));
                let cookies = self.headers.entry("Cookie".to_owned()).or_default();
                if !cookies.is_empty() {
                    cookies.push_str("; ");
                }
                cookies.push_str(&pair);
            }
            Some("body") => self.body = Some(value.clone()),
            Some("formData") => {
                self.form.push((name.to_owned(), joined(",")));
                self.headers.insert(
                    "Content-Type".to_owned(),
                    "application/x-www-form-urlencoded".to_owned(),
                );
                let pairs = self
                    .form
                    .iter()
                    .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
                self.body = Some(Value::String(pairs.collect::<Vec<_>>().join("&")));
            }
            other => {
                return Err(wrong(format!(
                    "`{name}` is {other:?}, which is no place for a parameter"
                )));
            }
        }
        Ok(())
    }

    /// Lists: one pair for each item where the document says so (the way of OpenAPI 3), else joined.
    fn query_of(&mut self, parameter: &Value, name: &str, value: &Value) {
        let format = parameter["collectionFormat"].as_str();
        let swagger = parameter.get("schema").is_none() && parameter.get("type").is_some();
        let exploded = match format {
            Some(format) => format == "multi",
            None if swagger => false,
            None => parameter["explode"].as_bool().unwrap_or(true),
        };
        let separator = match format.or(parameter["style"].as_str()) {
            Some("ssv" | "spaceDelimited") => "%20",
            Some("tsv") => "%09",
            Some("pipes" | "pipeDelimited") => "|",
            _ => ",",
        };
        match value {
            Value::Array(items) if exploded => {
                let pairs = items.iter().map(|item| (name.to_owned(), escape(&plain(item))));
                self.query.extend(pairs);
            }
            Value::Array(items) => {
                let all: Vec<String> = items.iter().map(|item| escape(&plain(item))).collect();
                self.query.push((name.to_owned(), all.join(separator)));
            }
            Value::Object(fields) if exploded => {
                let pairs = fields
                    .iter()
                    .map(|(name, item)| (name.clone(), escape(&plain(item))));
                self.query.extend(pairs);
            }
            other => self.query.push((name.to_owned(), escape(&plain(other)))),
        }
    }

    /// What is no parameter is the body: `body` as a whole, or the rest as its fields.
    fn body_of(&mut self, declared: &Value, mut left: Map<String, Value>) -> Result<(), Ended> {
        let whole = left.len() == 1 && left.contains_key("body");
        let body = if whole {
            left.remove("body")
        } else {
            (!left.is_empty()).then_some(Value::Object(left))
        };
        let Some(body) = body else {
            return if declared["required"] == true {
                Err(bad_value("the body is missing"))
            } else {
                Ok(())
            };
        };
        let kinds: Vec<&str> = declared["content"]
            .as_object()
            .map(|content| content.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let is_json = |kind: &&&str| kind.ends_with("/json") || kind.ends_with("+json") || **kind == "*/*";
        let kind = kinds.iter().find(is_json).or(kinds.first()).copied();
        match kind {
            Some("application/x-www-form-urlencoded") => {
                let fields = body.as_object().into_iter().flatten();
                let pairs = fields.map(|(name, value)| format!("{}={}", escape(name), escape(&plain(value))));
                self.body = Some(Value::String(pairs.collect::<Vec<_>>().join("&")));
            }
            _ => self.body = Some(body),
        }
        let kind = kind.filter(|kind| *kind != "*/*").unwrap_or("application/json");
        self.headers.insert("Content-Type".to_owned(), kind.to_owned());
        Ok(())
    }
}

/// Where the service is, as its document says; relative to the document where it is not absolute.
fn server(document: &Value, item: &Value, operation: &Value, at: &str) -> Result<String, Ended> {
    let here = reqwest::Url::parse(at).map_err(|error| wrong(format!("`{at}`: {error}")))?;
    if document.get("swagger").is_some() {
        let schemes = operation["schemes"].as_array().or(document["schemes"].as_array());
        let offered: Vec<&str> = schemes.into_iter().flatten().filter_map(Value::as_str).collect();
        let scheme = ["https", "http"]
            .into_iter()
            .find(|scheme| offered.contains(scheme))
            .unwrap_or(here.scheme());
        let own = here.port().map_or_else(
            || here.host_str().unwrap_or_default().to_owned(),
            |port| format!("{}:{port}", here.host_str().unwrap_or_default()),
        );
        let host = document["host"].as_str().unwrap_or(&own);
        let base = document["basePath"].as_str().unwrap_or("/");
        return Ok(format!("{scheme}://{host}{base}"));
    }
    let servers = [operation, item, document]
        .into_iter()
        .find_map(|level| level["servers"].as_array().filter(|list| !list.is_empty()));
    let Some(first) = servers.and_then(|list| list.first()) else {
        return here
            .join("/")
            .map(String::from)
            .map_err(|error| wrong(error.to_string()));
    };
    let mut url = first["url"].as_str().unwrap_or("/").to_owned();
    for (name, variable) in first["variables"].as_object().into_iter().flatten() {
        let value = variable["default"].as_str().unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), value);
    }
    here.join(&url)
        .map(String::from)
        .map_err(|error| wrong(format!("`{url}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(operation: &str, parameters: Value) -> OpenapiCall {
        OpenapiCall {
            document: dirigent_protocol::run::Resource {
                uri: "https://docs.example/api/v1.json".into(),
                authentication: None,
            },
            operation: operation.into(),
            parameters,
            ..OpenapiCall::default()
        }
    }

    fn three() -> Value {
        json!({
            "openapi": "3.1.0",
            "servers": [{ "url": "/v{n}/", "variables": { "n": { "default": "2" } } }],
            "paths": { "/pets/{id}": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": {} }],
                "put": {
                    "operationId": "put",
                    "parameters": [
                        { "$ref": "#/components/parameters/tags" },
                        { "name": "X-Trace", "in": "header", "schema": {} },
                    ],
                    "requestBody": { "required": true, "content": { "application/json": {} } },
                },
            } },
            "components": { "parameters": { "tags": { "name": "tags", "in": "query", "schema": {} } } },
        })
    }

    #[test]
    fn an_operation_of_openapi_3() {
        let parameters = json!({"id": "a/b", "tags": ["x y", "z"], "X-Trace": 7, "name": "milou"});
        let made = build(&three(), &call("put", parameters)).unwrap();
        assert_eq!(
            (made.method.as_str(), made.uri.as_str()),
            ("PUT", "https://docs.example/v2/pets/a%2Fb?tags=x%20y&tags=z")
        );
        assert_eq!(
            (made.headers["X-Trace"].as_str(), made.body),
            ("7", Some(json!({"name": "milou"})))
        );
        let missing = build(&three(), &call("put", json!({"name": "x"}))).unwrap_err();
        assert!(format!("{missing:?}").contains("`id` is missing"));
        let typo = build(&three(), &call("putt", json!({}))).unwrap_err();
        assert!(format!("{typo:?}").contains("did you mean `put`"));
    }

    #[test]
    fn an_operation_of_swagger_2() {
        let document = json!({
            "swagger": "2.0", "host": "pets.example", "basePath": "/v2", "schemes": ["http", "https"],
            "paths": { "/find": { "get": { "operationId": "find", "parameters": [
                { "name": "status", "in": "query", "type": "array", "collectionFormat": "multi" },
                { "name": "ids", "in": "query", "type": "array" },
            ] } } },
        });
        let made = build(
            &document,
            &call("find", json!({"status": ["a", "b"], "ids": [1, 2]})),
        )
        .unwrap();
        assert_eq!(made.uri, "https://pets.example/v2/find?status=a&status=b&ids=1,2");
        let unknown = build(&document, &call("find", json!({"stats": 1}))).unwrap_err();
        assert!(format!("{unknown:?}").contains("no parameter `stats`"));
    }
}
