//! The unit of reading: one line, commit or sentence.

use super::stamp::Severity;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Log,
    History,
    /// Markdown that somebody prepared about a source.
    Notes,
    Prose,
}

/// One line, commit or sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// As it stands in the input.
    pub(super) raw: &'a str,
    pub(super) time: Option<&'a str>,
    pub(super) severity: Severity,
    /// Unit, program, component or author.
    pub(super) source: Option<&'a str>,
    /// Without time and source.
    pub(super) message: &'a str,
}
