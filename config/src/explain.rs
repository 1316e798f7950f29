//! What is wrong in a configuration, in words: `error[code]: what`, where, `help: what to do`.

use std::fmt;
use std::path::PathBuf;

/// Stable name of a kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemCode {
    /// The file cannot be read.
    Unreadable,
    /// The file is no TOML, or names a key or table twice.
    Syntax,
    /// No such key.
    UnknownKey,
    /// The value is not what the key takes.
    BadValue,
    /// A key that must be there is not.
    MissingKey,
    /// Two keys contradict each other.
    Contradiction,
}

impl ProblemCode {
    /// The code as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "config_unreadable",
            Self::Syntax => "config_syntax",
            Self::UnknownKey => "config_unknown_key",
            Self::BadValue => "config_bad_value",
            Self::MissingKey => "config_missing_key",
            Self::Contradiction => "config_contradiction",
        }
    }
}

/// Where a value came from or a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The shipped defaults.
    Defaults,
    /// A file as a whole.
    File(PathBuf),
    /// A place in a file; line and column count from 1, columns in characters.
    At {
        /// The file.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defaults => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::At { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Kind.
    pub code: ProblemCode,
    /// What is wrong.
    pub what: String,
    /// Where.
    pub place: Place,
    /// Dotted path of the key, where there is one.
    pub key: Option<String>,
    /// What to do.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code.as_str(), self.what)?;
        match &self.key {
            Some(key) => writeln!(f, "  at {} {key}", self.place)?,
            None => writeln!(f, "  at {}", self.place)?,
        }
        write!(f, "help: {}", self.help)
    }
}

/// Every problem of a configuration, in the order of its text. Callers print it and exit with 78.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The nearest of `known` to `word`, when it is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |name: &'a str| {
        let score = strsim::jaro_winkler(word, name);
        let edits = strsim::osa_distance(word, name);
        (edits <= 2.min(word.chars().count() / 2) || score > 0.87).then_some((name, score))
    };
    known
        .into_iter()
        .filter_map(close)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(name, _)| name)
}

/// A value or name from outside, safe for a terminal and short.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(80) {
        if matches!(c, '"' | '\'' | '\\') {
            shown.push(c)
        } else {
            shown.extend(c.escape_debug())
        }
    }
    if text.chars().count() > 80 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_word_and_other_words_do_not() {
        let known = ["shell", "concurrency", "max_output_bytes", "max_crashes"];
        for (slip, meant) in [
            ("shel", "shell"),
            ("shlel", "shell"),
            ("concurency", "concurrency"),
            ("max_output", "max_output_bytes"),
        ] {
            assert_eq!(nearest(slip, known), Some(meant), "{slip}");
        }
        for other in ["", "x", "network", "cache"] {
            assert_eq!(nearest(other, known), None, "{other}");
        }
    }

    #[test]
    fn escape_sequences_are_shown_not_sent() {
        assert_eq!(quoted("a\u{1b}[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 81);
    }
}
