//! The painter: two pictures in, escape sequences out.
//!
//! It sends no query, no clear but after a resize, nothing at all when nothing changed, and no colour beyond the
//! terminal's depth. It does not own the terminal.

use std::io::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use crate::theme::Depth;

/// From this many bytes on a frame is bracketed as one update (DEC 2026), so that it does not tear.
const BRACKET: usize = 256;

/// A colour as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    /// Number of one of the 16, as text.
    Code(u8),
    Indexed(u8),
    Rgb(u8, u8, u8),
}

impl Ink {
    /// What a terminal of that depth can show of a colour.
    const fn of(color: Color, depth: Depth) -> Option<Self> {
        match (color, depth) {
            (_, Depth::None) => None,
            (Color::Rgb(r, g, b), Depth::True) => Some(Self::Rgb(r, g, b)),
            (Color::Indexed(number), Depth::True | Depth::Indexed) => Some(Self::Indexed(number)),
            (color, _) => match code(color) {
                Some(code) => Some(Self::Code(code)),
                None => None,
            },
        }
    }

    /// Its numbers for text, or with 10 more for the background.
    fn push(self, codes: &mut Vec<u8>, more: u8) {
        match self {
            Self::Code(code) => codes.push(code + more),
            Self::Indexed(number) => codes.extend([38 + more, 5, number]),
            Self::Rgb(r, g, b) => codes.extend([38 + more, 2, r, g, b]),
        }
    }
}

/// The look of a cell, as far as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Look {
    fg: Option<Ink>,
    bg: Option<Ink>,
    modifier: Modifier,
}

impl Look {
    /// Whether a blank in it shows nothing but the terminal's own background.
    const fn is_plain_blank(self) -> bool {
        let seen = Modifier::UNDERLINED
            .union(Modifier::REVERSED)
            .union(Modifier::CROSSED_OUT);
        self.bg.is_none() && !self.modifier.intersects(seen)
    }
}

/// Knows what is on the screen.
#[derive(Debug)]
pub struct Painter {
    front: Buffer,
    depth: Depth,
    clear: bool,
}

impl Painter {
    /// A painter for an empty screen of that size.
    #[must_use]
    pub fn new(columns: u16, rows: u16, depth: Depth) -> Self {
        Self {
            front: Buffer::empty(Rect::new(0, 0, columns, rows)),
            depth,
            clear: false,
        }
    }

    /// The screen is another one: paint everything at the next frame.
    pub fn reset(&mut self, columns: u16, rows: u16) {
        self.front = Buffer::empty(Rect::new(0, 0, columns, rows));
        self.clear = true;
    }

    /// The screen shows something else now: paint everything at the next frame.
    pub fn again(&mut self) {
        let area = self.front.area;
        self.reset(area.width, area.height);
    }

    /// Size of the screen.
    #[must_use]
    pub const fn area(&self) -> Rect {
        self.front.area
    }

    /// The bytes that make the screen look like `next`; none if it does. `next` must have the painter's size.
    pub fn paint(&mut self, mut next: Buffer) -> Vec<u8> {
        settle(&mut next);
        let mut out = Vec::new();
        if next.area != self.front.area {
            return out;
        }
        if std::mem::take(&mut self.clear) {
            out.extend_from_slice(b"\x1b[m\x1b[2J");
        }
        let mut pen = Pen {
            at: None,
            look: Look::default(),
            out: &mut out,
            depth: self.depth,
            front: &self.front,
        };
        for (x, y, cell) in self.front.diff(&next) {
            pen.put(x, y, cell);
        }
        pen.end();
        self.front = next;
        if out.len() >= BRACKET {
            let mut framed = b"\x1b[?2026h".to_vec();
            framed.append(&mut out);
            framed.extend_from_slice(b"\x1b[?2026l");
            return framed;
        }
        out
    }
}

/// Makes a picture one a terminal can show: a wide character whose second half was drawn over goes.
fn settle(picture: &mut Buffer) {
    let width = usize::from(picture.area.width);
    for at in 0..picture.content.len() {
        let cell = &picture.content[at];
        if cell.symbol().is_ascii() || cell.symbol().width() < 2 {
            continue;
        }
        let whole = (at + 1) % width != 0 && picture.content[at + 1].symbol() == " ";
        if !whole {
            picture.content[at].set_symbol(" ");
        }
    }
}

