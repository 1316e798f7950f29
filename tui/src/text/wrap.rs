//! Lines broken to a width, at blanks where there are any. Nothing is dropped: joined again the text is the text.

use unicode_width::UnicodeWidthChar;

/// Breaks a (clean) text into lines of at most `cells` cells.
#[must_use]
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut out = Vec::new();
    for line in text.split('\n') {
        wrap_line(line, cells, &mut out);
    }
    out
}

fn wrap_line(line: &str, cells: usize, out: &mut Vec<String>) {
    let mut row = String::new();
    let mut used = 0;
    let mut blank = None; // byte behind the last blank of the row
    for c in line.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > cells && !row.is_empty() {
            let rest = match blank {
                Some(at) if at < row.len() => row.split_off(at),
                _ => String::new(),
            };
            out.push(std::mem::replace(&mut row, rest));
            used = crate::text::width(&row);
            blank = None;
        }
        row.push(c);
        used += wide;
        if c == ' ' {
            blank = Some(row.len());
        }
    }
    out.push(row);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_stand_at_blanks_and_nothing_is_lost() {
        assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        for cells in 1..20 {
            let text = "kubectl apply -n prod -f out/v8.yaml --server-side 漢字";
            let rows = wrap(text, cells);
            assert_eq!(rows.concat(), text);
            assert!(
                rows.iter().all(|row| crate::text::width(row) <= cells.max(2)),
                "{rows:?}"
            );
        }
    }
}
