//! ASCII twins: with `LANG=C` or `--ascii` not one byte above 0x7f reaches the terminal.
//!
//! It works on the finished cells, so pages draw one picture and outside text is covered as well.
//! Invariant: the width of every cell stays what it was.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

/// Our own signs and their twins.
const TWINS: &[(&str, &str)] = &[
    ("─", "-"),
    ("━", "-"),
    ("│", "|"),
    ("┃", "|"),
    ("╎", ":"),
    ("╌", "-"),
    ("═", "="),
    ("┌", "+"),
    ("┐", "+"),
    ("└", "+"),
    ("┘", "+"),
    ("├", "+"),
    ("┤", "+"),
    ("┬", "+"),
    ("┴", "+"),
    ("┼", "+"),
    ("┏", "+"),
    ("┓", "+"),
    ("┗", "+"),
    ("┛", "+"),
    ("╭", "+"),
    ("╮", "+"),
    ("╰", "+"),
    ("╯", "+"),
    ("●", "*"),
    ("⚑", "!"),
    ("◌", "~"),
    ("✗", "x"),
    ("✓", "v"),
    ("‖", "="),
    ("⊘", "o"),
    ("·", "."),
    ("○", "o"),
    ("↺", "u"),
    ("▲", "^"),
    ("✱", "*"),
    ("✎", "e"),
    ("◷", "@"),
    ("▸", ">"),
    ("▾", "v"),
    ("◂", "<"),
    ("▶", ">"),
    ("›", ">"),
    ("→", ">"),
    ("←", "<"),
    ("↑", "^"),
    ("↓", "v"),
    ("…", "~"),
    ("▌", "#"),
    ("█", "#"),
    ("░", "."),
    ("▒", "%"),
    ("▏", "#"),
    ("▎", "#"),
    ("▍", "#"),
    ("▋", "#"),
    ("▊", "#"),
    ("▉", "#"),
    ("◇", "<"),
    ("╱", "/"),
    ("╲", "\\"),
    ("▁", "_"),
    ("▂", "."),
    ("▃", "-"),
    ("▄", "="),
    ("▅", "+"),
    ("▆", "*"),
    ("▇", "#"),
    ("‹", "<"),
    ("☑", "x"),
    ("☐", "."),
    ("⚒", "%"),
    ("×", "x"),
    ("±", "+"),
    ("≥", ">"),
    ("≤", "<"),
    ("µ", "u"),
    ("“", "\""),
    ("”", "\""),
    ("‘", "'"),
    ("’", "'"),
    ("–", "-"),
    ("—", "-"),
    ("\u{a0}", " "),
    ("•", "*"),
];

/// The twin of one cell's text.
#[must_use]
pub fn twin(symbol: &str) -> &'static str {
    TWINS
        .iter()
        .find(|(sign, _)| *sign == symbol)
        .map_or_else(|| if symbol.width() > 1 { "??" } else { "?" }, |(_, twin)| twin)
}

/// Replaces every cell that is not ASCII by its twin.
pub fn fold(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let twin = twin(cell.symbol());
            cell.set_symbol(twin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn nothing_above_ascii_is_left_and_widths_stay() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        buffer.set_string(0, 0, "● läuft 漢字 ⚑é", Style::new());
        fold(&mut buffer);
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.is_ascii());
        assert!(text.starts_with("* l?uft ??"));
    }

    #[test]
    fn states_stay_apart() {
        use crate::theme::Sign;
        use dirigent_protocol::run::Status;
        let signs: Vec<_> = Status::ALL.iter().map(|s| twin(Sign::status(*s).sign)).collect();
        let mut unique = signs.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), signs.len());
    }

    #[test]
    fn every_twin_is_one_cell() {
        for (sign, twin) in TWINS {
            assert_eq!((sign.width(), twin.len()), (1, 1), "{sign}");
        }
    }
}
