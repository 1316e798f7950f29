//! Words of several lines: how long they are, and how a text holds them.

use dirigent_protocol::source;

use super::lines::Refusal;
use super::named;
use super::outline::line;
use crate::text::{amount, clean_line};

/// Characters of a token, about.
const PER_TOKEN: usize = 4;

/// How long a text is: `1,204 chars, ~301 tokens`.
pub(super) fn length(text: &str) -> String {
    let many = |count: usize| amount::count(u64::try_from(count).unwrap_or(u64::MAX));
    let chars = text.trim_end().chars().count();
    format!(
        "{} chars, ~{} tokens",
        many(chars),
        many(chars.div_ceil(PER_TOKEN))
    )
}

/// Its length and its beginning; none where it is empty.
pub(super) fn in_one_line(text: &str) -> Option<String> {
    let words = text.split_whitespace().take(20).collect::<Vec<&str>>().join(" ");
    (!words.is_empty()).then(|| format!("{}: {}", length(text), clean_line(&words)))
}

/// What stands at a path, as it is edited.
pub(super) fn at(text: &str, path: &[&str]) -> String {
    let parsed = source::parse(text.as_bytes());
    let root = parsed.documents.first();
    let found = root.and_then(|root| named::at(root, path)?.as_str());
    found.unwrap_or_default().trim_end_matches('\n').to_owned()
}

/// Sets the words at a path: several lines as a block of lines, one line as it is.
pub(super) fn set(text: &str, path: &[&str], words: &str) -> Result<String, Refusal> {
    let words = words.trim_end_matches('\n');
    if words == at(text, path) {
        return Ok(text.to_owned());
    }
    let wide = wide_of(text, path);
    // A block whose first line begins with blanks would have to say how deep it stands: that is one line then.
    let is_block = words.contains('\n') && !words.contains('\r') && !words.starts_with([' ', '\t', '\n']);
    let written = match wide.filter(|_| is_block) {
        Some(wide) => {
            let pad = " ".repeat(wide + 2);
            let rows = words.lines().map(|row| match row.is_empty() {
                true => String::new(),
                false => format!("{pad}{row}"),
            });
            let rows: Vec<String> = rows.collect();
            format!("|-\n{}", rows.join("\n"))
        }
        None => serde_json::to_string(words).map_err(|error| error.to_string())?,
    };
    named::set_as(text, path, &written, words.into())
}

/// Characters before the names beside it, where those stand on lines of their own.
fn wide_of(text: &str, path: &[&str]) -> Option<usize> {
    let (_, above) = path.split_last()?;
    let parsed = source::parse(text.as_bytes());
    let entries = named::at(parsed.documents.first()?, above)?.as_mapping()?;
    let key = entries.iter().next()?.key_span.start;
    let row = text.lines().nth(line(key.line))?;
    let lead: String = row.chars().take(line(key.column)).collect();
    lead.trim().is_empty().then_some(line(key.column))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
kind: Agent
spec:
  # asked
  prompt: |
    Summarise:

    {{ input.text }}
  model: '' # the default
  limits: { turns: 3 }
";

    #[test]
    fn words_are_set_as_lines_and_read_back_the_same() {
        for words in [
            "one",
            "one: # two\n\n  three\n\tfour \n- five",
            "  deeper\nthan",
            "it's \"quoted\"\n{{ x }}",
            "\nempty first",
        ] {
            for name in ["prompt", "system"] {
                let path = ["spec", name];
                let new = set(TEXT, &path, words).unwrap_or_else(|why| panic!("{words:?}: {why}"));
                assert_eq!(at(&new, &path), words, "{new}");
                for kept in ["  # asked", "  model: '' # the default", "  limits: { turns: 3 }"] {
                    assert!(new.lines().any(|row| row == kept), "{words:?}\n{new}");
                }
                assert_eq!(set(&new, &path, words).as_deref(), Ok(new.as_str()));
            }
        }
        // Within braces it is one line.
        let new = set(TEXT, &["spec", "limits", "note"], "a\nb").unwrap();
        assert!(new.contains(r#"limits: { turns: 3, note: "a\nb" }"#), "{new}");
    }

    #[test]
    fn lengths_are_told_in_characters_and_tokens() {
        assert_eq!(
            in_one_line("Label each\nticket.\n").as_deref(),
            Some("18 chars, ~5 tokens: Label each ticket.")
        );
        assert_eq!(in_one_line(" \n"), None);
    }
}
