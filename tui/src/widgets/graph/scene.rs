//! The finished drawing in cells: seats of nodes, strokes of lines, labels.
//! Owns the plain result of a layout and its look-ups; neither lays out nor paints.
//! Invariant: strokes are sorted by row then column, one for each cell, so a viewport finds its own without a full scan.

/// A line leaves the cell upwards.
pub(super) const NORTH: u8 = 1;
/// A line leaves the cell to the right.
pub(super) const EAST: u8 = 2;
/// A line leaves the cell downwards.
pub(super) const SOUTH: u8 = 4;
/// A line leaves the cell to the left.
pub(super) const WEST: u8 = 8;

use super::layer::Shape;

/// Where a drawn node sits, in cells from the drawing's top left.
#[derive(Clone, Debug, PartialEq)]
pub struct Seat {
    /// Place in the visible nodes.
    pub node: usize,
    /// First column.
    pub x: i32,
    /// First row.
    pub y: i32,
    /// Columns, borders included.
    pub width: i32,
    /// Form.
    pub shape: Shape,
    /// A line leaves it to the right: `Some(dashed)`.
    pub leaves: Option<bool>,
    /// Last column of its column of nodes: the line runs up to it.
    pub column_end: i32,
}

impl Seat {
    /// Rows it takes.
    pub const fn height(&self) -> i32 {
        self.shape.height()
    }

    /// Where its edges run, in half cells of equal size both ways (a cell is about twice as high as wide).
    pub const fn middle(&self) -> (i32, i32) {
        (2 * self.x + self.width, 4 * (self.y + self.shape.port()) + 2)
    }
}

/// One cell of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    /// Row.
    pub y: i32,
    /// Column.
    pub x: i32,
    /// Directions it goes on in.
    pub arms: u8,
    /// Only conditional edges pass.
    pub dashed: bool,
    /// An edge ends here, pointing right.
    pub arrow: bool,
}

/// A word on an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// First column.
    pub x: i32,
    /// Row.
    pub y: i32,
    /// The word, already cut to its room.
    pub text: String,
}

/// A drawing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Drawn nodes, in the order of the visible nodes.
    pub seats: Vec<Seat>,
    /// Cells of line.
    pub strokes: Vec<Stroke>,
    /// Words on edges.
    pub labels: Vec<Label>,
    /// Columns.
    pub width: i32,
    /// Rows.
    pub height: i32,
}

impl Scene {
    /// Sorts and merges the strokes, and measures the whole.
    pub fn finish(&mut self) {
        self.strokes.sort_unstable_by_key(|stroke| (stroke.y, stroke.x));
        self.strokes.dedup_by(|next, kept| {
            let same = (next.y, next.x) == (kept.y, kept.x);
            if same {
                kept.arms |= next.arms;
                kept.dashed &= next.dashed;
                kept.arrow |= next.arrow;
            }
            same
        });
        let seats = self
            .seats
            .iter()
            .map(|seat| (seat.x + seat.width, seat.y + seat.height()));
        let lines = self.strokes.iter().map(|stroke| (stroke.x + 1, stroke.y + 1));
        let (width, height) = seats
            .chain(lines)
            .fold((0, 0), |most, at| (most.0.max(at.0), most.1.max(at.1)));
        self.width = width;
        self.height = height;
    }

    /// Strokes of one row between two columns (the second excluded).
    pub fn row(&self, y: i32, from: i32, to: i32) -> &[Stroke] {
        let start = self
            .strokes
            .partition_point(|stroke| (stroke.y, stroke.x) < (y, from));
        let end = self
            .strokes
            .partition_point(|stroke| (stroke.y, stroke.x) < (y, to));
        self.strokes.get(start..end).unwrap_or_default()
    }
}
