//! URIs of requests: `{name}` from the input, query parameters, percent-encoding.

use dirigent_protocol::run::{SECRET_CLOSE, SECRET_OPEN, WorkflowError};
use serde_json::Value;

use crate::machine::Stop;

/// Replaces `{name}` by top-level values of the input, percent-encoded; by nothing where there is no such value.
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
            None | Some(Value::Null) => {}
            Some(Value::Array(_) | Value::Object(_)) => {
                let detail = format!("`{{{name}}}` in {template}: `{name}` of the input is no plain value");
                let error = WorkflowError::standard("expression", 400, "A URI cannot hold that");
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

/// Percent-encodes; the mark of a secret stays as it is, what stands for it is encoded when it is filled in.
fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut marked = false;
    for character in text.chars() {
        marked |= character == SECRET_OPEN;
        if marked || character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_' | '~') {
            out.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
        marked &= character != SECRET_CLOSE;
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
        assert_eq!(expand("https://h/{missing}", &input).unwrap(), "https://h/");
        assert!(expand("https://h/{l}", &json!({"l": [1]})).is_err());
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
