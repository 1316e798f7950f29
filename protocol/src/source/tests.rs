use super::super::{Severity, Value};
use super::*;

fn codes(text: &str) -> Vec<String> {
    parse(text.as_bytes())
        .diagnostics
        .iter()
        .map(|d| format!("{} {}", d.at, d.code))
        .collect()
}

#[test]
fn bad_texts_are_refused_with_their_place() {
    let deep = "[".repeat(100_000);
    let deep_block: String = (0..80).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    let mixed = format!("{}{}{}", "- ".repeat(40), "[".repeat(40), "]".repeat(40));
    let long = "a".repeat(MAX_BYTES + 1);
    for (text, expected) in [
        ("", "1:1 empty_document"),
        ("# only a comment\n", "1:1 empty_document"),
        ("---\n---\n", "1:1 empty_document"),
        ("a:\n\tb: 1\n", "2:2 parse_error"),
        ("do:\n  - a\u{0}b: 1\n", "2:6 bad_character"),
        ("do: \"a\\0b\"\n", "1:5 bad_character"),
        ("&a [*a]", "1:5 alias_cycle"),
        ("do: 1\nx: 2\ndo: 3\n", "3:1 duplicate_key"),
        ("a: &x [1]\nb:\n  <<: *x\n", "3:3 merge_unsupported"),
        ("a: 9223372036854775808\n", "1:4 number_range"),
        ("a: 1e400", "1:4 number_range"),
        ("run: \"echo \u{202e}\"", "1:12 bidi_control"),
        ("a: !include /etc/passwd", "1:13 tag_unsupported"),
        (deep.as_str(), "1:66 too_deep"),
        (deep_block.as_str(), "65:65 too_deep"),
        (mixed.as_str(), "1:105 too_deep"),
        (long.as_str(), "0:0 too_large"),
    ] {
        assert_eq!(codes(text), [expected], "{:?}", &text[..text.len().min(60)]);
    }
}

#[test]
fn a_tab_gets_its_hint_and_a_duplicate_names_the_first_line() {
    let source = parse(b"a:\n\tb: 1\n");
    assert!(source.diagnostics[0].help.as_deref().unwrap().contains("tab"));
    let source = parse(b"do: 1\nx: 2\ndo: 3\n");
    assert!(
        source.diagnostics[0].message.contains("line 1"),
        "{:?}",
        source.diagnostics
    );
}

#[test]
fn invalid_utf8_names_the_offset() {
    let source = parse(b"a: b\nc: \"\xff\"\n");
    assert_eq!(source.diagnostics[0].code, "not_utf8");
    assert!(source.diagnostics[0].message.contains("offset 9"));
    assert_eq!(source.diagnostics[0].at.to_string(), "2:5");
}

#[test]
fn an_alias_bomb_is_stopped_early() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        let list = vec![format!("*a{}", i - 1); 10].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{list}]\n"));
    }
    assert_eq!(parse(text.as_bytes()).diagnostics[0].code, "too_large");
}

#[test]
fn many_problems_are_reported_at_once() {
    let found = codes("a: 1\na: 2\nb: 1e999\nc: no\nd: {x: 1, x: 2}\n");
    assert_eq!(
        found,
        [
            "2:1 duplicate_key",
            "3:4 number_range",
            "4:4 ambiguous_scalar",
            "5:11 duplicate_key"
        ]
    );
}

#[test]
fn a_byte_order_mark_is_ignored_and_json_is_read() {
    let source =
        parse("\u{feff}{\n\t\"a\": [1, 2.5, \"\\u00e9\\/\", null, true],\n\t\"b\": {}\n}".as_bytes());
    assert!(source.diagnostics.is_empty(), "{:?}", source.diagnostics);
    assert_eq!(
        source.documents[0].to_json(),
        serde_json::json!({"a": [1, 2.5, "é/", null, true], "b": {}})
    );
}

#[test]
fn aliases_are_values_and_text_stays_text() {
    let source = parse(b"a: &x {v: 1}\nb: *x\nc: off\n");
    assert_eq!(
        source.documents[0].to_json(),
        serde_json::json!({"a": {"v": 1}, "b": {"v": 1}, "c": "off"})
    );
    assert_eq!(source.diagnostics[0].severity, Severity::Warning);
    assert!(!source.has_errors());
}

#[test]
fn documents_are_separated_and_places_are_known() {
    let source = parse("---\nkind: Agent\n---\n---\ndo:\n  - grüß: { set: { a: 1 } }\n".as_bytes());
    assert_eq!(source.documents.len(), 2);
    let root = &source.documents[1];
    let at = root.locate("/do/0/grüß/set/a");
    assert_eq!((at.line, at.column), (6, 20));
    let at = root.locate("/do/0/grüß/nowhere");
    assert_eq!((at.line, at.column), (6, 5));
    assert!(matches!(root.get("do").unwrap().value, Value::Sequence(_)));
}

#[test]
fn random_bytes_never_panic() {
    let seed = 0x5eed_u64;
    println!("seed {seed}");
    let mut state = seed;
    let alphabet: Vec<char> = "ab:-[]{}\"'&*!|>#%@`\n\t 0123.,~<?é\u{202e}".chars().collect();
    for _ in 0..3_000 {
        let mut text = String::new();
        for _ in 0..40 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push(alphabet[(state >> 33) as usize % alphabet.len()]);
        }
        let source = parse(text.as_bytes());
        for finding in &source.diagnostics {
            assert!(!finding.message.is_empty());
        }
    }
}
