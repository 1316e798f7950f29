//! What a value may be: read from a TOML value or from text, checked, and described in words.

use std::time::Duration;

use serde_json::Value;

/// What the value of a key may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number in a range, ends included.
    Integer {
        /// Least.
        min: u64,
        /// Greatest.
        max: u64,
    },
    /// Any text.
    Text,
    /// One word of a list.
    OneOf(&'static [&'static str]),
    /// An http or https address without a password.
    Url,
    /// The same, or nothing.
    UrlOrNothing,
    /// A loopback address of this machine and a port, or nothing.
    LoopbackOrNothing,
    /// `host:port`, port 1 to 65535.
    HostPort,
    /// A time span such as `90s`, `15m`, `72h`, `7d` or ISO 8601; more than nothing, at most 10 years.
    Duration,
    /// Name of an environment variable.
    EnvName,
    /// `provider/model` or an alias.
    Model,
    /// A list; in the environment separated by commas.
    List(&'static Shape),
}

const TEN_YEARS: Duration = Duration::from_secs(10 * 366 * 86_400);

impl Shape {
    /// What is allowed, in words.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Text => "text".into(),
            Self::OneOf(words) => words
                .iter()
                .map(|word| format!("\"{word}\""))
                .collect::<Vec<_>>()
                .join(" or "),
            Self::Url => "an address such as \"https://api.example.com/v1\", without a password in it".into(),
            Self::UrlOrNothing => "an address such as \"https://agents.example.org\", or nothing".into(),
            Self::LoopbackOrNothing => {
                "a loopback address with a port such as \"127.0.0.1:7411\", or nothing".into()
            }
            Self::HostPort => "\"host:port\" with a port from 1 to 65535".into(),
            Self::Duration => "a time span such as \"90s\", \"15m\", \"72h\" or \"7d\"".into(),
            Self::EnvName => {
                "the name of an environment variable (the key itself does not belong here)".into()
            }
            Self::Model => "\"provider/model\" or an alias".into(),
            Self::List(item) => format!("a list, each {}", item.expected()),
        }
    }

    /// The words this value may be, where there is a list of them.
    pub(crate) fn words(self) -> &'static [&'static str] {
        match self {
            Self::OneOf(words) => words,
            Self::List(item) => item.words(),
            _ => &[],
        }
    }

    /// A refused value as an error may show it: hidden where people paste keys and passwords.
    pub(crate) fn shown(self, given: &str) -> String {
        match self {
            Self::EnvName | Self::Url => "this value (hidden)".into(),
            _ => crate::explain::quoted(given),
        }
    }

    /// Reads text of the environment or of a flag; `None` when it is not of this shape.
    pub(crate) fn parse(self, text: &str) -> Option<Value> {
        let text = text.trim();
        let value = match self {
            Self::Bool => match text {
                "true" | "1" | "yes" | "on" => Value::Bool(true),
                "false" | "0" | "no" | "off" => Value::Bool(false),
                _ => return None,
            },
            Self::Integer { .. } => Value::from(text.replace('_', "").parse::<u64>().ok()?),
            Self::List(item) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.map(|part| item.parse(part)).collect::<Option<_>>()?)
            }
            _ => Value::String(text.to_owned()),
        };
        self.accepts(&value).then_some(value)
    }

    /// Whether a value is of this shape.
    pub(crate) fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Bool, Value::Bool(_)) | (Self::Text, Value::String(_)) => true,
            (Self::Integer { min, max }, Value::Number(n)) => {
                n.as_u64().is_some_and(|n| (min..=max).contains(&n))
            }
            (Self::OneOf(words), Value::String(text)) => words.contains(&text.as_str()),
            (Self::Url, Value::String(text)) => is_url(text),
            (Self::UrlOrNothing, Value::String(text)) => text.is_empty() || is_url(text),
            (Self::LoopbackOrNothing, Value::String(text)) => {
                let address = text.parse::<std::net::SocketAddr>();
                text.is_empty() || address.is_ok_and(|address| address.ip().is_loopback())
            }
            (Self::HostPort, Value::String(text)) => is_host_port(text),
            (Self::Duration, Value::String(text)) => {
                parse_duration(text).is_some_and(|span| !span.is_zero() && span <= TEN_YEARS)
            }
            (Self::EnvName, Value::String(text)) => is_env_name(text),
            (Self::Model, Value::String(text)) => !text.is_empty() && !text.contains(char::is_whitespace),
            (Self::List(item), Value::Array(items)) => items.iter().all(|value| item.accepts(value)),
            _ => false,
        }
    }
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty()
        && !host.contains('@')
        && !text.contains(char::is_whitespace)
        && !text.contains(['?', '#'])
}

fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let host_ok = match host.strip_prefix('[') {
            Some(inner) => inner
                .strip_suffix(']')
                .is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()),
            None => {
                !host.is_empty()
                    && !host.contains([':', '/', '@', '*'])
                    && !host.contains(char::is_whitespace)
            }
        };
        host_ok && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn is_env_name(text: &str) -> bool {
    let first_ok = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    // A key pasted here by mistake is longer or has a dash: refused, so that it is noticed.
    first_ok && text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A time span such as `90s`, `15m`, `72h` or `7d`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    // A span of days needs to know how long a day is: always 24 hours here.
    let span: jiff::Span = text.parse().ok()?;
    let relative = jiff::SpanRelativeTo::days_are_24_hours();
    Duration::try_from(span.to_duration(relative).ok()?).ok()
}

/// Serde form of a [`Duration`] as text.
pub(crate) mod duration_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        if value.subsec_millis() == 0 {
            serializer.collect_str(&format_args!("{}s", value.as_secs()))
        } else {
            serializer.collect_str(&format_args!("{}ms", value.as_millis()))
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_duration(&text).ok_or_else(|| D::Error::custom(super::Shape::Duration.expected()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("72h", 259_200),
            ("7d", 604_800),
            ("PT1H", 3_600),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
            assert!(Shape::Duration.parse(text).is_some(), "{text}");
        }
        for text in ["", "0s", "-5s", "5", "1 month", "99999999d", "soon"] {
            assert_eq!(Shape::Duration.parse(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_with_ports() {
        for text in ["localhost:80", "127.0.0.1:8080", "[::1]:9"] {
            assert!(is_host_port(text), "{text}");
        }
        for text in [
            "localhost",
            ":80",
            "host:0",
            "host:70000",
            "::1:80",
            "http://host:80",
            "*:80",
            "a b:80",
        ] {
            assert!(!is_host_port(text), "{text}");
        }
    }

    #[test]
    fn a_pasted_key_is_no_variable_name_and_a_password_no_part_of_an_address() {
        assert!(!is_env_name("sk-proj-abc") && is_env_name("OPENAI_API_KEY"));
        assert!(!is_url("https://me:secret@host/v1") && is_url("http://127.0.0.1:11434/v1"));
    }

    #[test]
    fn lists_and_numbers_in_the_environment() {
        let list = Shape::List(&Shape::HostPort);
        assert_eq!(list.parse("a:1, b:2,"), Some(serde_json::json!(["a:1", "b:2"])));
        assert_eq!(list.parse(""), Some(serde_json::json!([])));
        assert_eq!(list.parse("a"), None);
        assert_eq!(
            Shape::Integer { min: 1, max: 9_000 }.parse("1_000"),
            Some(Value::from(1_000))
        );
    }
}
