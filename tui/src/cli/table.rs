//! Tables for people: aligned columns, two blanks between them, headings in capitals.

use unicode_width::UnicodeWidthStr;

use super::out::{Out, Tone};
use dirigent_protocol::run::Status;

/// Rows under headings.
#[derive(Debug, Default)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<(Tone, String)>>,
}

impl Table {
    /// Without rows yet.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        Self {
            headings: headings.iter().map(|text| text.to_uppercase()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of outside text.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (Tone, String)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Writes it.
    pub fn write(self, out: &mut Out) {
        let look = out.look;
        let rows: Vec<Vec<(Tone, String)>> = self
            .rows
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .map(|(tone, text)| (tone, look.line(&text).into_owned()))
                    .collect()
            })
            .collect();
        let mut widths: Vec<usize> = self.headings.iter().map(|text| text.width()).collect();
        for row in &rows {
            for (width, (_, text)) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.width());
            }
        }
        let head: Vec<_> = self.headings.into_iter().map(|text| (Tone::Dim, text)).collect();
        for row in std::iter::once(&head).chain(&rows) {
            let mut line = String::new();
            for (at, (tone, text)) in row.iter().enumerate() {
                if at > 0 {
                    line.push_str("  ");
                }
                line.push_str(&look.paint(*tone, text));
                if at + 1 < row.len() {
                    let width = widths.get(at).copied().unwrap_or(0);
                    line.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width())));
                }
            }
            out.raw_line(line.trim_end());
        }
    }
}

/// What a status means.
#[must_use]
pub fn tone_of(status: &str) -> Tone {
    match Status::ALL.iter().find(|known| known.as_str() == status) {
        Some(Status::Completed) => Tone::Good,
        Some(Status::Faulted) => Tone::Bad,
        Some(Status::Waiting | Status::Suspended) => Tone::Ask,
        Some(Status::Pending | Status::Running) => Tone::Busy,
        Some(Status::Cancelled) => Tone::Dim,
        None => match status {
            "approved" => Tone::Good,
            "denied" | "high" => Tone::Bad,
            "medium" => Tone::Ask,
            _ => Tone::Plain,
        },
    }
}
