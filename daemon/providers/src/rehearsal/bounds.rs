//! Small tools for filling a schema: names as words, schemas put together, values inside their bounds.

use serde_json::{Map, Value, json};

/// A name in words: `firstSeen_at` is `first seen at`.
pub(super) fn words_of(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && out.ends_with(|last: char| last.is_lowercase()) {
            out.push(' ');
        }
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase())
        } else {
            out.push(' ')
        }
    }
    out
}

/// Whether one of the words begins a word of the hint; a short one must be the whole word, two are looked for as such.
pub(super) fn says(hint: &str, words: &[&str]) -> bool {
    words.iter().any(|word| match word.contains(' ') {
        true => hint.contains(word),
        false => hint.split(' ').any(|h| {
            if word.len() <= 3 {
                h == *word
            } else {
                h.starts_with(word)
            }
        }),
    })
}

pub(super) fn merge(into: &mut Map<String, Value>, from: Option<&Value>) {
    let Some(Value::Object(from)) = from else { return };
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new.clone()),
            (Some(Value::Array(old)), Value::Array(new)) if key == "required" => {
                old.extend(new.iter().cloned())
            }
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines are far below 2^52")]
pub(super) fn exact(count: usize) -> f64 {
    count as f64
}

/// A number inside the schema's range.
pub(super) fn number(schema: &Map<String, Value>, wanted: f64, integer: bool) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let step = if integer { 1.0 } else { 0.001 };
    let least = bound("minimum")
        .into_iter()
        .chain(bound("exclusiveMinimum").map(|n| n + step))
        .fold(f64::MIN, f64::max);
    let most = bound("maximum")
        .into_iter()
        .chain(bound("exclusiveMaximum").map(|n| n - step))
        .fold(f64::MAX, f64::min);
    let mut value = wanted.max(least).min(most);
    if let Some(unit) = bound("multipleOf").filter(|unit| *unit > 0.0) {
        let down = (value / unit).floor() * unit;
        value = if down < least {
            (value / unit).ceil() * unit
        } else {
            down
        };
    }
    if integer {
        let whole = if value.ceil() <= most && value < least.ceil() {
            value.ceil()
        } else {
            value.floor()
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, which is what a count out of range should do"
        )]
        return Value::from(whole as i64);
    }
    json!((value * 1_000.0).round() / 1_000.0)
}

/// Text inside the schema's lengths, in characters.
pub(super) fn fit(text: String, schema: &Map<String, Value>) -> String {
    let bound = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
    };
    let mut text = match bound("maxLength") {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    };
    let missing = bound("minLength")
        .unwrap_or(0)
        .min(100_000)
        .saturating_sub(text.chars().count());
    text.extend(std::iter::repeat_n('.', missing));
    text
}

/// The input's time as RFC 3339; the epoch when there is none or it has no date.
pub(super) fn date_time(time: Option<&str>) -> String {
    let known = time.filter(|time| time.len() >= 19 && time.as_bytes().get(4) == Some(&b'-'));
    let Some(time) = known else {
        return "1970-01-01T00:00:00Z".into();
    };
    let date = time.get(..10).unwrap_or_default();
    let clock = time
        .get(11..)
        .unwrap_or_default()
        .trim_start()
        .get(..8)
        .unwrap_or("00:00:00");
    format!("{date}T{clock}Z")
}
