//! From bytes to documents: the checks that need no tree, then the event parser.

use granit_parser::{ErrorKind, Event, Parser, ScanError};

use super::builder::Builder;
use super::diagnostic::{Diagnostic, Place};
use super::node::{Node, Position};
use super::secrets::literal_secrets;

/// Largest text, bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 64;
/// Most uses of aliases (`*name`) in one text.
pub const MAX_ALIASES: usize = 1_000;
/// Most values in one text, aliases expanded.
pub const MAX_NODES: usize = 100_000;

/// The documents of a text and every finding in it.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// Documents in order; empty ones are left out. After a syntax error, those before it.
    pub documents: Vec<Node>,
    /// Findings in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Source {
    /// Whether anything refuses the text.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    fn refused(diagnostic: Diagnostic) -> Self {
        Self {
            documents: Vec::new(),
            diagnostics: vec![diagnostic],
        }
    }
}

/// Parses YAML 1.2 or JSON text of one or several documents.
#[must_use]
pub fn parse(bytes: &[u8]) -> Source {
    if bytes.len() > MAX_BYTES {
        let message = format!("the text is larger than {MAX_BYTES} bytes");
        return Source::refused(
            Diagnostic::error("too_large", message, Place::default())
                .help("split the file, or move large data out of it"),
        );
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => return Source::refused(not_utf8(bytes, error.valid_up_to())),
    };
    let findings = bad_characters(text);
    if !findings.is_empty() {
        return Source {
            documents: Vec::new(),
            diagnostics: findings,
        };
    }
    let mut source = read_events(text);
    let secrets = source.documents.iter().flat_map(literal_secrets);
    source.diagnostics.extend(secrets.collect::<Vec<_>>());
    source.diagnostics.sort_by_key(|d| (d.at.line, d.at.column));
    if source.documents.is_empty() && source.diagnostics.is_empty() {
        source.diagnostics.push(
            Diagnostic::error(
                "empty_document",
                "there is nothing in this text",
                Place::new(advance(""), ""),
            )
            .help("a workflow starts with `document:` and `do:`"),
        );
    }
    source
}

fn read_events(text: &str) -> Source {
    let mut options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        simple_key_max_lookahead: 4096,
    };
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((Event::StreamStart | Event::StreamEnd, _)) => {}
            Ok((event, span)) => {
                if builder.event(&event, span).is_break() {
                    break;
                }
            }
            Err(error) => {
                builder.diagnostics.push(syntax_error(text, &error));
                break;
            }
        }
    }
    Source {
        documents: builder.documents,
        diagnostics: builder.diagnostics,
    }
}

fn syntax_error(text: &str, error: &ScanError) -> Diagnostic {
    let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
    let column = u32::try_from(error.marker().col() + 1).unwrap_or(u32::MAX);
    let place = Place {
        line,
        column,
        path: String::new(),
    };
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep(place);
    }
    let info = error.info();
    let diagnostic = Diagnostic::error("parse_error", format!("this is not YAML: {info}"), place);
    let near_tab = text
        .lines()
        .take(error.marker().line())
        .collect::<Vec<_>>()
        .iter()
        .rev()
        .take(2)
        .any(|line| line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t'));
    if near_tab || info.contains("tab") {
        return diagnostic.help("indent with spaces: YAML does not allow a tab here");
    }
    diagnostic.help("check the indentation and the quotes of this line and the one before")
}

pub(super) fn too_deep(place: Place) -> Diagnostic {
    Diagnostic::error(
        "too_deep",
        format!("values are nested deeper than {MAX_DEPTH} levels"),
        place,
    )
    .help("flatten the document, or use named functions under `use`")
}

fn not_utf8(bytes: &[u8], offset: usize) -> Diagnostic {
    let before = String::from_utf8_lossy(&bytes[..offset]);
    let position = advance(&before);
    Diagnostic::error(
        "not_utf8",
        format!("byte 0x{:02x} at offset {offset} is not UTF-8", bytes[offset]),
        Place::new(position, ""),
    )
    .help("save the file as UTF-8")
}

fn advance(before: &str) -> Position {
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Position {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    }
}

/// Characters that must not stand in the text itself: NUL, and those that turn the direction of writing
/// (a command would not be the one the eye reads). Both can be written as escapes in double quotes.
fn bad_characters(text: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (offset, character) in text.char_indices() {
        let (code, what) = match character {
            '\0' => ("bad_character", "a NUL character".to_owned()),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => (
                "bidi_control",
                format!(
                    "U+{:04X}, which turns the direction of writing",
                    u32::from(character)
                ),
            ),
            _ => continue,
        };
        let place = Place::new(advance(&text[..offset]), "");
        found.push(
            Diagnostic::error(code, format!("the text contains {what}"), place)
                .help("remove it, or write it as an escape in double quotes"),
        );
        if found.len() == 20 {
            break;
        }
    }
    found
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
