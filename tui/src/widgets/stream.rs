//! Live text of a step: a ring of lines that follows the end or stands still and says how far behind it is.
//! Owns the ring, the viewport and the wrapping; what the lines say comes from the page.
//! Invariant: every line is harmless text of bounded length, lines and bytes are bounded, and only lines in sight are wrapped.

use std::collections::VecDeque;

use ratatui::{buffer::Buffer, layout::Rect};

use super::line::Line;
use crate::text::{clean, fit, wrap};
use crate::theme::{Role, Theme};

/// Most lines kept; behind that the oldest go.
pub const MAX_LINES: usize = 10_000;
/// Most bytes of text kept.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Longest line; a longer one goes on in the next.
pub const MAX_LINE: usize = 4 * 1024;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The daemon: events of the run.
    Event,
    /// What was sent out.
    Sent,
    /// A model's words.
    Model,
    /// A command's output.
    Stdout,
    /// A command's complaints.
    Stderr,
    /// Something went wrong.
    Error,
    /// A person is asked or has answered.
    Person,
}

impl Voice {
    /// Who that is, in a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Sent => "sent",
            Self::Model => "model",
            Self::Stdout => "output",
            Self::Stderr => "complaint",
            Self::Error => "error",
            Self::Person => "person",
        }
    }

    const fn sign(self) -> (&'static str, Role, Role) {
        match self {
            Self::Event => ("·", Role::Dim, Role::Dim),
            Self::Sent => ("▸", Role::Live, Role::Text),
            Self::Model => ("◂", Role::Good, Role::Quoted),
            Self::Stdout => ("│", Role::Dim, Role::Text),
            Self::Stderr => ("│", Role::Warn, Role::Warn),
            Self::Error => ("✗", Role::Bad, Role::Bad),
            Self::Person => ("⚑", Role::Waiting, Role::Text),
        }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    /// `18:41:07`; empty on the lines that go on.
    time: String,
    voice: Voice,
    text: String,
}

/// Where the viewport stands while it does not follow: its lowest line, and rows of that line below the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Anchor {
    line: u64,
    below: usize,
}

/// The ring and its viewport.
#[derive(Clone, Debug)]
pub struct Stream {
    lines: VecDeque<Entry>,
    /// Number of the line in front, counted from the beginning of the stream.
    first: u64,
    bytes: usize,
    /// The last line may go on.
    open: bool,
    anchor: Option<Anchor>,
    wraps: bool,
    /// What is looked for, in lower case; empty for nothing.
    needle: String,
    /// The line that stands out.
    marked: Option<u64>,
    /// Cells for text at the last drawing.
    cells: usize,
    /// Rows at the last drawing.
    rows: usize,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            first: 0,
            bytes: 0,
            open: false,
            anchor: None,
            wraps: true,
            needle: String::new(),
            marked: None,
            cells: 60,
            rows: 10,
        }
    }
}

impl Stream {
    /// Appends whole lines.
    pub fn push(&mut self, time: &str, voice: Voice, text: &str) {
        self.open = false;
        self.append(time, voice, text);
        self.open = false;
    }

    /// Appends a piece of text: it goes on in the line before if the same voice was speaking.
    pub fn append(&mut self, time: &str, voice: Voice, text: &str) {
        let text = clean(text);
        let goes_on = self.open && self.lines.back().is_some_and(|last| last.voice == voice);
        for (at, piece) in text.split('\n').enumerate() {
            if at > 0 || !goes_on {
                let time = if at == 0 { time } else { "" };
                self.add(Entry {
                    time: time.to_owned(),
                    voice,
                    text: String::new(),
                });
            }
            self.extend(piece, voice);
        }
        self.open = true;
        self.trim();
    }

    fn add(&mut self, entry: Entry) {
        self.bytes += entry.text.len();
        self.lines.push_back(entry);
    }

    fn extend(&mut self, mut piece: &str, voice: Voice) {
        loop {
            let Some(last) = self.lines.back_mut() else { return };
            let room = MAX_LINE.saturating_sub(last.text.len());
            let at = (0..=room.min(piece.len()))
                .rev()
                .find(|at| piece.is_char_boundary(*at))
                .unwrap_or(0);
            let (head, rest) = piece.split_at(at);
            last.text.push_str(head);
            self.bytes += head.len();
            if rest.is_empty() {
                return;
            }
            piece = rest;
            self.add(Entry {
                time: String::new(),
                voice,
                text: String::new(),
            });
        }
    }

