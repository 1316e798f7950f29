//! How many colours a terminal shows and what lies behind them, from its environment and its terminfo entry.
//!
//! Nothing is asked of the terminal, and nothing is sent that it was not said to understand.

use std::path::{Path, PathBuf};

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// None: `NO_COLOR`, vt100.
    None,
    /// The 8 plain colours.
    Ansi8,
    /// The 16 colours.
    #[default]
    Ansi16,
    /// The 256 colours of the palette.
    Indexed,
    /// Any colour.
    True,
}

/// What lies behind the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Background {
    /// Light text on dark; also what is assumed where nobody knows.
    #[default]
    Dark,
    /// Dark text on light.
    Light,
}

/// What the environment says about colours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColorEnv {
    /// `TERM`.
    pub term: String,
    /// `COLORTERM`.
    pub colorterm: String,
    /// `COLORFGBG`, the numbers of text and background where a terminal says them.
    pub fgbg: String,
    /// Inside tmux, which translates colours for its terminal.
    pub tmux: bool,
    /// Colours of the terminfo entry of `TERM`, if there is one.
    pub terminfo: Option<u32>,
}

impl ColorEnv {
    /// The depth, where colours are wanted at all.
    #[must_use]
    pub fn depth(&self) -> Depth {
        let term = self.term.as_str();
        if term.starts_with("vt") || term.ends_with("-m") || term.ends_with("-mono") {
            return Depth::None;
        }
        if matches!(term, "linux" | "ansi" | "cygwin") {
            return Depth::Ansi8;
        }
        let said = matches!(self.colorterm.as_str(), "truecolor" | "24bit");
        // GNU screen passes the variable on and garbles the sequences.
        let screen = term.starts_with("screen") && !self.tmux;
        if said && !screen {
            return Depth::True;
        }
        if term.contains("256color") {
            return Depth::Indexed;
        }
        match self.terminfo {
            Some(0..8) => Depth::None,
            Some(256..65_536) => Depth::Indexed,
            Some(65_536..) => Depth::True,
            _ if term == "screen" || term == "tmux" => Depth::Ansi8,
            // Whatever calls itself xterm has had the bright eight for decades; its entry says 8.
            _ if term.starts_with("xterm") || term.starts_with("rxvt") => Depth::Ansi16,
            Some(8..16) => Depth::Ansi8,
            _ => Depth::Ansi16,
        }
    }

    /// The background, as far as it is known.
    #[must_use]
    pub fn background(&self) -> Background {
        match self
            .fgbg
            .rsplit(';')
            .next()
            .and_then(|number| number.parse().ok())
        {
            Some(7u8 | 9..=15) => Background::Light,
            _ => Background::Dark,
        }
    }
}

/// Colours of a terminal's compiled terminfo entry; `None` if there is no entry, 0 if it has none.
#[must_use]
pub fn terminfo_colors(term: &str) -> Option<u32> {
    let mut name = term.chars();
    let first = name
        .next()
        .filter(|_| name.all(|c| c.is_ascii_graphic() && c != '/'))?;
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".terminfo"));
    let own = std::env::var_os("TERMINFO").map(PathBuf::from);
    let listed = std::env::var_os("TERMINFO_DIRS");
    let listed: Vec<PathBuf> = listed.iter().flat_map(std::env::split_paths).collect();
    let system = [
        "/etc/terminfo",
        "/lib/terminfo",
        "/usr/share/terminfo",
        "/usr/lib/terminfo",
    ];
    own.into_iter()
        .chain(home)
        .chain(listed)
        .chain(system.map(PathBuf::from))
        .flat_map(|dir| {
            [
                dir.join(first.to_string()),
                dir.join(format!("{:x}", u32::from(first))),
            ]
        })
        .find_map(|dir| std::fs::read(dir.join(term)).ok())
        .and_then(|entry| colors_of(&entry))
}

