//! Authentication of requests: basic and bearer, given here or under `use.authentications`.

use dirigent_protocol::source::Node;
use serde_json::Value;

use crate::document::{Fields, Reader, Template};
use crate::machine::{Me, Stop, Turn};

const KINDS: [&str; 5] = ["basic", "bearer", "digest", "oauth2", "oidc"];

#[derive(Debug)]
pub(super) enum Authentication {
    Basic { username: Template, password: Template },
    Bearer { token: Template },
}

impl Authentication {
    pub(super) fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let fields = reader.fields(
            node,
            path,
            &["use", KINDS[0], KINDS[1], KINDS[2], KINDS[3], KINDS[4]],
        )?;
        if let Some((name, at)) = fields.get("use") {
            reader.text(name, &at)?;
            let (node, path) = reader.referenced("authentications", name, &at)?;
            let fields = reader.fields(&node, &path, &KINDS)?;
            return Self::read_kind(reader, &fields);
        }
        Self::read_kind(reader, &fields)
    }

    fn read_kind(reader: &mut Reader, fields: &Fields<'_>) -> Option<Self> {
        let Some((name, (node, path))) = KINDS.iter().find_map(|name| Some((*name, fields.get(name)?)))
        else {
            reader
                .error(
                    "missing_field",
                    "the authentication says no kind",
                    fields.node.span.start,
                    fields.path,
                )
                .help = Some(format!("write one of: {}", KINDS.join(", ")));
            return None;
        };
        let inner = reader.open(node, &path)?;
        let supported = matches!(name, "basic" | "bearer") && !inner.has("use");
        if !supported {
            let what = if inner.has("use") { "from a secret" } else { name };
            let message = format!("authentication {what} is not supported yet");
            reader
                .error("unsupported_task", message, node.span.start, &path)
                .help = Some("use `basic` or `bearer` with values from the input".to_owned());
            return None;
        }
        let needed: &[&str] = if name == "basic" {
            &["username", "password"]
        } else {
            &["token"]
        };
        reader.only(&inner, needed);
        if !reader.require(&inner, needed) {
            return None;
        }
        let mut part = |field: &str| {
            let (node, at) = inner.get(field)?;
            reader.text(node, &at)?;
            Template::read(reader, node, &at)
        };
        if name == "basic" {
            return Some(Self::Basic {
                username: part("username")?,
                password: part("password")?,
            });
        }
        Some(Self::Bearer {
            token: part("token")?,
        })
    }

    /// The value of the `Authorization` header.
    pub(super) fn header(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Result<String, Stop> {
        let mut text = |template: &Template| -> Result<String, Stop> {
            Ok(match &*turn.template(me, template, None)? {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        };
        Ok(match self {
            Self::Basic { username, password } => {
                let pair = format!("{}:{}", text(username)?, text(password)?);
                format!("Basic {}", base64(pair.as_bytes()))
            }
            Self::Bearer { token } => format!("Bearer {}", text(token)?),
        })
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_u32, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for i in 0..4 {
            if i <= chunk.len() {
                let digit = (group >> (18 - 6 * i)) & 63;
                text.push(char::from(DIGITS[digit as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