    fn trim(&mut self) {
        while self.lines.len() > MAX_LINES || (self.bytes > MAX_BYTES && self.lines.len() > 1) {
            if let Some(gone) = self.lines.pop_front() {
                self.bytes -= gone.text.len();
                self.first += 1;
            }
        }
    }

    /// Takes back what a voice has said from a line on: its lines leave from the end, and those that others stand behind
    /// are emptied.
    pub fn withdraw(&mut self, from: u64, voice: Voice) {
        self.open = false;
        while self.next_line() > from.max(self.first)
            && let Some(last) = self.lines.pop_back_if(|last| last.voice == voice)
        {
            self.bytes -= last.text.len();
        }
        let skip = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        for entry in self
            .lines
            .iter_mut()
            .skip(skip)
            .filter(|entry| entry.voice == voice)
        {
            self.bytes -= entry.text.len();
            entry.text.clear();
        }
    }

    /// Empties it; it follows again.
    pub fn clear(&mut self) {
        *self = Self {
            wraps: self.wraps,
            needle: std::mem::take(&mut self.needle),
            cells: self.cells,
            rows: self.rows,
            ..Self::default()
        };
    }

    /// Rows it had at the last drawing.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Lines kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// It follows the end.
    #[must_use]
    pub const fn follows(&self) -> bool {
        self.anchor.is_none()
    }

    /// The number that the next line will have.
    #[must_use]
    pub fn next_line(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// Lets a line stand out and brings it to the top of what is seen; none stands out any more for `None`.
    pub fn mark(&mut self, line: Option<u64>) {
        self.marked = line;
        let Some(line) = line.map(|line| line.max(self.first)) else {
            return;
        };
        let (mut at, mut rows) = (line, self.rows_of(line));
        while at < self.last() && rows + self.rows_of(at + 1) <= self.rows {
            at += 1;
            rows += self.rows_of(at);
        }
        self.anchor = (at < self.last()).then_some(Anchor { line: at, below: 0 });
    }

    /// Stands still, or follows again.
    pub fn pause(&mut self) {
        self.anchor = if self.anchor.is_some() {
            None
        } else {
            Some(self.end())
        };
    }

    /// Jumps to now and follows.
    pub fn follow(&mut self) {
        self.anchor = None;
    }

    /// To the first line that is kept; stands still.
    pub fn to_top(&mut self) {
        self.anchor = Some(Anchor {
            line: self.first,
            below: 0,
        });
    }

    /// Long lines are broken, or cut.
    pub fn toggle_wrap(&mut self) {
        self.wraps = !self.wraps;
    }

    /// Looks for a text, from the end back; an empty one ends the search. Says whether it is there.
    pub fn find(&mut self, text: &str) -> bool {
        self.needle = text.to_lowercase();
        self.anchor = None;
        !self.needle.is_empty() && self.seek(false)
    }

    /// What is looked for.
    #[must_use]
    pub fn needle(&self) -> &str {
        &self.needle
    }

    /// Goes to the next line with the text (`later`), or the one before; false at the end.
    pub fn seek(&mut self, later: bool) -> bool {
        if self.needle.is_empty() {
            return false;
        }
        let now = self.anchor.map_or(self.last() + 1, |anchor| anchor.line);
        let hit = |line: &u64| {
            self.entry(*line)
                .is_some_and(|entry| entry.text.to_lowercase().contains(&self.needle))
        };
        let next = if later {
            (now + 1..=self.last()).find(hit)
        } else {
            (self.first..now).rev().find(hit)
        };
        if let Some(line) = next {
            self.anchor = Some(Anchor { line, below: 0 });
        }
        next.is_some()
    }

    /// The last lines up to the end of the viewport: time, who, what.
    #[must_use]
    pub fn recent(&self, many: usize) -> Vec<(&str, Voice, &str)> {
        let end = self.anchor.map_or(self.last(), |anchor| anchor.line);
        let end = usize::try_from((end + 1).saturating_sub(self.first)).unwrap_or(0);
        let end = end.min(self.lines.len());
        let shown = self.lines.range(end.saturating_sub(many)..end);
        shown
            .map(|entry| (entry.time.as_str(), entry.voice, entry.text.as_str()))
            .collect()
    }

    /// Lines that came behind the viewport.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.anchor
            .map_or(0, |anchor| self.last().saturating_sub(anchor.line))
    }