/// The number `max_colors` of a compiled entry.
fn colors_of(entry: &[u8]) -> Option<u32> {
    /// Place of `max_colors` among the numbers.
    const COLORS: usize = 13;
    let short = |at: usize| {
        let bytes = entry.get(at..at + 2)?;
        Some(u16::from_le_bytes([bytes[0], bytes[1]]))
    };
    let wide = match short(0)? {
        0o432 => false,
        0o1036 => true,
        _ => return None,
    };
    let (names, flags, numbers) = (
        usize::from(short(2)?),
        usize::from(short(4)?),
        usize::from(short(6)?),
    );
    let start = 12 + (names + flags).next_multiple_of(2);
    if numbers <= COLORS {
        return Some(0);
    }
    let number = if wide {
        let bytes = entry.get(start + COLORS * 4..start + COLORS * 4 + 4)?;
        i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    } else {
        i32::from(short(start + COLORS * 2)?.cast_signed())
    };
    Some(u32::try_from(number).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(term: &str, colorterm: &str) -> ColorEnv {
        ColorEnv {
            term: term.to_owned(),
            colorterm: colorterm.to_owned(),
            ..ColorEnv::default()
        }
    }

    #[test]
    fn every_terminal_gets_its_depth() {
        for (term, colorterm, depth) in [
            ("xterm", "", Depth::Ansi16),
            ("xterm", "truecolor", Depth::True),
            ("xterm-256color", "", Depth::Indexed),
            ("screen-256color", "", Depth::Indexed),
            ("screen-256color", "truecolor", Depth::Indexed),
            ("tmux-256color", "", Depth::Indexed),
            ("tmux-256color", "24bit", Depth::True),
            ("screen", "", Depth::Ansi8),
            ("linux", "", Depth::Ansi8),
            ("linux", "truecolor", Depth::Ansi8),
            ("vt100", "", Depth::None),
            ("vt220", "truecolor", Depth::None),
            ("xterm-mono", "", Depth::None),
        ] {
            assert_eq!(env(term, colorterm).depth(), depth, "{term} {colorterm}");
        }
        let known = |colors| ColorEnv {
            terminfo: Some(colors),
            ..env("someterm", "")
        };
        assert_eq!(known(0).depth(), Depth::None);
        assert_eq!(known(8).depth(), Depth::Ansi8);
        assert_eq!(known(256).depth(), Depth::Indexed);
        assert_eq!(known(1 << 24).depth(), Depth::True);
    }

    #[test]
    fn a_compiled_entry_is_read_in_both_widths_and_rubbish_is_none() {
        let entry = |wide: bool, colors: i32| {
            let mut bytes = Vec::new();
            for number in [if wide { 0o1036u16 } else { 0o432 }, 5, 2, 14, 0, 0] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(b"test\0\x01\x00\x00");
            for at in 0..14 {
                let number = if at == 13 { colors } else { -1 };
                if wide {
                    bytes.extend(number.to_le_bytes());
                } else {
                    bytes.extend((number as i16).to_le_bytes());
                }
            }
            bytes
        };
        assert_eq!(colors_of(&entry(false, 256)), Some(256));
        assert_eq!(colors_of(&entry(true, 1 << 24)), Some(1 << 24));
        assert_eq!(colors_of(&entry(false, -1)), Some(0));
        assert_eq!(colors_of(b"rubbish, and more of it"), None);
        for cut in 0..entry(true, 8).len() - 1 {
            let _never_panics = colors_of(&entry(true, 8)[..cut]);
        }
        assert_eq!(terminfo_colors("../../etc/passwd"), None);
    }

    #[test]
    fn the_background_is_what_the_terminal_said() {
        let said = |fgbg: &str| ColorEnv {
            fgbg: fgbg.to_owned(),
            ..ColorEnv::default()
        };
        assert_eq!(said("0;15").background(), Background::Light);
        assert_eq!(said("0;default;15").background(), Background::Light);
        assert_eq!(said("15;0").background(), Background::Dark);
        assert_eq!(said("").background(), Background::Dark);
    }
}
