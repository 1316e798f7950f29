//! What rows are told apart by: the values of a field, or how long ago something was.

use dirigent_protocol::filter::{Filter, Op};
use jiff::Timestamp;
use serde_json::Value;

/// One facet of a page's list.
#[derive(Debug, PartialEq, Eq)]
pub struct Facet {
    /// Its name on the screen, in places and where it is kept: `state`.
    pub name: &'static str,
    /// By what.
    pub of: Of,
}

/// By what rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A field of the documents that holds a text.
    Field(&'static str),
    /// How long ago the moment in this field was.
    Age(&'static str),
}

/// What of a row a facet looks at.
#[derive(Debug, Clone, Copy)]
pub enum Mine<'a> {
    /// The field's text.
    Text(&'a str),
    /// Seconds since the moment.
    Seconds(i64),
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Ages: name, words, from and to in seconds.
pub(super) const AGES: [(&str, &str, i64, i64); 4] = [
    ("1h", "within 1 h", i64::MIN, HOUR),
    ("1d", "1 h to 1 d ago", HOUR, DAY),
    ("7d", "1 d to 7 d ago", DAY, 7 * DAY),
    ("older", "older than 7 d", 7 * DAY, i64::MAX),
];

impl Facet {
    /// Whether a row has one of the chosen values.
    pub(super) fn has<'a>(&self, mine: Mine<'_>, chosen: impl IntoIterator<Item = &'a String>) -> bool {
        chosen.into_iter().any(|value| match mine {
            Mine::Text(text) => text == value,
            Mine::Seconds(age) => AGES
                .iter()
                .any(|(name, _, from, to)| name == value && *from <= age && age < *to),
        })
    }

    /// The value as people read it.
    pub(super) fn word(&self, value: &str) -> String {
        match self.of {
            Of::Field(_) if value.is_empty() => "(none)".to_owned(),
            Of::Field(_) => value.to_owned(),
            Of::Age(_) => AGES
                .iter()
                .find(|(name, ..)| *name == value)
                .map_or_else(|| value.to_owned(), |(_, words, ..)| (*words).to_owned()),
        }
    }

    /// The condition on documents that a value is.
    pub(super) fn condition(&self, value: &str, now: Timestamp) -> Filter {
        let is = |field: &str, op, value: Value| Filter::Is {
            field: field.to_owned(),
            op,
            value,
        };
        match self.of {
            Of::Field(field) if value.is_empty() => Filter::Or(vec![
                is(field, Op::Eq, Value::Null),
                is(field, Op::Eq, Value::from("")),
            ]),
            Of::Field(field) => is(field, Op::Eq, value.into()),
            Of::Age(field) => {
                let Some((_, _, from, to)) = AGES.iter().find(|(name, ..)| *name == value) else {
                    return Filter::And(Vec::new());
                };
                let at = |age: i64| Timestamp::from_second(now.as_second().saturating_sub(age)).ok();
                let mut all = Vec::new();
                if let Some(at) = at(*from).filter(|_| *from != i64::MIN) {
                    all.push(is(field, Op::Le, at.to_string().into()));
                }
                if let Some(at) = at(*to).filter(|_| *to != i64::MAX) {
                    all.push(is(field, Op::Gt, at.to_string().into()));
                }
                Filter::And(all)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_age_the_daemon_counts_it_under() {
        let facet = Facet {
            name: "age",
            of: Of::Age("created_at"),
        };
        let now: Timestamp = "2026-11-22T18:00:00Z".parse().unwrap();
        assert!(facet.has(Mine::Seconds(-3), [&"1h".to_owned()]));
        assert!(facet.has(Mine::Seconds(HOUR), [&"1d".to_owned()]));
        assert!(!facet.has(Mine::Seconds(HOUR), [&"1h".to_owned(), &"older".to_owned()]));
        let Filter::And(all) = facet.condition("1d", now) else {
            unreachable!()
        };
        assert_eq!(all.len(), 2);
        assert_eq!(facet.word("older"), "older than 7 d");
    }
}
