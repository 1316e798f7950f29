//! Secrets: their values, put where their marks stand when a request is performed. What comes back is another's matter.
//!
//! A value is looked for in the file `secrets/NAME` under the daemon's data (readable by its owner alone), in the service
//! manager's `$CREDENTIALS_DIRECTORY/NAME`, and in the variable `DIRIGENT_SECRET_NAME`. JSON objects have keys.
//!
//! Invariant: a value is in the request while it is performed, and nowhere else: not in the journal, the log, an
//! outcome, or live text.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dirigent_protocol::run::{EffectOutcome, EffectRequest, SECRET_CLOSE, SECRET_OPEN};
use serde_json::{Map, Value};

use super::refused;

/// Shorter values are not looked for in outcomes: they would be found everywhere.
const MIN_MASKED: usize = 4;
/// Shorter numbers are not looked for: a value like 4711 stands in texts by chance, and is no secret to anybody who counts.
const MIN_NUMBER: usize = 6;
/// Fields of a secret that are no secret: an ordinary answer says `postgres`.
const PLAIN: &[&str] = &[
    "user", "username", "host", "hostname", "port", "database", "dbname", "type", "region",
];
/// Largest secret, bytes.
const MAX_BYTES: u64 = 64 << 10;
/// How the variables of secrets begin.
pub(super) const VARIABLE: &str = "DIRIGENT_SECRET_";

/// A request that may be performed, and what must not come back.
pub(crate) struct Revealed {
    pub(crate) request: EffectRequest,
    pub(crate) values: Vec<String>,
}

/// Why a secret has no value.
#[derive(Debug, thiserror::Error)]
pub(super) enum Missing {
    #[error("no value of the secret `{0}` is known to this daemon")]
    Unknown(String),
    #[error("the secret `{name}` has no `{key}`")]
    Key { name: String, key: String },
    #[error("{} may be read by others: chmod 600", .0.display())]
    Open(PathBuf),
    #[error("the request may not use the secret `{0}`")]
    Undeclared(String),
}

/// The request with the values of its secrets.
///
/// # Errors
/// The outcome of a request whose secret has no value.
pub(crate) fn reveal(data_dir: &Path, request: EffectRequest) -> Result<Revealed, Box<EffectOutcome>> {
    if request.secrets().is_empty() {
        return Ok(Revealed {
            request,
            values: Vec::new(),
        });
    }
    let mut filler = Filler {
        data_dir,
        allowed: request.secrets().to_vec(),
        known: Map::new(),
        values: Vec::new(),
    };
    let refuse = |why: String| Box::new(refused("authorization", 403, "A secret cannot be used", why));
    let mut json = serde_json::to_value(&request).map_err(|error| refuse(error.to_string()))?;
    filler
        .fill(&mut json, "")
        .map_err(|error| refuse(error.to_string()))?;
    let request = serde_json::from_value(json)
        .map_err(|_| refuse("a secret has a value of another shape than the request needs".to_owned()))?;
    Ok(Revealed {
        request,
        values: longest_first(filler.values),
    })
}

/// What a program is granted, and what must not come back.
#[derive(Debug)]
pub(crate) struct Granted {
    /// By the variables they go into.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) values: Vec<String>,
}

/// The values of secrets that a program is granted, by the variables they go into: `NAME` or `NAME/KEY` for each.
///
/// # Errors
/// The outcome of a call that is granted a secret without a value.
pub(crate) fn granted(
    data_dir: &Path,
    wanted: &BTreeMap<String, String>,
) -> Result<Granted, Box<EffectOutcome>> {
    let name = |mark: &String| mark.split('/').next().unwrap_or_default().to_owned();
    let mut filler = Filler {
        data_dir,
        allowed: wanted.values().map(name).collect(),
        known: Map::new(),
        values: Vec::new(),
    };
    let mut variables = BTreeMap::new();
    for (variable, mark) in wanted {
        let value = filler.value(mark).map_err(|error| {
            let why = format!("for the variable `{variable}`: {error}");
            Box::new(refused("authorization", 403, "A secret cannot be used", why))
        })?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // An object is told as one text, and what stands in it may be told alone.
        note(&value, &mut filler.values);
        note(&Value::String(text.clone()), &mut filler.values);
        variables.insert(variable.clone(), text);
    }
    Ok(Granted {
        variables,
        values: longest_first(filler.values),
    })
}

struct Filler<'a> {
    data_dir: &'a Path,
    allowed: Vec<String>,
    known: Map<String, Value>,
    values: Vec<String>,
}

