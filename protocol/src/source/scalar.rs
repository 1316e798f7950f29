//! What a scalar of YAML 1.2 (core schema) means, without ever losing a digit.

use serde_json::Number;

use super::node::Value;

/// What became of a plain scalar.
pub(super) enum Scalar {
    /// Its value.
    Value(Value),
    /// Text that other YAML versions read as something else; kept as text.
    Ambiguous(Value, &'static str),
    /// A number that cannot be kept exactly.
    NumberRange(&'static str),
}

/// Resolves a scalar written without quotes.
pub(super) fn resolve(text: &str) -> Scalar {
    let string = || Value::String {
        text: text.to_owned(),
        plain: true,
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Value(Value::Null),
        "true" | "True" | "TRUE" => return Scalar::Value(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Scalar::Value(Value::Bool(false)),
        _ => {}
    }
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "yes" | "no" | "on" | "off" => {
            return Scalar::Ambiguous(string(), "true or false by older YAML versions");
        }
        ".inf" | "+.inf" | "-.inf" | ".nan" => {
            return Scalar::NumberRange("JSON has no infinity and no NaN; write it as text in quotes");
        }
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Scalar::Value(string());
    }
    if lower.starts_with("0x") || lower.starts_with("0o") || lower.starts_with("0b") {
        let digits = &lower[2..];
        if !digits.is_empty()
            && digits
                .chars()
                .all(|c| c.is_ascii_hexdigit() || matches!(c, 'p' | '_'))
        {
            return Scalar::Ambiguous(string(), "a number by other readers; write it in decimal digits");
        }
    }
    match number(text) {
        Some(Ok(value)) => Scalar::Value(Value::Number {
            value,
            text: text.to_owned(),
        }),
        Some(Err(why)) => Scalar::NumberRange(why),
        None if looks_like_old_number(text) => {
            Scalar::Ambiguous(string(), "a number or a time of day by older YAML versions")
        }
        None => Scalar::Value(string()),
    }
}

/// `1_000`, `12:30:45`: numbers in YAML 1.1, text in YAML 1.2.
fn looks_like_old_number(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '_' | ':' | '+' | '-'))
        && text.contains(['_', ':'])
        && text.starts_with(|c: char| c.is_ascii_digit())
}

/// A decimal number: `None` when it is none, an error when it cannot be kept.
fn number(text: &str) -> Option<Result<Number, &'static str>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let written = !whole.is_empty() || fraction.is_some_and(|f| !f.is_empty());
    if !written || !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    if let Some(exponent) = exponent {
        let bare = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if bare.is_empty() || !digits(bare) {
            return None;
        }
    }
    if fraction.is_none() && exponent.is_none() {
        let signed = text.strip_prefix('+').unwrap_or(text);
        return Some(match signed.parse::<i64>() {
            Ok(value) => Ok(Number::from(value)),
            Err(_) => Err("whole numbers go from -2^63 to 2^63-1; write it as text in quotes"),
        });
    }
    Some(exact_float(
        text.strip_prefix('+').unwrap_or(text),
        whole,
        fraction.unwrap_or(""),
    ))
}

fn exact_float(text: &str, whole: &str, fraction: &str) -> Result<Number, &'static str> {
    const RANGE: &str = "numbers go up to about 1.8e308; write it as text in quotes";
    const DIGITS: &str = "a number keeps 17 digits; write it as text in quotes";
    let value: f64 = text.parse().map_err(|_| RANGE)?;
    let all: String = [whole, fraction].concat();
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.len() > 17 {
        return Err(DIGITS);
    }
    if !value.is_finite() || (value == 0.0 && !significant.is_empty()) {
        return Err(RANGE);
    }
    Number::from_f64(value).ok_or(RANGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        match resolve(text) {
            Scalar::Value(Value::Number { value, .. }) => value.to_string(),
            Scalar::Value(Value::String { text, .. }) => format!("{text:?}"),
            Scalar::Value(Value::Bool(value)) => value.to_string(),
            Scalar::Value(Value::Null) => "null".into(),
            Scalar::Ambiguous(Value::String { text, .. }, _) => format!("?{text:?}"),
            Scalar::NumberRange(_) => "range".into(),
            _ => "other".into(),
        }
    }

    #[test]
    fn plain_scalars_follow_the_core_schema_and_are_never_rounded() {
        for (text, expected) in [
            ("12", "12"),
            ("-7", "-7"),
            ("1.5", "1.5"),
            ("1e3", "1000.0"),
            (".5", "0.5"),
            ("1.0.3", "\"1.0.3\""),
            ("no", "?\"no\""),
            ("0o17", "?\"0o17\""),
            ("0x1p3", "?\"0x1p3\""),
            ("1_000", "?\"1_000\""),
            ("12:30:45", "?\"12:30:45\""),
            ("9223372036854775808", "range"),
            ("1e400", "range"),
            ("1e-400", "range"),
            ("3.141592653589793238", "range"),
            (".nan", "range"),
            ("NULL", "null"),
            ("TRUE", "true"),
            ("-", "\"-\""),
            (".", "\".\""),
            ("1e", "\"1e\""),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
    }
}
