//! Bytes of a terminal to events, one byte at a time, with all state kept: how they are cut changes nothing.
//!
//! Strings (OSC, DCS, APC, PM, SOS) and sequences nobody knows are swallowed whole. Memory is bounded. A lone Esc is
//! told from the beginning of a sequence by time: see [`Parser::patience`].

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};

use super::csi;
use crate::input::MAX_PASTE;

/// How long an Esc may be the beginning of a sequence.
const ESCAPE: Duration = Duration::from_millis(50);
/// How long the rest of anything else may take: slow lines cut sequences.
const REST: Duration = Duration::from_millis(999);
/// Longest sequence looked at, bytes.
const MAX_SEQUENCE: usize = 64;
const END_OF_PASTE: &[u8] = b"\x1b[201~";

/// What a terminal said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(KeyEvent),
    /// A pasted text.
    Paste(String),
    /// The window gained or lost the focus.
    Focus(bool),
    /// The mouse.
    Mouse(MouseEvent),
    /// It has read everything up to our question (`CSI 5 n`).
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// Behind an Esc.
    Escape,
    /// Behind `ESC [`; the bytes are in `held`.
    Csi,
    /// Behind `ESC O`.
    Ss3,
    /// Behind `ESC [ M`: three bytes of an old mouse report.
    OldMouse,
    /// In a string, until its end; true behind an Esc in it.
    Text(bool),
    /// In a pasted text.
    Paste,
    /// In a character of several bytes; so many are to come.
    Utf8(u8),
}

/// The parser.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    held: Vec<u8>,
    /// The character in `held` came behind an Esc.
    alt: bool,
    /// The sequence is too long to be known; only its end matters.
    lost: bool,
}

