//! One finding in a text: what, where, what to write instead.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::node::Position;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The text is refused.
    Error,
    /// The text is accepted, and probably not what was meant.
    Warning,
}

/// Where: line and column count characters from 1; `path` is a JSON pointer into the document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1; 0 when the whole text is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 when the whole text is meant.
    pub column: u32,
    /// JSON pointer of the value, empty for the root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
}

impl Place {
    /// A place with its pointer.
    #[must_use]
    pub fn new(position: Position, path: impl Into<String>) -> Self {
        Self {
            line: position.line,
            column: position.column,
            path: path.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One finding. `code` is stable; scripts match on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable name of the kind, such as `unknown_field`.
    pub code: String,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where.
    pub at: Place,
}

impl Diagnostic {
    /// A finding that refuses the text.
    #[must_use]
    pub fn error(code: &str, message: impl Into<String>, at: Place) -> Self {
        Self {
            code: code.to_owned(),
            severity: Severity::Error,
            message: message.into(),
            help: None,
            at,
        }
    }

    /// A finding that does not refuse the text.
    #[must_use]
    pub fn warning(code: &str, message: impl Into<String>, at: Place) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message, at)
        }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it refuses the text.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `file:line:column: error[code]: message` and a help line, as compilers print it; `file: ...` where the whole
    /// text is meant.
    #[must_use]
    pub fn render(&self, file: &str) -> String {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = if self.at.line == 0 {
            file.to_owned()
        } else {
            format!("{file}:{}", self.at)
        };
        let mut text = format!("{place}: {word}[{}]: {}", self.code, self.message);
        if let Some(help) = &self.help {
            text.push_str("\n  help: ");
            text.push_str(help);
        }
        text
    }
}
