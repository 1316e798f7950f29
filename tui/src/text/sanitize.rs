//! Control bytes of outside text, shown instead of obeyed.
//!
//! Escape sequences, C0 and C1 controls, bidirectional overrides and invisible characters could move the cursor,
//! set the clipboard, hide a command or turn it around. They become visible signs, so that what is approved is
//! what is read. No state is kept between texts, for none is needed: the introducing byte itself is shown, so a
//! sequence cut in two is two harmless texts. Marks piled on one letter are cut.
//!
//! Invariant: the result holds no control, no format character but the newline in [`clean`], and at most [`MARKS`]
//! marks behind a letter.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// Columns between tab stops.
const TAB: usize = 4;

/// Combining marks a letter may carry; more belong to no language.
pub const MARKS: usize = 8;

/// Whether a character is dangerous or would be invisible.
#[must_use]
pub const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'      // C0, DEL, C1
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' | '\u{fe00}'..='\u{fe0f}')
}

/// A text of several lines: controls shown, newlines kept, tabs opened up.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    scrub(text, true)
}

/// A text for one line: newlines are shown as well.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    scrub(text, false)
}

/// Whether a character stands on the one before it.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && c.width() == Some(0)
}

/// Whether a text can go as it is.
fn is_harmless(text: &str, lines: bool) -> bool {
    let mut marks = 0;
    text.chars().all(|c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        marks <= MARKS && (!is_hidden(c) || (lines && c == '\n'))
    })
}

fn scrub(text: &str, lines: bool) -> Cow<'_, str> {
    if is_harmless(text, lines) {
        return Cow::Borrowed(text);
    }
    let (mut marks, mut cut) = (0usize, 0usize);
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mark = is_mark(c) && !is_hidden(c);
        marks = if mark { marks + 1 } else { 0 };
        if marks > MARKS {
            cut += 1;
            continue;
        }
        if cut > 0 {
            let _written = write!(out, "<{cut} more marks>");
            cut = 0;
        }
        match c {
            '\n' if lines => out.push('\n'),
            '\r' if lines && chars.peek() == Some(&'\n') => {}
            '\n' => out.push('↵'),
            '\t' => out.extend(std::iter::repeat_n(' ', TAB)),
            c if is_hidden(c) => show(&mut out, c),
            c => out.push(c),
        }
    }
    if cut > 0 {
        let _written = write!(out, "<{cut} more marks>");
    }
    Cow::Owned(out)
}

/// `^[` for escape and its like, `<U+202E>` for the rest.
fn show(out: &mut String, c: char) {
    let code = u32::from(c);
    if code < 0x20 {
        out.push('^');
        out.push(char::from_u32(code + 0x40).unwrap_or('?'));
    } else if code == 0x7f {
        out.push_str("^?");
    } else {
        let _written = write!(out, "<U+{code:04X}>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_overrides_are_shown() {
        assert_eq!(clean("a\u{1b}]52;c;aGk=\u{7}b"), "a^[]52;c;aGk=^Gb");
        assert_eq!(clean("rm \u{202e}txt.exe"), "rm <U+202E>txt.exe");
        assert_eq!(clean("a\u{9b}2J"), "a<U+009B>2J");
        assert_eq!(clean("zero\u{200b}width"), "zero<U+200B>width");
        assert_eq!(clean_line("one\ntwo"), "one↵two");
        assert_eq!(clean("one\r\ntwo\rthree"), "one\ntwo^Mthree");
        assert_eq!(clean("a\tb"), "a    b");
    }

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(clean("Grüße, 世界\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_million_marks_on_one_letter_are_cut() {
        let text = format!("a{}b", "\u{301}".repeat(1_000_000));
        assert_eq!(
            clean_line(&text),
            format!("a{}<999992 more marks>b", "\u{301}".repeat(MARKS))
        );
        let few = format!("a{}", "\u{301}".repeat(MARKS));
        assert!(matches!(clean(&few), Cow::Borrowed(_)));
    }

    #[test]
    fn what_a_text_imitates_does_not_depend_on_how_it_is_cut() {
        for evil in [
            "\u{1b}[2J\u{1b}[1;1Happrove? y",
            "\u{1b}]0;title\u{7}",
            "\u{1b}]2;title\u{1b}\\",
            "\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}",
            "\u{1b}]52;c;aGk=\u{7}",
            "\u{1b}]1337;File=:AAAA\u{7}",
            "\u{1b}P$qm\u{1b}\\",
            "\u{1b}_Ga=T;AAAA\u{1b}\\",
            "\u{1b}^pm\u{1b}\\",
            "\u{1b}Pq#0;2;0;0;0~~\u{1b}\\",
            "\u{1b}[c\u{1b}[5n\u{1b}[6n\u{1b}]11;?\u{7}",
            "\u{9b}31m\u{9d}0;x\u{9c}",
            "\u{202e}\u{2066}\u{200f}",
        ] {
            let whole = clean_line(evil).into_owned();
            assert!(
                !whole.chars().any(|c| c.is_control() || is_hidden(c)),
                "{whole:?}"
            );
            for (cut, _) in evil.char_indices() {
                let (one, other) = evil.split_at(cut);
                assert_eq!(format!("{}{}", clean_line(one), clean_line(other)), whole);
            }
        }
    }

    #[test]
    fn no_random_text_keeps_a_control() {
        let seed = 0x5eed_u64;
        println!("seed {seed}");
        let mut state = seed;
        for _ in 0..20_000 {
            let text: String = (0..8)
                .filter_map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let range = [0x20, 0xa0, 0x2100, 0x11_0000][(state >> 20) as usize % 4];
                    char::from_u32((state >> 33) as u32 % range)
                })
                .collect();
            assert!(!clean_line(&text).chars().any(is_hidden), "{text:?}");
            assert!(
                !clean(&text).chars().any(|c| is_hidden(c) && c != '\n'),
                "{text:?}"
            );
        }
    }
}
