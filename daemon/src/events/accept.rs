//! What an event from outside must be: CloudEvents 1.0 in JSON. What is missing and has an honest default is filled in.

use dirigent_protocol::bus::LIFECYCLE;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Largest event, bytes of JSON.
const MAX_BYTES: usize = 256 << 10;
/// Longest name of an attribute.
const MAX_NAME: usize = 64;
/// Most attributes.
const MAX_ATTRIBUTES: usize = 64;

/// Why an event is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: &'static str,
}

fn refuse<T>(message: String, help: &'static str) -> Result<T, Refused> {
    Err(Refused { message, help })
}

/// The event as it goes on the bus; `id` is for one that has none, `by` stands in its source.
///
/// # Errors
/// It is no CloudEvent, or too large.
pub fn accept(event: Value, id: &str, by: &str, now: Timestamp) -> Result<Value, Refused> {
    let Value::Object(given) = event else {
        return refuse(
            "an event must be a mapping of attributes".to_owned(),
            "write {\"type\": \"com.example.happened\", \"data\": ...}",
        );
    };
    if given.len() > MAX_ATTRIBUTES {
        return refuse(
            format!(
                "the event has {} attributes, the limit is {MAX_ATTRIBUTES}",
                given.len()
            ),
            "put the rest into `data`",
        );
    }
    let mut event = filled(given, id, by, now)?;
    if event.contains_key("data") && event.contains_key("data_base64") {
        return refuse(
            "the event has both `data` and `data_base64`".to_owned(),
            "write one of them",
        );
    }
    if event.contains_key("data") {
        event
            .entry("datacontenttype")
            .or_insert_with(|| json!("application/json"));
    }
    for name in ["id", "source", "type"] {
        if event.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return refuse(
                format!("`{name}` of an event must be a text that is not empty"),
                "write type: com.example.happened",
            );
        }
    }
    if event["specversion"] != "1.0" {
        return refuse(
            format!("`specversion` {} is not supported", event["specversion"]),
            "write specversion: '1.0', or leave it out",
        );
    }
    if event["type"]
        .as_str()
        .is_some_and(|kind| kind.starts_with(LIFECYCLE))
    {
        return refuse(
            format!("types that begin with `{LIFECYCLE}` are what the daemon says of its runs"),
            "choose another type",
        );
    }
    let event = Value::Object(event);
    let bytes = event.to_string().len();
    if bytes > MAX_BYTES {
        return refuse(
            format!("the event has {bytes} bytes, the limit is {MAX_BYTES}"),
            "send a reference to the data instead",
        );
    }
    Ok(event)
}

/// The attributes with what is missing filled in.
fn filled(
    given: Map<String, Value>,
    id: &str,
    by: &str,
    now: Timestamp,
) -> Result<Map<String, Value>, Refused> {
    let mut event = Map::new();
    event.insert("specversion".to_owned(), json!("1.0"));
    event.insert("id".to_owned(), json!(id));
    event.insert("source".to_owned(), json!(format!("/dirigent/{by}")));
    event.insert("time".to_owned(), json!(now));
    for (name, value) in given {
        check(&name, &value)?;
        if !value.is_null() {
            event.insert(name, value);
        }
    }
    Ok(event)
}

fn check(name: &str, value: &Value) -> Result<(), Refused> {
    if matches!(name, "data" | "data_base64") {
        return Ok(());
    }
    let good = !name.is_empty()
        && name.len() <= MAX_NAME
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !good {
        let shown: String = name.chars().take(80).collect();
        return refuse(
            format!("`{shown}` is not the name of an attribute"),
            "use lower-case letters and digits",
        );
    }
    if matches!(value, Value::Array(_) | Value::Object(_)) {
        return refuse(
            format!("the attribute `{name}` must be a text, a number, true or false"),
            "put structured values into `data`",
        );
    }
    if name == "time"
        && !value.is_null()
        && value
            .as_str()
            .is_none_or(|text| text.parse::<Timestamp>().is_err())
    {
        return refuse(
            "`time` is not a time".to_owned(),
            "write it as 2026-11-22T18:00:00Z, or leave it out",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(event: Value) -> Result<Value, String> {
        let now = "2026-11-22T18:00:00Z".parse().unwrap();
        accept(event, "fresh", "dana", now).map_err(|refused| refused.message)
    }

    #[test]
    fn what_is_missing_is_filled_in_and_what_is_given_stays() {
        let event = take(json!({"type": "a.b", "data": {"n": 1}, "roomid": 7})).unwrap();
        assert_eq!(
            event,
            json!({
                "specversion": "1.0", "id": "fresh", "source": "/dirigent/dana", "time": "2026-11-22T18:00:00Z",
                "type": "a.b", "data": {"n": 1}, "roomid": 7, "datacontenttype": "application/json"
            })
        );
        let own =
            take(json!({"type": "a", "id": "7", "source": "https://s", "time": "2020-01-01T00:00:00Z"}));
        assert_eq!(own.unwrap()["id"], "7");
    }

    #[test]
    fn what_is_no_event_is_refused_in_words() {
        for (event, word) in [
            (json!([]), "mapping"),
            (json!({}), "`type`"),
            (json!({"type": ""}), "`type`"),
            (json!({"type": "a", "Room": 1}), "`Room`"),
            (json!({"type": "a", "room": {}}), "`room`"),
            (json!({"type": "a", "time": "noon"}), "`time`"),
            (json!({"type": "a", "specversion": "0.3"}), "specversion"),
            (json!({"type": "a", "data": 1, "data_base64": "AA=="}), "both"),
            (json!({"type": "io.serverlessworkflow.x"}), "begin with"),
            (json!({"type": "a", "data": "x".repeat(300 << 10)}), "bytes"),
        ] {
            let why = take(event).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
