//! Where two values differ, field by field.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::StepId;
use crate::source::join_pointer;

/// Fields of one value that are named at most.
const MOST: usize = 20;
/// Lines of a text that are shown at most, of each side.
const LINES: usize = 12;

/// Something that is not as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The step it is about; none where it is about the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What differs: `request/http/uri`, `agent writer/prompt`, `order`, `output/total`.
    pub field: String,
    /// As recorded; absent where it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Value>,
    /// As it is now; absent where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Value>,
}

impl Difference {
    /// The lines of a diff: what was recorded behind `-`, what is now behind `+`. Of long texts only the lines that
    /// differ.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = |value: &Option<Value>| -> Vec<String> {
            match value {
                None => Vec::new(),
                Some(Value::String(text)) => text.lines().map(str::to_owned).collect(),
                Some(other) => vec![other.to_string()],
            }
        };
        let (before, after) = (text(&self.recorded), text(&self.now));
        let same_at_start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let rest = |lines: &[String]| lines.len() - same_at_start;
        let same_at_end = before
            .iter()
            .rev()
            .zip(after.iter().rev())
            .take(rest(&before).min(rest(&after)))
            .take_while(|(a, b)| a == b)
            .count();
        let part = |lines: &[String], sign: char| -> Vec<String> {
            let changed = &lines[same_at_start..lines.len() - same_at_end];
            let mut shown: Vec<String> = changed
                .iter()
                .take(LINES)
                .map(|line| format!("{sign} {line}"))
                .collect();
            if changed.len() > LINES {
                shown.push(format!("{sign} ({} more lines)", changed.len() - LINES));
            }
            shown
        };
        let mut lines = part(&before, '-');
        lines.extend(part(&after, '+'));
        lines
    }
}

/// The fields in which two values differ, the first twenty of them.
#[must_use]
pub fn differences(step: Option<&StepId>, field: &str, recorded: &Value, now: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(step, field, (Some(recorded), Some(now)), &mut found);
    found
}

fn walk(
    step: Option<&StepId>,
    field: &str,
    (recorded, now): (Option<&Value>, Option<&Value>),
    found: &mut Vec<Difference>,
) {
    if recorded == now || found.len() >= MOST {
        return;
    }
    match (recorded, now) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for (name, value) in before {
                walk(step, &inner(field, name), (Some(value), after.get(name)), found);
            }
            for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                walk(step, &inner(field, name), (None, Some(value)), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() == after.len() => {
            for (place, (before, after)) in before.iter().zip(after).enumerate() {
                let field = inner(field, &place.to_string());
                walk(step, &field, (Some(before), Some(after)), found);
            }
        }
        (before, after) => found.push(Difference {
            step: step.cloned(),
            field: field.to_owned(),
            recorded: before.cloned(),
            now: after.cloned(),
        }),
    }
}

fn inner(field: &str, name: &str) -> String {
    let below = join_pointer(field, name);
    below.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_and_long_texts_cut_to_what_differs() {
        let before = json!({ "uri": "http://a", "headers": { "x": "1" }, "list": [1, 2] });
        let after = json!({ "uri": "http://b", "headers": {}, "list": [1, 3], "new": true });
        let found = differences(None, "request", &before, &after);
        let mut fields: Vec<&str> = found.iter().map(|difference| difference.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            [
                "request/headers/x",
                "request/list/1",
                "request/new",
                "request/uri"
            ]
        );
        let text = |middle: &str| json!(format!("one\ntwo\n{middle}\nfour\n"));
        let found = differences(None, "prompt", &text("three"), &text("drei\nvier"));
        assert_eq!(found[0].lines(), ["- three", "+ drei", "+ vier"]);
        assert_eq!(differences(None, "x", &before, &before), []);
    }
}
