//! URIs of requests: `{name}` from the input, query parameters, percent-encoding.

use dirigent_protocol::run::WorkflowError;
use serde_json::Value;

use crate::machine::Stop;

/// Replaces `{name}` by top-level values of the input, percent-encoded.
pub(super) fn expand(template: &str, input: &Value) -> Result<String, Stop> {
    let mut uri = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once('{') {
        uri.push_str(before);
        let Some((name, after)) = tail.split_once('}') else {
            uri.push('{');
            rest = tail;
            continue;
        };
        match input.get(name) {
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => {
                let detail = format!("`{{{name}}}` in {template}: the input has no plain value `{name}`");
                let error = WorkflowError::standard("expression", 400, "A URI has a gap");
                return Err(Stop::fault(error.detail(detail)));
            }
            Some(Value::String(text)) => encode(text, &mut uri),
            Some(other) => encode(&other.to_string(), &mut uri),
        }
        rest = after;
    }
    uri.push_str(rest);
    Ok(uri)
}

/// Adds query parameters; a list gives one parameter for each item.
pub(super) fn add_query(uri: &mut String, query: &Value) {
    let Some(parameters) = query.as_object() else {
        return;
    };
    let fragment = uri.find('#').map(|at| uri.split_off(at));
    let mut add = |name: &str, value: &Value| {
        let text = match value {
            Value::Null => return,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        uri.push(if uri.contains('?') { '&' } else { '?' });
        encode(name, uri);
        uri.push('=');
        encode(&text, uri);
    };
    for (name, value) in parameters {
        match value {
            Value::Array(items) => items.iter().for_each(|item| add(name, item)),
            value => add(name, value),
        }
    }
    if let Some(fragment) = fragment {
        uri.push_str(&fragment);
    }
}

/// Whether a gap stands where the host is: data would choose whom the daemon talks to.
pub(super) fn host_is_open(template: &str) -> bool {
    let Some((_, rest)) = template.split_once("://") else {
        return template.starts_with('{');
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    host.contains('{') || template.starts_with('{')
}

fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gaps_are_filled_and_encoded() {
        let input = json!({"petId": 7, "name": "a b/ü?x=1"});
        assert_eq!(
            expand("https://h/{petId}/{name}", &input).unwrap(),
            "https://h/7/a%20b%2F%C3%BC%3Fx%3D1"
        );
        assert!(expand("https://h/{missing}", &input).is_err());
        assert_eq!(expand("https://h/{open", &input).unwrap(), "https://h/{open");
    }

    #[test]
    fn queries_are_added() {
        let mut uri = "https://h/p?a=1#top".to_owned();
        add_query(&mut uri, &json!({"b": "x y", "c": [1, 2], "d": null}));
        assert_eq!(uri, "https://h/p?a=1&b=x%20y&c=1&c=2#top");
    }

    #[test]
    fn open_hosts_are_seen() {
        assert!(host_is_open("https://{host}/x") && host_is_open("{uri}") && host_is_open("http://a.{b}.c"));
        assert!(!host_is_open("https://h/{x}") && !host_is_open("/relative/{x}"));
    }
}
