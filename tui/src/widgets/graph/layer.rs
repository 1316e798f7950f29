//! The columns of the drawing: nodes and, where an edge passes a column, a one-row waypoint.
//! Owns the layered form that ordering, placing and routing work on; decides no position itself.
//! Invariant: every segment joins neighbouring columns, left to right; all other edges are in `loops`.

use super::visible::Visible;
use unicode_width::UnicodeWidthStr;

/// How much of a node is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// One row: sign and name.
    Sign,
    /// A box of three rows: sign and name.
    Plain,
    /// A box of four rows: name, then sign and status.
    Status,
}

/// Detail, and the cells a status line may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// How much of a node is drawn.
    pub(super) detail: Detail,
    /// Cells of the status line.
    pub(super) room: i32,
}

/// The form of one drawn node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Four rows with a status line.
    Status,
    /// Three rows.
    Plain,
    /// One row in a stack of parallel lanes: name, sign, status.
    Lane,
    /// One row: sign, name.
    Sign,
    /// A waypoint of an edge.
    Way,
}

impl Shape {
    /// Rows it takes.
    pub const fn height(self) -> i32 {
        match self {
            Self::Status => 4,
            Self::Plain => 3,
            Self::Lane | Self::Sign | Self::Way => 1,
        }
    }

    /// Row, from its top, where edges enter and leave.
    pub const fn port(self) -> i32 {
        match self {
            Self::Status => 2,
            Self::Plain => 1,
            Self::Lane | Self::Sign | Self::Way => 0,
        }
    }

    /// Drawn with a border.
    pub const fn boxed(self) -> bool {
        matches!(self, Self::Status | Self::Plain)
    }
}

/// Something that takes room in a column.
#[derive(Clone, Debug)]
pub(super) struct Vertex {
    /// Place in the visible nodes; `None` for a waypoint.
    pub node: Option<usize>,
    /// Name that survives a new layout.
    pub key: String,
    /// Column.
    pub rank: usize,
    /// Form.
    pub shape: Shape,
    /// Columns of cells it wants.
    pub width: i32,
    /// First row; decided by placing.
    pub y: i32,
}

impl Vertex {
    /// The row its edges use.
    pub(super) const fn port_row(&self) -> i32 {
        self.y + self.shape.port()
    }
}

/// One piece of an edge, from a column to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Vertex on the left.
    pub from: usize,
    /// Vertex on the right.
    pub to: usize,
    /// Place in the visible edges.
    pub edge: usize,
    /// How strongly it wants to be straight.
    pub weight: f64,
    /// It is the last piece: gets the arrow head and the label.
    pub last: bool,
}

/// The layered drawing.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    /// Nodes first (in the order of the visible nodes), waypoints behind.
    pub vertices: Vec<Vertex>,
    /// Vertices of each column, top to bottom.
    pub columns: Vec<Vec<usize>>,
    /// Pieces between neighbouring columns.
    pub segments: Vec<Segment>,
    /// Edges that point left or stay in their column.
    pub loops: Vec<usize>,
}

const NAME_CAP: i32 = 22;
/// Cells for a status line where there is room enough.
pub(super) const STATUS_ROOM: i32 = 10;

/// Columns of `visible` with `ranks`, nothing placed yet.
pub(super) fn layers(visible: &Visible, names: &[String], ranks: &[usize], look: Look) -> Layers {
    let mut out = Layers::default();
    let columns = ranks.iter().max().map_or(0, |last| last + 1);
    out.columns = vec![Vec::new(); columns];
    for (at, node) in visible.nodes.iter().enumerate() {
        let shape = match look.detail {
            Detail::Sign => Shape::Sign,
            _ if node.lane => Shape::Lane,
            Detail::Plain => Shape::Plain,
            Detail::Status => Shape::Status,
        };
        let folded = !node.members.is_empty();
        out.columns[ranks[at]].push(at);
        out.vertices.push(Vertex {
            node: Some(at),
            key: node.key.clone(),
            rank: ranks[at],
            shape,
            width: width(shape, look, &names[at], folded),
            y: 0,
        });
    }
    for (at, edge) in visible.edges.iter().enumerate() {
        if ranks[edge.to] <= ranks[edge.from] {
            out.loops.push(at);
        } else {
            connect(&mut out, visible, at);
        }
    }
    out
}

fn connect(out: &mut Layers, visible: &Visible, at: usize) {
    let edge = &visible.edges[at];
    let (first, last) = (out.vertices[edge.from].rank, out.vertices[edge.to].rank);
    let base = if edge.conditional { 1.0 } else { 64.0 };
    let mut from = edge.from;
    for rank in first + 1..=last {
        let to = if rank == last {
            edge.to
        } else {
            let key = format!(
                "{}>{}#{rank}",
                out.vertices[edge.from].key, out.vertices[edge.to].key
            );
            out.columns[rank].push(out.vertices.len());
            out.vertices.push(Vertex {
                node: None,
                key,
                rank,
                shape: Shape::Way,
                width: 1,
                y: 0,
            });
            out.vertices.len() - 1
        };
        let weight = if last > first + 1 { base / 8.0 } else { base };
        out.segments.push(Segment {
            from,
            to,
            edge: at,
            weight,
            last: rank == last,
        });
        from = to;
    }
}

fn width(shape: Shape, look: Look, name: &str, folded: bool) -> i32 {
    let name = i32::try_from(name.width()).unwrap_or(NAME_CAP).clamp(1, NAME_CAP);
    match shape {
        Shape::Status => 4 + name.max(if folded { 16 } else { look.room }),
        Shape::Plain => 4 + name + 2,
        Shape::Lane if look.detail == Detail::Status => name + 3 + look.room,
        Shape::Lane | Shape::Sign => 1 + name + 2 + 1,
        Shape::Way => 1,
    }
}
