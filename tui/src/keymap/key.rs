//! One key press and a short sequence of them, with the notation of the configuration and of the screen.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with the modifiers that matter; shift is folded into the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// The key itself.
    pub code: KeyCode,
    /// Held with Control.
    pub ctrl: bool,
    /// Held with Alt.
    pub alt: bool,
}

/// One key, or a prefix and a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chord(pub Vec<Key>);

/// A key name nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a key: write a character, ctrl-x, alt-x, enter, esc, tab, space, up, pgdn, f1, or two keys with a blank between"
)]
pub struct ParseKeyError {
    /// What was given.
    pub text: String,
}

/// Names of keys that are not characters: name in the configuration, name on the screen.
const NAMED: &[(&str, &str, KeyCode)] = &[
    ("enter", "Enter", KeyCode::Enter),
    ("esc", "Esc", KeyCode::Esc),
    ("tab", "Tab", KeyCode::Tab),
    ("shift-tab", "Shift-Tab", KeyCode::BackTab),
    ("space", "Space", KeyCode::Char(' ')),
    ("up", "↑", KeyCode::Up),
    ("down", "↓", KeyCode::Down),
    ("left", "←", KeyCode::Left),
    ("right", "→", KeyCode::Right),
    ("home", "Home", KeyCode::Home),
    ("end", "End", KeyCode::End),
    ("pgup", "PgUp", KeyCode::PageUp),
    ("pgdn", "PgDn", KeyCode::PageDown),
    ("backspace", "Backspace", KeyCode::Backspace),
    ("delete", "Delete", KeyCode::Delete),
    ("insert", "Insert", KeyCode::Insert),
];

impl Key {
    /// A plain character.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self {
            code: KeyCode::Char(c),
            ctrl: false,
            alt: false,
        }
    }

    /// A character without any modifier that a text field would insert.
    #[must_use]
    pub fn is_typed(&self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && !self.ctrl && !self.alt
    }
}

impl From<&KeyEvent> for Key {
    fn from(event: &KeyEvent) -> Self {
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::Tab if shift => KeyCode::BackTab,
            KeyCode::Char(c) if shift && c.is_ascii_lowercase() => KeyCode::Char(c.to_ascii_uppercase()),
            other => other,
        };
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match code {
            KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            other => other,
        };
        Self {
            code,
            ctrl,
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let unknown = || ParseKeyError {
            text: text.to_owned(),
        };
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        while rest.chars().count() > 1 {
            if let Some(inner) = rest.strip_prefix("ctrl-") {
                (rest, ctrl) = (inner, true);
            } else if let Some(inner) = rest.strip_prefix("alt-") {
                (rest, alt) = (inner, true);
            } else {
                break;
            }
        }
        if let Some((_, _, code)) = NAMED.iter().find(|(name, _, _)| *name == rest) {
            return Ok(Self {
                code: *code,
                ctrl,
                alt,
            });
        }
        if let Some(number) = rest.strip_prefix('f').filter(|n| !n.is_empty()) {
            let number: u8 = number.parse().map_err(|_| unknown())?;
            return if (1..=12).contains(&number) {
                Ok(Self {
                    code: KeyCode::F(number),
                    ctrl,
                    alt,
                })
            } else {
                Err(unknown())
            };
        }
        let mut chars = rest.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() && c != ' ' => Ok(Self {
                code: KeyCode::Char(c),
                ctrl,
                alt,
            }),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        if let Some((_, shown, _)) = NAMED.iter().find(|(_, _, code)| *code == self.code) {
            return f.write_str(shown);
        }
        match self.code {
            KeyCode::Char(c) if self.ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            _ => f.write_str("?"),
        }
    }
}

impl Key {
    /// As the configuration writes it, in plain words: `ctrl-d`, `up`.
    #[must_use]
    pub fn notation(&self) -> String {
        let mut out = String::new();
        for (held, word) in [(self.ctrl, "ctrl-"), (self.alt, "alt-")] {
            if held {
                out.push_str(word);
            }
        }
        match NAMED.iter().find(|(_, _, code)| *code == self.code) {
            Some((name, _, _)) => out.push_str(name),
            None => match self.code {
                KeyCode::Char(c) => out.push(c),
                KeyCode::F(n) => out.push_str(&format!("f{n}")),
                _ => out.push('?'),
            },
        }
        out
    }
}

impl Chord {
    /// As the configuration writes it: `g g`.
    #[must_use]
    pub fn notation(&self) -> String {
        self.0.iter().map(Key::notation).collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for Chord {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let keys = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<Vec<Key>, _>>()?;
        match keys.len() {
            1 | 2 => Ok(Self(keys)),
            _ => Err(ParseKeyError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{key}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation_reads_and_shows() {
        for (given, shown) in [
            ("ctrl-d", "Ctrl-D"),
            ("g g", "g g"),
            ("G", "G"),
            ("up", "↑"),
            ("-", "-"),
            ("f5", "F5"),
            ("f", "f"),
        ] {
            let chord: Chord = given.parse().unwrap();
            assert_eq!(chord.to_string(), shown);
            assert_eq!(chord.notation(), given);
        }
        assert!("hyper-x".parse::<Chord>().is_err());
        assert!("a b c".parse::<Chord>().is_err());
        assert!("".parse::<Chord>().is_err());
    }

    #[test]
    fn shift_is_part_of_the_character() {
        let event = KeyEvent::new(KeyCode::Char('g'), KeyModifiers::SHIFT);
        assert_eq!(Key::from(&event), Key::char('G'));
        let tab = KeyEvent::new(KeyCode::Tab, KeyModifiers::SHIFT);
        assert_eq!(Key::from(&tab), "shift-tab".parse().unwrap());
    }
}
