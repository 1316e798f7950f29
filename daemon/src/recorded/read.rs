//! Reads a recorded test: YAML with places, or JSON.

use dirigent_protocol::recording::{Expected, FORMAT, Moment, RecordedAgent, RecordedWorkflow, Recording};
use dirigent_protocol::source::{self, Diagnostic, Node, Place};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest file, bytes; as YAML it is one mebibyte.
pub const MAX_BYTES: usize = 64 << 20;

/// Reads it.
///
/// # Errors
/// What is wrong with it, each with its place.
pub fn read(bytes: &[u8]) -> Result<Recording, Vec<Diagnostic>> {
    if bytes.len() > MAX_BYTES {
        let message = format!("a recorded test has at most {MAX_BYTES} bytes");
        let finding = Diagnostic::error("too_large", message, Place::default());
        return Err(vec![finding.help("record a smaller run")]);
    }
    let json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let recording = if json { of_json(bytes) } else { of_yaml(bytes) }?;
    if let Some(moment) = recording
        .boundary
        .windows(2)
        .position(|pair| pair[1].at < pair[0].at)
    {
        let path = format!("/boundary/{}", moment + 1);
        let place = Place {
            path,
            ..Place::default()
        };
        let message = "a moment lies before the one above it";
        return Err(vec![
            Diagnostic::error("bad_order", message, place)
                .help("keep the moments in the order of their times"),
        ]);
    }
    Ok(recording)
}

fn of_json(bytes: &[u8]) -> Result<Recording, Vec<Diagnostic>> {
    let wrong = |error: &serde_json::Error| {
        let place = Place {
            line: u32::try_from(error.line()).unwrap_or(u32::MAX),
            column: u32::try_from(error.column()).unwrap_or(u32::MAX),
            path: String::new(),
        };
        vec![Diagnostic::error("bad_value", error.to_string(), place).help(HELP)]
    };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
    if let Some(finding) = foreign(&value, Place::default()) {
        return Err(vec![finding]);
    }
    serde_json::from_slice(bytes).map_err(|error| wrong(&error))
}

const HELP: &str = "record it again: `dirigent test record RUN`";

fn foreign(value: &Value, place: Place) -> Option<Diagnostic> {
    let message = match value.get("format").map(|format| format.as_str()) {
        Some(Some(FORMAT)) => return None,
        Some(Some(other)) => format!("it is `{other}`, and this version reads `{FORMAT}`"),
        _ => format!("it is no recorded test: those begin with `format: {FORMAT}`"),
    };
    Some(Diagnostic::error("foreign", message, place).help(HELP))
}

fn of_yaml(bytes: &[u8]) -> Result<Recording, Vec<Diagnostic>> {
    let parsed = source::parse(bytes);
    if parsed.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(parsed.diagnostics);
    }
    let [node] = parsed.documents.as_slice() else {
        let message = format!(
            "it holds {} documents, a recorded test is one",
            parsed.documents.len()
        );
        return Err(vec![
            Diagnostic::error("foreign", message, Place::default()).help(HELP),
        ]);
    };
    let value = node.to_json();
    if let Some(finding) = foreign(&value, Place::new(node.locate("/format"), "/format")) {
        return Err(vec![finding]);
    }
    let found = parts(node, &value);
    if !found.is_empty() {
        return Err(found);
    }
    serde_json::from_value(value).map_err(|error| vec![wrong(node, "", &error)])
}

/// What is wrong, part by part: each with the place of its part.
fn parts(node: &Node, value: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    check::<RecordedWorkflow>(node, value, "/workflow", &mut found);
    check::<Expected>(node, value, "/expect", &mut found);
    check::<jiff::Timestamp>(node, value, "/started_at", &mut found);
    check::<dirigent_protocol::id::RunId>(node, value, "/run", &mut found);
    let each = |part: &str| -> Vec<String> {
        match value.get(part) {
            Some(Value::Array(items)) => (0..items.len()).map(|at| format!("/{part}/{at}")).collect(),
            Some(Value::Object(fields)) => {
                let names = fields.keys();
                names
                    .map(|name| source::join_pointer(&format!("/{part}"), name))
                    .collect()
            }
            _ => Vec::new(),
        }
    };
    for path in each("boundary") {
        check::<Moment>(node, value, &path, &mut found);
    }
    for path in each("agents") {
        check::<RecordedAgent>(node, value, &path, &mut found);
    }
    found
}

fn check<T: DeserializeOwned>(node: &Node, value: &Value, path: &str, found: &mut Vec<Diagnostic>) {
    let part = value.pointer(path).cloned();
    let read = match part {
        None => {
            let name = path.trim_start_matches('/');
            let message = format!("`{name}` is missing");
            found.push(
                Diagnostic::error("missing_field", message, Place::new(node.span.start, "")).help(HELP),
            );
            return;
        }
        Some(part) => serde_json::from_value::<T>(part),
    };
    if let Err(error) = read {
        found.push(wrong(node, path, &error));
    }
}

fn wrong(node: &Node, path: &str, error: &serde_json::Error) -> Diagnostic {
    Diagnostic::error(
        "bad_value",
        error.to_string(),
        Place::new(node.locate(path), path),
    )
    .help(HELP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(String, u32, String)> {
        let found = read(text.as_bytes()).unwrap_err();
        let code = |finding: Diagnostic| (finding.code, finding.at.line, finding.at.path);
        found.into_iter().map(code).collect()
    }

    #[test]
    fn what_is_no_recorded_test_is_refused_with_its_place() {
        assert_eq!(codes("a: 1\n"), [("foreign".into(), 1, "/format".into())]);
        assert_eq!(codes("format: other/thing@9\n")[0].0, "foreign");
        assert_eq!(codes("[1, 2]")[0].0, "foreign");
        assert_eq!(codes("")[0].0, "empty_document");
        assert_eq!(codes("{\"format\": 1}")[0].0, "foreign");
        assert_eq!(
            codes("{\"format\": \"dirigent/recorded-test@1\", \"run\"")[0].0,
            "bad_value"
        );
        let cut = format!("format: {FORMAT}\nrun: 7\nboundary:\n  - at: never\n    timer: {{}}\n");
        let found = codes(&cut);
        let missing: Vec<&str> = found.iter().map(|(code, ..)| code.as_str()).collect();
        assert_eq!(
            missing,
            [
                "missing_field",
                "missing_field",
                "missing_field",
                "bad_value",
                "bad_value"
            ]
        );
        assert_eq!(found[3].1, 2);
        assert_eq!((found[4].1, found[4].2.as_str()), (4, "/boundary/0"));
    }
}