/// Where the terminal's cursor stands and how it writes.
struct Pen<'a> {
    /// Column and row; behind the last column the cursor waits for a wrap, and where it stands is not the same everywhere.
    at: Option<(Option<u16>, u16)>,
    look: Look,
    out: &'a mut Vec<u8>,
    depth: Depth,
    /// What stands where nothing is painted.
    front: &'a Buffer,
}

impl Pen<'_> {
    fn put(&mut self, x: u16, y: u16, cell: &Cell) {
        self.go(x, y);
        let look = self.look_of(cell);
        if !(cell.symbol() == " " && look.is_plain_blank() && self.look.is_plain_blank()) {
            self.wear(look);
        }
        self.out.extend_from_slice(cell.symbol().as_bytes());
        let after = x.saturating_add(u16::try_from(cell.symbol().width().max(1)).unwrap_or(1));
        self.at = Some(((after < self.front.area.width).then_some(after), y));
    }

    /// Goes there in the fewest bytes.
    fn go(&mut self, x: u16, y: u16) {
        if self.at == Some((Some(x), y)) {
            return;
        }
        let there = match x {
            0 => format!("\x1b[{}H", y + 1),
            _ => format!("\x1b[{};{}H", y + 1, x + 1),
        };
        let ways = [self.along(x, y), self.down(x, y), Some(there)];
        if let Some(shortest) = ways.into_iter().flatten().min_by_key(String::len) {
            self.out.extend_from_slice(shortest.as_bytes());
        }
    }

    /// On in the same row: over blanks by writing them again where that is shorter.
    fn along(&self, x: u16, y: u16) -> Option<String> {
        let (column, row) = self.at?;
        let gap = column
            .filter(|column| row == y && x > *column)
            .map(|column| column..x)?;
        let blank = |x: u16| {
            let cell = &self.front[(x, y)];
            cell.symbol() == " " && self.look_of(cell).is_plain_blank()
        };
        let short = usize::from(x - gap.start);
        if short <= 3 && self.look.is_plain_blank() && gap.clone().all(blank) {
            return Some(" ".repeat(short));
        }
        Some(right(x - gap.start))
    }

    /// To one of the next rows, by its beginning: the line feed keeps the column, for the terminal is raw.
    fn down(&self, x: u16, y: u16) -> Option<String> {
        let (_, row) = self.at?;
        let rows = y.checked_sub(row).filter(|rows| (1..=3).contains(rows))?;
        Some(format!("\r{}{}", "\n".repeat(rows.into()), right(x)))
    }

    fn look_of(&self, cell: &Cell) -> Look {
        Look {
            fg: Ink::of(cell.fg, self.depth),
            bg: Ink::of(cell.bg, self.depth),
            modifier: cell.modifier,
        }
    }

    fn wear(&mut self, look: Look) {
        if look == self.look {
            return;
        }
        let mut codes: Vec<u8> = Vec::new();
        let added = look.modifier.contains(self.look.modifier)
            && (self.look.fg.is_none() || look.fg.is_some())
            && (self.look.bg.is_none() || look.bg.is_some());
        let (base, fg, bg) = if added {
            (self.look.modifier, self.look.fg, self.look.bg)
        } else {
            (Modifier::empty(), None, None)
        };
        let plain = look == Look::default();
        if !added && !plain {
            codes.push(0);
        }
        for (modifier, number) in MODIFIERS {
            if look.modifier.contains(*modifier) && !base.contains(*modifier) {
                codes.push(*number);
            }
        }
        for (ink, before, more) in [(look.fg, fg, 0), (look.bg, bg, 10)] {
            if let Some(ink) = ink.filter(|_| ink != before) {
                ink.push(&mut codes, more);
            }
        }
        self.out.extend_from_slice(b"\x1b[");
        for (at, number) in codes.iter().enumerate() {
            let between = if at > 0 { ";" } else { "" };
            // A number that is left out is 0.
            let done = match number {
                0 if at == 0 => Ok(()),
                _ => write!(self.out, "{between}{number}"),
            };
            debug_assert!(done.is_ok(), "writing to a vector does not fail");
        }
        self.out.push(b'm');
        self.look = look;
    }

    fn end(&mut self) {
        self.wear(Look::default());
    }
}

