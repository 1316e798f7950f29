//! Names that people give: what they may look like.

use dirigent_protocol::source::{Diagnostic, Place};

/// Longest name, characters.
const MAX: usize = 64;

/// What is wrong with a name: `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`.
pub(super) fn check(name: &str, at: Place) -> Result<(), Diagnostic> {
    let first = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if first && rest && name.len() <= MAX {
        return Ok(());
    }
    let shown: String = name.chars().take(MAX).flat_map(char::escape_debug).collect();
    Err(
        Diagnostic::error("bad_name", format!("`{shown}` is not a name"), at).help(format!(
            "start with a letter or digit; then letters, digits, `_`, `.` and `-`; at most {MAX}"
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_ascii() {
        let longest = "a".repeat(64);
        for name in ["a", "Log-Review_2.1", "7zip", &longest] {
            assert!(check(name, Place::default()).is_ok(), "{name}");
        }
        let long = "a".repeat(65);
        for name in ["", "-a", ".a", "a b", "a/b", "naïve", "a\n", "\u{430}dmin", &long] {
            assert!(check(name, Place::default()).is_err(), "{name}");
        }
    }
}
