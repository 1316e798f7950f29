//! Secrets of a grant: what its requests carry by reference. A mark stands where the value will, from the plan over the
//! approval to the journal; the value is put in where the request is performed, and nowhere else.

use std::collections::BTreeMap;

use dirigent_protocol::run::{SECRET_CLOSE, SECRET_OPEN};

/// Most secrets of one grant.
const MOST: usize = 32;

/// Puts marks into headers or variables, by their names; the secrets that may be filled in. Each is named
/// `NAME` or `NAME/KEY`, behind words that stand before its value: `Bearer github/token`.
pub(super) fn marked(into: &mut BTreeMap<String, String>, granted: &BTreeMap<String, String>) -> Vec<String> {
    let mut names = Vec::new();
    for (place, text) in granted {
        let (words, secret) = parts(text);
        into.insert(
            place.clone(),
            format!("{words}{SECRET_OPEN}{secret}{SECRET_CLOSE}"),
        );
        let name = secret.split('/').next().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What stands before the value, with its space, and the secret.
fn parts(text: &str) -> (&str, &str) {
    let at = text.rfind(' ').map_or(0, |at| at + 1);
    text.split_at(at)
}

/// What is wrong with them.
pub(super) fn problem(granted: &BTreeMap<String, String>) -> Option<String> {
    if granted.len() > MOST {
        return Some(format!("`secrets` are more than {MOST}"));
    }
    let marks = [SECRET_OPEN, SECRET_CLOSE];
    let bad = |text: &String| {
        let name = parts(text).1.split('/').next().unwrap_or_default();
        name.is_empty() || text.contains(marks) || text.contains(char::is_control)
    };
    granted
        .iter()
        .find(|(place, text)| place.is_empty() || bad(text))
        .map(|(place, _)| {
            format!(
                "`secrets` of `{}` names no secret: write NAME, NAME/KEY or `Bearer NAME`",
                place.escape_debug()
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_where_the_value_will() {
        let granted = BTreeMap::from([
            ("Authorization".to_owned(), "Bearer github/token".to_owned()),
            ("X-Key".to_owned(), "shop".to_owned()),
        ]);
        let mut headers = BTreeMap::from([("Accept".to_owned(), "text/plain".to_owned())]);
        assert_eq!(marked(&mut headers, &granted), ["github", "shop"]);
        assert_eq!(
            headers["Authorization"],
            format!("Bearer {SECRET_OPEN}github/token{SECRET_CLOSE}")
        );
        assert_eq!(headers["X-Key"], format!("{SECRET_OPEN}shop{SECRET_CLOSE}"));
        assert_eq!(headers["Accept"], "text/plain");
    }

    #[test]
    fn what_names_no_secret_is_said() {
        for bad in ["", "Bearer ", "/key", "a\nb", "\u{1}"] {
            let granted = BTreeMap::from([("X".to_owned(), bad.to_owned())]);
            assert!(problem(&granted).is_some(), "{bad:?}");
        }
        assert_eq!(
            problem(&BTreeMap::from([("X".to_owned(), "Bearer a/b".to_owned())])),
            None
        );
    }
}