impl Filler<'_> {
    fn fill(&mut self, value: &mut Value, field: &str) -> Result<(), Missing> {
        match value {
            Value::String(text) if text.contains(SECRET_OPEN) => {
                if let Some(whole) = whole_mark(text) {
                    *value = self.value(whole)?;
                    note(value, &mut self.values);
                    return Ok(());
                }
                *text = self.text(text, field == "uri")?;
            }
            Value::Array(items) => {
                for item in items {
                    self.fill(item, field)?;
                }
            }
            Value::Object(fields) => {
                for (name, item) in fields.iter_mut() {
                    self.fill(item, name)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str, encode: bool) -> Result<String, Missing> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, tail)) = rest.split_once(SECRET_OPEN) {
            filled.push_str(before);
            let Some((mark, after)) = tail.split_once(SECRET_CLOSE) else {
                rest = tail;
                continue;
            };
            let value = self.value(mark)?;
            note(&value, &mut self.values);
            let plain = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            if encode && !filled.is_empty() {
                let coded = percent(&plain);
                self.values.push(coded.clone());
                filled.push_str(&coded);
            } else {
                filled.push_str(&plain);
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// What a mark stands for: `name` or `name/key/...`.
    fn value(&mut self, mark: &str) -> Result<Value, Missing> {
        let part = |part: &str| part.replace("~1", "/").replace("~0", "~");
        let mut parts = mark.split('/').map(part);
        let name = parts.next().unwrap_or_default();
        if !self.allowed.contains(&name) {
            return Err(Missing::Undeclared(name));
        }
        let mut value = match self.known.get(&name) {
            Some(value) => value.clone(),
            None => {
                let value = look_up(self.data_dir, &name)?;
                self.known.insert(name.clone(), value.clone());
                value
            }
        };
        for key in parts {
            let inner = value.get(&key).cloned();
            value = inner.ok_or_else(|| Missing::Key {
                name: name.clone(),
                key,
            })?;
        }
        Ok(value)
    }
}

/// A secret without the fields that say where and as whom it is used.
pub(super) fn without_plain(mut secret: Value) -> Value {
    if let Value::Object(fields) = &mut secret {
        fields.retain(|name, _| !PLAIN.contains(&name.to_ascii_lowercase().as_str()));
    }
    secret
}

/// The mark that is all of a text.
fn whole_mark(text: &str) -> Option<&str> {
    let inner = text.strip_prefix(SECRET_OPEN)?.strip_suffix(SECRET_CLOSE)?;
    (!inner.contains([SECRET_OPEN, SECRET_CLOSE])).then_some(inner)
}

/// So that no value leaves the end of another that begins with it.
pub(crate) fn longest_first(mut values: Vec<String>) -> Vec<String> {
    values.sort_by_key(|value| Reverse(value.len()));
    values
}

/// Every text in a secret is one that must not come back, and every long number.
pub(super) fn note(value: &Value, values: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() >= MIN_MASKED && !values.contains(text) => {
            values.push(text.clone())
        }
        Value::Number(number) => {
            let text = number.to_string();
            if text.len() >= MIN_NUMBER && !values.contains(&text) {
                values.push(text);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| note(item, values)),
        Value::Object(fields) => fields.values().for_each(|item| note(item, values)),
        _ => {}
    }
}

pub(super) fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |mut coded, byte| {
        if plain(byte) {
            coded.push(char::from(byte));
        } else {
            coded.push_str(&format!("%{byte:02X}"));
        }
        coded
    })
}

fn look_up(data_dir: &Path, name: &str) -> Result<Value, Missing> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let unknown = || Missing::Unknown(name.to_owned());
    if !name.chars().all(plain) || name.starts_with('.') || name.is_empty() {
        return Err(unknown());
    }
    if let Some(text) = file(&data_dir.join("secrets").join(name), true)? {
        return Ok(read(&text));
    }
    if let Some(folder) = credentials()
        && let Some(text) = file(&folder.join(name), false)?
    {
        return Ok(read(&text));
    }
    let variable: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    let text = std::env::var(format!("{VARIABLE}{variable}")).map_err(|_| unknown())?;
    Ok(read(&text))
}

/// Where the service manager puts credentials.
pub(super) fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

pub(super) fn file(path: &Path, own: bool) -> Result<Option<String>, Missing> {
    let Ok(found) = path.metadata() else {
        return Ok(None);
    };
    if !found.is_file() || found.len() > MAX_BYTES {
        return Ok(None);
    }
    if own && found.permissions().mode() & 0o077 != 0 {
        return Err(Missing::Open(path.to_owned()));
    }
    Ok(std::fs::read_to_string(path).ok())
}

