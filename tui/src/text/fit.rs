//! Text cut or padded to a number of cells.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cells a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in exactly `cells` cells: cut with `…` or padded on the right.
#[must_use]
pub fn fit(text: &str, cells: usize) -> String {
    let mut out = cut(text, cells);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(out.width())));
    out
}

/// The text in exactly `cells` cells, padded on the left, for numbers.
#[must_use]
pub fn fit_right(text: &str, cells: usize) -> String {
    let out = cut(text, cells);
    let mut padded = " ".repeat(cells.saturating_sub(out.width()));
    padded.push_str(&out);
    padded
}

/// The text in at most `cells` cells, cut with `…`.
#[must_use]
pub fn cut(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > cells {
            break;
        }
        used += wide;
        out.push(c);
    }
    if cells > 0 {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_takes_what_it_was_given() {
        for text in ["", "a", "nightly-triage", "漢字漢字", "e\u{301}e\u{301}"] {
            for cells in 0..12 {
                assert_eq!(fit(text, cells).width(), cells, "{text} in {cells}");
                assert_eq!(fit_right(text, cells).width(), cells, "{text} in {cells}");
            }
        }
        assert_eq!(fit("nightly", 5), "nigh…");
        assert_eq!(fit_right("7", 3), "  7");
    }
}