/// So many columns to the right.
fn right(columns: u16) -> String {
    match columns {
        0 => String::new(),
        1 => "\x1b[C".into(),
        more => format!("\x1b[{more}C"),
    }
}

const MODIFIERS: &[(Modifier, u8)] = &[
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
    (Modifier::CROSSED_OUT, 9),
];

/// The SGR number of one of the 16 as text.
const fn code(color: Color) -> Option<u8> {
    Some(match color {
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
        Color::Reset | Color::Rgb(..) | Color::Indexed(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    fn picture(text: &str, style: Style) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
        buffer.set_string(2, 1, text, style);
        buffer
    }

    #[test]
    fn nothing_changed_is_no_byte() {
        let mut painter = Painter::new(20, 3, Depth::Ansi16);
        assert!(!painter.paint(picture("hello", Style::new())).is_empty());
        assert!(painter.paint(picture("hello", Style::new())).is_empty());
    }

    #[test]
    fn only_the_change_is_sent_in_short_form() {
        let mut painter = Painter::new(20, 3, Depth::Ansi16);
        painter.paint(picture("hello", Style::new()));
        let bytes = painter.paint(picture(
            "hullo",
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        ));
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "\x1b[2;3H\x1b[1;31mhullo\x1b[m"
        );
        let bytes = painter.paint(picture(
            "hallo",
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        ));
        assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[2;4H\x1b[1;31ma\x1b[m");
    }

    #[test]
    fn without_colour_there_is_no_colour() {
        let mut painter = Painter::new(20, 3, Depth::None);
        let bytes = painter.paint(picture("x", Style::new().fg(Color::Red).bg(Color::Blue)));
        assert_eq!(String::from_utf8(bytes).unwrap(), "\x1b[2;3Hx");
    }

    #[test]
    fn no_colour_goes_out_that_the_terminal_does_not_know() {
        for (depth, more, all) in [
            (Depth::Ansi16, "\x1b[2;3Hx", "\x1b[2;3Hx"),
            (Depth::Indexed, "\x1b[2;3H\x1b[38;5;214mx\x1b[m", "\x1b[2;3Hx"),
            (
                Depth::True,
                "\x1b[2;3H\x1b[38;5;214mx\x1b[m",
                "\x1b[2;3H\x1b[48;2;1;2;3mx\x1b[m",
            ),
        ] {
            for (style, bytes) in [
                (Style::new().fg(Color::Indexed(214)), more),
                (Style::new().bg(Color::Rgb(1, 2, 3)), all),
            ] {
                let painted = Painter::new(20, 3, depth).paint(picture("x", style));
                assert_eq!(String::from_utf8(painted).unwrap(), bytes, "{depth:?}");
            }
        }
    }

    #[test]
    fn a_real_terminal_shows_the_picture() {
        let seed = 0x0d15_ea5e_u64;
        println!("seed {seed}");
        let mut state = seed;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut painter = Painter::new(20, 5, Depth::Ansi16);
        let mut terminal = vt100::Parser::new(
            std::num::NonZero::new(5).unwrap(),
            std::num::NonZero::new(20).unwrap(),
            0,
        );
        for _ in 0..400 {
            let mut next = painter.front.clone();
            for _ in 0..random(12) {
                let word = ["x", " ", "漢", "●", "word", "  "][random(6) as usize];
                let colors = [Color::Reset, Color::Red, Color::LightBlue];
                let style = Style::new().fg(colors[random(3) as usize]);
                let style = if random(2) == 0 {
                    style.add_modifier(Modifier::BOLD)
                } else {
                    style
                };
                next.set_string(random(20) as u16, random(5) as u16, word, style);
            }
            settle(&mut next);
            let shown = next.clone();
            terminal.process(&painter.paint(next));
            for y in 0..5 {
                let mut x = 0;
                while x < 20 {
                    let cell = &shown[(x, y)];
                    let there = terminal.screen().cell(y, x).unwrap();
                    let text = if there.contents().is_empty() {
                        " "
                    } else {
                        there.contents()
                    };
                    assert_eq!(text, cell.symbol(), "at {x},{y}");
                    if cell.symbol() != " " {
                        assert_eq!(there.bold(), cell.modifier.contains(Modifier::BOLD));
                    }
                    x += u16::try_from(cell.symbol().width().max(1)).unwrap();
                }
            }
        }
    }
}