pub(super) fn read(text: &str) -> Value {
    let text = text.strip_suffix('\n').unwrap_or(text);
    match serde_json::from_str::<Value>(text) {
        Ok(value @ Value::Object(_)) => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dirigent_protocol::run::HttpCall;
    use serde_json::json;

    use super::super::secrets_mask::masked;
    use super::*;

    fn kept(name: &str, text: &str, mode: u32) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("secrets");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        home
    }

    fn call(header: &str, uri: &str, secrets: &[&str]) -> EffectRequest {
        EffectRequest::Http(HttpCall {
            method: "GET".into(),
            uri: uri.into(),
            headers: [("X".to_owned(), header.to_owned())].into(),
            secrets: secrets.iter().map(|&name| name.to_owned()).collect(),
            ..HttpCall::default()
        })
    }

    #[test]
    fn marks_are_filled_and_values_do_not_come_back() {
        let home = kept("api", r#"{"key": "hunter2 &", "n": 7}"#, 0o600);
        let request = call(
            "k=\u{e5ec}api/key\u{e5ed}",
            "https://h/?k=\u{e5ec}api/key\u{e5ed}",
            &["api"],
        );
        let revealed = reveal(home.path(), request).unwrap();
        let EffectRequest::Http(sent) = revealed.request else {
            panic!()
        };
        assert_eq!(
            (sent.headers["X"].as_str(), sent.uri.as_str()),
            ("k=hunter2 &", "https://h/?k=hunter2%20%26")
        );
        let back = EffectOutcome::Done {
            output: Arc::new(
                json!({"echo": "you sent hunter2 & and %20", "uri": sent.uri, "\u{e5ec}api\u{e5ed}": 1}),
            ),
            usage: Default::default(),
            facts: Default::default(),
        };
        let EffectOutcome::Done { output, .. } = masked(back, &revealed.values) else {
            panic!()
        };
        assert_eq!(
            *output,
            json!({"echo": "you sent *** and %20", "uri": "https://h/?k=***", "api": 1})
        );
    }

    #[test]
    fn only_what_the_request_lists_is_filled_in() {
        let home = kept("api", "hunter2", 0o600);
        let refusal = |request| format!("{:?}", reveal(home.path(), request).err().unwrap());
        assert!(refusal(call("\u{e5ec}api\u{e5ed}", "https://h", &["other"])).contains("may not use"));
        assert!(refusal(call("\u{e5ec}other\u{e5ed}", "https://h", &["other"])).contains("no value"));
        assert!(refusal(call("\u{e5ec}api/key\u{e5ed}", "https://h", &["api"])).contains("has no `key`"));
        let untouched = reveal(home.path(), call("\u{e5ec}api\u{e5ed}", "https://h", &[])).unwrap();
        assert!(untouched.values.is_empty());
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let home = kept("api", "hunter2", 0o644);
        let refusal = format!(
            "{:?}",
            reveal(home.path(), call("\u{e5ec}api\u{e5ed}", "https://h", &["api"])).err()
        );
        assert!(refusal.contains("chmod 600"), "{refusal}");
    }

    #[test]
    fn what_a_program_was_granted_does_not_come_back_in_parts_and_nothing_is_no_value() {
        let home = kept(
            "db",
            r#"{"host": "h", "password": "hunter2", "longer": "hunter2-9f8"}"#,
            0o600,
        );
        let empty = home.path().join("secrets/none");
        std::fs::write(&empty, "").unwrap();
        std::fs::set_permissions(&empty, std::fs::Permissions::from_mode(0o600)).unwrap();
        let wanted = [("DB", "db"), ("NONE", "none")].map(|(name, mark)| (name.to_owned(), mark.to_owned()));
        let granted = granted(home.path(), &wanted.into()).unwrap();
        assert_eq!(granted.variables["NONE"], "");
        let whole = &granted.variables["DB"];
        assert_eq!(
            serde_json::from_str::<Value>(whole).unwrap()["password"],
            "hunter2"
        );
        let back = EffectOutcome::Unknown {
            reason: format!("all {whole}, one hunter2, other hunter2-9f8"),
        };
        let EffectOutcome::Unknown { reason } = masked(back, &granted.values) else {
            panic!()
        };
        assert_eq!(reason, "all ***, one ***, other ***");
    }

    #[test]
    fn models_may_say_where_a_secret_is_used() {
        let secret = r#"{"username": "postgres", "Host": "db.example.com", "password": "correct horse"}"#;
        let guarded = without_plain(read(secret));
        assert_eq!(guarded, json!({ "password": "correct horse" }));
        let home = kept("db", secret, 0o600);
        assert_eq!(super::super::secrets_kept::kept(home.path()).len(), 1);
    }
}
