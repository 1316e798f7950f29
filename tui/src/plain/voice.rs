//! The last door: lines on their way out, made harmless, and ASCII where the locale says so.
//!
//! Invariant: what leaves here holds no control and no hidden character; with `ascii` no byte above 0x7f.

use std::fmt::Write as _;

use crate::text::clean_line;

/// Lines that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Voice {
    ascii: bool,
    lines: Vec<String>,
}

impl Voice {
    pub(super) fn new(ascii: bool) -> Self {
        Self {
            ascii,
            lines: Vec::new(),
        }
    }

    /// Says one line.
    pub(super) fn say(&mut self, text: impl AsRef<str>) {
        self.lines.push(self.harmless(text.as_ref()));
    }

    /// Takes what was said.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    fn harmless(&self, text: &str) -> String {
        let text = text.replace('\n', "\\n");
        let text = clean_line(&text);
        if !self.ascii || text.is_ascii() {
            return text.into_owned();
        }
        let mut out = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            if c.is_ascii() {
                out.push(c);
            } else {
                let _written = write!(out, "<U+{:04X}>", u32::from(c));
            }
        }
        out
    }
}

/// A sign of ours at the end of a word that leads on: not for ears.
pub(super) fn spoken(doc: &str) -> String {
    doc.replace('…', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_harmless_characters_leaves() {
        let mut voice = Voice::new(true);
        voice.say("é\u{1b}]52;c;aGk=\u{7}\nnext\u{202e}");
        assert_eq!(voice.take(), ["<U+00E9>^[]52;c;aGk=^G\\nnext<U+202E>"]);
        let mut voice = Voice::new(false);
        voice.say("Grüße\u{9b}2J");
        assert_eq!(voice.take(), ["Grüße<U+009B>2J"]);
    }
}
