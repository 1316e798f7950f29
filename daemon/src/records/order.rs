//! Values as bytes that sort as the values do: nothing, false, true, numbers by size, texts by code point.
//!
//! Texts are cut at 256 bytes, numbers are doubles: an index narrows a search, the filter itself decides.

use serde_json::Value;

/// Longest indexed text, bytes.
const MAX_TEXT: usize = 256;

/// The bytes of a value; none for lists and mappings, which no index holds.
#[must_use]
pub fn encode_value(value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Null => vec![0x08],
        Value::Bool(false) => vec![0x10],
        Value::Bool(true) => vec![0x11],
        Value::Number(number) => {
            let bits = (number.as_f64()? + 0.0).to_bits();
            let sortable = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
            let mut bytes = vec![0x20];
            bytes.extend_from_slice(&sortable.to_be_bytes());
            bytes
        }
        Value::String(text) => encode_text(text),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// NUL is escaped and ends the text, so that a text sorts before every longer one and no text is a prefix of another.
fn encode_text(text: &str) -> Vec<u8> {
    let cut = (0..=text.len().min(MAX_TEXT))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let mut bytes = Vec::with_capacity(cut + 3);
    bytes.push(0x30);
    for byte in &text.as_bytes()[..cut] {
        bytes.push(*byte);
        if *byte == 0 {
            bytes.push(0xff);
        }
    }
    bytes.extend_from_slice(&[0, 1]);
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_sort_as_values_do() {
        let values = [
            json!(null),
            json!(false),
            json!(true),
            json!(-1.5e300),
            json!(-2),
            json!(-0.5),
            json!(0),
            json!(1e-9),
            json!(1),
            json!(u64::MAX),
            json!(""),
            json!("a"),
            json!("a\u{0}"),
            json!("a\u{0}b"),
            json!("ab"),
            json!("b"),
            json!("é"),
        ];
        let encoded: Vec<_> = values.iter().map(|value| encode_value(value).unwrap()).collect();
        for pair in encoded.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        assert_eq!(encode_value(&json!(1)), encode_value(&json!(1.0)));
        assert_eq!(encode_value(&json!(0.0)), encode_value(&json!(-0.0)));
        assert!(encode_value(&json!([])).is_none());
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let encoded = encode_value(&json!("é".repeat(1_000))).unwrap();
        assert_eq!(encoded.len(), 1 + 256 + 2);
        assert!(
            encode_value(&json!(format!("a{}", "é".repeat(1_000))))
                .unwrap()
                .len()
                < 260
        );
    }
}