    fn last(&self) -> u64 {
        self.first + (self.lines.len() as u64).saturating_sub(1)
    }

    fn end(&self) -> Anchor {
        Anchor {
            line: self.last(),
            below: 0,
        }
    }

    /// Moves by rows, up if negative; at the end it follows again.
    pub fn scroll(&mut self, rows: i32) {
        let mut at = self.anchor.unwrap_or(self.end());
        for _ in 0..rows.unsigned_abs() {
            if rows < 0 {
                let high = self.rows_of(at.line);
                if at.below + 1 < high {
                    at.below += 1;
                } else if at.line > self.first {
                    at = Anchor {
                        line: at.line - 1,
                        below: 0,
                    };
                }
            } else if at.below > 0 {
                at.below -= 1;
            } else if at.line < self.last() {
                let line = at.line + 1;
                at = Anchor {
                    line,
                    below: self.rows_of(line).saturating_sub(1),
                };
            }
        }
        self.anchor = (at != self.end()).then_some(at);
    }

    fn entry(&self, line: u64) -> Option<&Entry> {
        let at = usize::try_from(line.checked_sub(self.first)?).ok()?;
        self.lines.get(at)
    }

    fn rows_of(&self, line: u64) -> usize {
        self.entry(line).map_or(0, |entry| self.broken(entry).len())
    }

    fn broken(&self, entry: &Entry) -> Vec<String> {
        if self.wraps {
            wrap(&entry.text, self.cells)
        } else {
            vec![fit::cut(&entry.text, self.cells)]
        }
    }

    /// A row with what is looked for marked.
    fn found(&self, drawn: &mut Line, role: Role, text: &str) {
        let mut rest = text;
        while !self.needle.is_empty() {
            // Only where lower case keeps the lengths, so that the places are those of the text.
            let low = rest.to_lowercase();
            let Some(at) = low.find(&self.needle).filter(|_| low.len() == rest.len()) else {
                break;
            };
            let end = at + self.needle.len();
            if !rest.is_char_boundary(at) || !rest.is_char_boundary(end) {
                break;
            }
            drawn.push(role, &rest[..at]);
            drawn.push(Role::Selected, &rest[at..end]);
            rest = &rest[end..];
        }
        drawn.push(role, rest);
    }

    /// Draws the lines in sight, the newest lowest.
    pub fn render(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let timed = area.width >= 44;
        let lead: u16 = if timed { 11 } else { 2 };
        self.cells = usize::from(area.width.saturating_sub(lead)).max(1);
        if area.is_empty() || area.width <= lead {
            return;
        }
        let height = usize::from(area.height);
        self.rows = height;
        let mut anchor = self.anchor.unwrap_or(self.end());
        anchor.line = anchor.line.max(self.first);
        let mut rows: Vec<(usize, usize, String)> = Vec::with_capacity(height);
        let mut line = anchor.line;
        let mut hidden = anchor.below;
        while let Some(entry) = self.entry(line) {
            let at = usize::try_from(line - self.first).unwrap_or(0);
            let broken = self.broken(entry);
            let shown = broken.len().saturating_sub(hidden);
            rows.extend(
                broken
                    .into_iter()
                    .take(shown)
                    .enumerate()
                    .rev()
                    .map(|(row, text)| (at, row, text)),
            );
            hidden = 0;
            if rows.len() >= height || line == self.first {
                break;
            }
            line -= 1;
        }
        rows.truncate(height);
        for (y, (at, row, text)) in rows.iter().rev().enumerate() {
            let entry = &self.lines[*at];
            let (sign, sign_role, role) = entry.voice.sign();
            let begins = *row == 0 && !entry.time.is_empty();
            let mut drawn = Line::new();
            if timed {
                drawn.push(
                    Role::Dim,
                    if begins {
                        format!("{:<8} ", entry.time)
                    } else {
                        " ".repeat(9)
                    },
                );
            }
            let barred = matches!(entry.voice, Voice::Stdout | Voice::Stderr);
            drawn.push(sign_role, if begins || barred { sign } else { " " });
            drawn.push(role, " ");
            let stands_out = self.marked == Some(self.first + *at as u64);
            self.found(&mut drawn, if stands_out { Role::Selected } else { role }, text);
            drawn.draw_row(u16::try_from(y).unwrap_or(0), area, theme, buf);
        }
    }
}

#[cfg(test)]
mod tests;
