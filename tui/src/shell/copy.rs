//! Copies: a text handed to the terminal's clipboard (OSC 52).
//!
//! A terminal never says whether it took it, so nothing here ever claims it did: the text was sent, that is all.

use super::state::{Effect, Shell};
use crate::keymap::Action;
use crate::model::Note;

/// Largest text sent, bytes: what common terminals and multiplexers still take whole.
const MAX_COPY: usize = 74_000;

impl Shell {
    pub(super) fn copy(&mut self, text: &str) -> Option<Effect> {
        if text.len() > MAX_COPY {
            self.note = Some(Note::refused(format!(
                "{} bytes are more than terminals take ({MAX_COPY}); {} opens the text, to copy or to save from there",
                text.len(),
                self.keymap.first(Action::PageOutside)
            )));
            return None;
        }
        self.note = Some(Note::info(format!(
            "sent {} bytes to the terminal; it does not say whether it took them",
            text.len()
        )));
        let bytes = osc52(text);
        Some(Effect::Raw(if self.passthrough {
            through_tmux(&bytes)
        } else {
            bytes
        }))
    }
}

/// A sequence wrapped so that tmux passes it on unread.
fn through_tmux(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\x1bPtmux;".to_vec();
    for byte in bytes {
        if *byte == 0x1b {
            out.push(0x1b);
        }
        out.push(*byte);
    }
    out.extend_from_slice(b"\x1b\\");
    out
}

/// The sequence that hands a text to the terminal's clipboard.
fn osc52(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = b"\x1b]52;c;".to_vec();
    for chunk in text.as_bytes().chunks(3) {
        let word = chunk
            .iter()
            .enumerate()
            .fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at) & 0x3f) as usize];
            out.push(if at <= chunk.len() { digit } else { b'=' });
        }
    }
    out.extend_from_slice(b"\x1b\\");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn through_tmux_every_escape_is_doubled() {
        assert_eq!(
            through_tmux(&osc52("f")),
            b"\x1bPtmux;\x1b\x1b]52;c;Zg==\x1b\x1b\\\x1b\\"
        );
    }

    #[test]
    fn the_clipboard_gets_base64() {
        for (text, code) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(osc52(text), format!("\x1b]52;c;{code}\x1b\\").into_bytes());
        }
    }
}