impl Parser {
    /// How long the next byte may take before [`Parser::late`] is to be called; `None` if nothing is open.
    #[must_use]
    pub const fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape | State::Ss3 => Some(ESCAPE),
            State::Csi | State::Text(_) if self.held.is_empty() && !self.lost => Some(ESCAPE),
            _ => Some(REST),
        }
    }

    /// The next byte did not come in time.
    pub fn late(&mut self, out: &mut Vec<Event>) {
        let empty = self.held.is_empty() && !self.lost;
        match self.state {
            State::Escape => out.push(key(KeyCode::Esc, KeyModifiers::NONE)),
            // Alt and a character that also begins sequences.
            State::Ss3 => out.push(key(KeyCode::Char('O'), KeyModifiers::ALT)),
            State::Csi if empty => out.push(key(KeyCode::Char('['), KeyModifiers::ALT)),
            State::Paste => self.pasted(out),
            _ => {}
        }
        self.reset();
    }

    /// Takes bytes.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) {
        for byte in bytes {
            self.byte(*byte, out);
        }
    }

    fn reset(&mut self) {
        self.state = State::Ground;
        self.held.clear();
        self.held.shrink_to(MAX_SEQUENCE);
        (self.alt, self.lost) = (false, false);
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<Event>) {
        match self.state {
            State::Ground => self.ground(byte, out),
            State::Escape => self.escape(byte, out),
            State::Csi => self.csi(byte, out),
            State::Ss3 => {
                self.reset();
                match byte {
                    0x1b => self.state = State::Escape,
                    _ => out.extend(csi::letter(byte).map(|code| key(code, KeyModifiers::NONE))),
                }
            }
            State::OldMouse => {
                self.held.push(byte);
                if self.held.len() == 3 {
                    out.extend(csi::old_mouse(&self.held).map(Event::Mouse));
                    self.reset();
                }
            }
            State::Text(escaped) => self.text(byte, escaped),
            State::Paste => self.paste(byte, out),
            State::Utf8(left) => self.utf8(byte, left, out),
        }
    }

    fn ground(&mut self, byte: u8, out: &mut Vec<Event>) {
        let alt = if self.alt {
            KeyModifiers::ALT
        } else {
            KeyModifiers::NONE
        };
        match byte {
            0x1b => {
                self.reset();
                self.state = State::Escape;
                return;
            }
            0x00..0x80 => {
                let (code, modifiers) = csi::control(byte);
                out.push(key(code, modifiers | alt));
            }
            0xc2..=0xf4 => {
                self.held.clear();
                self.held.push(byte);
                self.state = State::Utf8(match byte {
                    0xf0.. => 3,
                    0xe0.. => 2,
                    _ => 1,
                });
                return;
            }
            // Not UTF-8.
            _ => {}
        }
        self.reset();
    }

    fn utf8(&mut self, byte: u8, left: u8, out: &mut Vec<Event>) {
        if !(0x80..0xc0).contains(&byte) {
            // Cut off: the next character begins here.
            self.reset();
            self.ground(byte, out);
            return;
        }
        self.held.push(byte);
        if left > 1 {
            self.state = State::Utf8(left - 1);
            return;
        }
        let alt = if self.alt {
            KeyModifiers::ALT
        } else {
            KeyModifiers::NONE
        };
        let typed = std::str::from_utf8(&self.held)
            .ok()
            .and_then(|text| text.chars().next());
        out.extend(
            typed
                .filter(|c| !c.is_control())
                .map(|c| key(KeyCode::Char(c), alt)),
        );
        self.reset();
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<Event>) {
        self.reset();
        match byte {
            b'[' => self.state = State::Csi,
            b'O' => self.state = State::Ss3,
            b']' | b'P' | b'X' | b'^' | b'_' => self.state = State::Text(false),
            0x1b => {
                out.push(key(KeyCode::Esc, KeyModifiers::NONE));
                self.state = State::Escape;
            }
            _ => {
                self.alt = true;
                self.ground(byte, out);
            }
        }
    }

    fn csi(&mut self, byte: u8, out: &mut Vec<Event>) {
        match byte {
            0x1b => {
                self.reset();
                self.state = State::Escape;
            }
            0x18 | 0x1a => self.reset(),
            // The Linux console's function keys: `ESC [ [ A`.
            b'[' if self.held.is_empty() => self.held.push(byte),
            b'M' if self.held.is_empty() && !self.lost => {
                self.state = State::OldMouse;
            }
            0x20..0x40 if self.held.len() < MAX_SEQUENCE => self.held.push(byte),
            0x20..0x40 => self.lost = true,
            0x40..0x7f => {
                let (held, lost) = (std::mem::take(&mut self.held), self.lost);
                self.reset();
                if held == b"200" && byte == b'~' {
                    self.state = State::Paste;
                } else if !lost {
                    out.extend(csi::event(&held, byte));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, byte: u8, escaped: bool) {
        self.lost = true;
        match byte {
            0x07 | 0x18 | 0x1a => self.reset(),
            b'\\' if escaped => self.reset(),
            b'[' if escaped => {
                self.reset();
                self.state = State::Csi;
            }
            _ => self.state = State::Text(byte == 0x1b),
        }
    }

    fn paste(&mut self, byte: u8, out: &mut Vec<Event>) {
        self.held.push(byte);
        if byte == b'~' && self.held.ends_with(END_OF_PASTE) {
            self.held.truncate(self.held.len() - END_OF_PASTE.len());
            self.pasted(out);
            self.reset();
        } else if self.held.len() >= MAX_PASTE + 2 * END_OF_PASTE.len() {
            // Only the last bytes can still be the beginning of the end.
            let tail = self.held.split_off(self.held.len() - END_OF_PASTE.len());
            self.held.truncate(MAX_PASTE);
            self.held.extend(tail);
        }
    }

    fn pasted(&mut self, out: &mut Vec<Event>) {
        let mut text = String::from_utf8_lossy(&self.held).into_owned();
        let end = (0..=MAX_PASTE.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        out.push(Event::Paste(text));
    }
}

const fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
