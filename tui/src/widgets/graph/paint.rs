//! Drawing a scene into a viewport: boxes, lanes, lines, labels.
//! Owns glyphs and clipping; decides no position.
//! Invariant: only the marker and the name of a node differ between selected and not, so moving the cursor costs few bytes.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::layer::Shape;
use super::model::{Graph, counts};
use super::scene::{EAST, NORTH, SOUTH, Scene, Seat, Stroke, WEST};
use super::visible::{Visible, VisibleNode};
use crate::text::fit::cut;
use crate::theme::{Role, Theme};
use crate::widgets::step_state::StepState;

/// A viewport on a drawing: cell coordinates of the drawing in, cells of the buffer out.
pub(super) struct Canvas<'a> {
    /// Where it is drawn.
    pub buf: &'a mut Buffer,
    /// The viewport.
    pub area: Rect,
    /// Drawing's cell in the viewport's top left corner.
    pub offset: (i32, i32),
    /// Looks.
    pub theme: Theme,
}

impl Canvas<'_> {
    /// Writes `text` from column `x` of row `y`, clipped at the viewport.
    pub(super) fn text(&mut self, x: i32, y: i32, text: &str, style: Style) {
        let mut x = x;
        for letter in text.chars() {
            let wide = i32::try_from(letter.width().unwrap_or(0)).unwrap_or(0);
            if wide == 0 {
                continue;
            }
            let whole = wide == 1 || self.inside(x + 1, y);
            if let (Some(cell), true) = (self.at(x, y), whole) {
                cell.set_char(letter).set_style(style);
            }
            x += wide;
        }
    }

    fn inside(&self, x: i32, y: i32) -> bool {
        let (x, y) = (x - self.offset.0, y - self.offset.1);
        x >= 0 && y >= 0 && x < i32::from(self.area.width) && y < i32::from(self.area.height)
    }

    fn at(&mut self, x: i32, y: i32) -> Option<&mut ratatui::buffer::Cell> {
        if !self.inside(x, y) {
            return None;
        }
        let x = u16::try_from(i32::from(self.area.x) + x - self.offset.0).ok()?;
        let y = u16::try_from(i32::from(self.area.y) + y - self.offset.1).ok()?;
        self.buf.cell_mut((x, y))
    }
}

/// Draws the part of `scene` that the canvas shows.
pub(super) fn paint(
    canvas: &mut Canvas<'_>,
    graph: &Graph,
    visible: &Visible,
    scene: &Scene,
    selected: Option<usize>,
) {
    let (left, top) = canvas.offset;
    let right = left + i32::from(canvas.area.width);
    let bottom = top + i32::from(canvas.area.height);
    for y in top.max(0)..bottom.min(scene.height) {
        for stroke in scene.row(y, left, right) {
            let dim = canvas.theme.style(Role::Dim);
            canvas.text(stroke.x, y, glyph(stroke), dim);
        }
    }
    for label in &scene.labels {
        let dim = canvas.theme.style(Role::Dim);
        canvas.text(label.x, label.y, &label.text, dim);
    }
    for seat in &scene.seats {
        let shown =
            seat.y < bottom && seat.y + seat.height() > top && seat.x < right && seat.column_end >= left;
        if let (true, Some(node)) = (shown, visible.nodes.get(seat.node)) {
            draw(canvas, graph, node, seat, selected == Some(seat.node));
        }
    }
}

fn glyph(stroke: &Stroke) -> &'static str {
    const VERTICAL: u8 = NORTH | SOUTH;
    const ACROSS: u8 = EAST | WEST;
    if stroke.arrow {
        return "▶";
    }
    match stroke.arms {
        VERTICAL | NORTH | SOUTH if stroke.dashed => "╎",
        VERTICAL | NORTH | SOUTH => "│",
        arms if arms == SOUTH | WEST => "┐",
        arms if arms == SOUTH | EAST => "┌",
        arms if arms == NORTH | EAST => "└",
        arms if arms == NORTH | WEST => "┘",
        arms if arms == VERTICAL | EAST => "├",
        arms if arms == VERTICAL | WEST => "┤",
        arms if arms == ACROSS | SOUTH => "┬",
        arms if arms == ACROSS | NORTH => "┴",
        arms if arms == ACROSS | VERTICAL => "┼",
        _ if stroke.dashed => "╌",
        _ => "─",
    }
}

fn draw(canvas: &mut Canvas<'_>, graph: &Graph, node: &VisibleNode, seat: &Seat, selected: bool) {
    let step = &graph.nodes()[node.source];
    let (state, name, note) = if node.members.is_empty() {
        (step.state, step.name.clone(), step.note.clone())
    } else {
        (
            together(graph, &node.members),
            format!("{} parallel", node.members.len()),
            counts(graph, &node.members),
        )
    };
    let face = Face {
        state,
        name: &name,
        note: &note,
        selected,
    };
    match seat.shape {
        Shape::Status | Shape::Plain => boxed(canvas, seat, node.closed, &face),
        Shape::Lane => lane(canvas, seat, node.closed, &face),
        Shape::Sign | Shape::Way => sign(canvas, seat, &face),
    }
}

/// What a folded fan-out does as a whole: the most urgent of its branches.
pub(super) fn together(graph: &Graph, members: &[usize]) -> StepState {
    use StepState as S;
    let order = [
        S::Person,
        S::Unknown,
        S::Faulted,
        S::Running,
        S::Retry,
        S::Waiting,
        S::Queued,
        S::Suspended,
        S::Pending,
    ];
    let has = |state: S| members.iter().any(|at| graph.nodes()[*at].state == state);
    order
        .into_iter()
        .find(|state| has(*state))
        .unwrap_or(if has(S::Completed) {
            S::Completed
        } else {
            S::Cancelled
        })
}

struct Face<'a> {
    state: StepState,
    name: &'a str,
    note: &'a str,
    selected: bool,
}

impl Face<'_> {
    fn name_style(&self, theme: &Theme) -> Style {
        match (self.selected, self.state) {
            (true, _) => theme.style(Role::Selected),
            (_, StepState::Pending | StepState::Skipped | StepState::Cancelled) => theme.style(Role::Dim),
            _ => theme.style(Role::Text),
        }
    }

    const fn marker(&self) -> &'static str {
        if self.selected { "▸" } else { " " }
    }
}

fn border(theme: &Theme, state: StepState) -> Style {
    match state {
        StepState::Running | StepState::Person | StepState::Faulted | StepState::Unknown => {
            theme.style(state.sign().role)
        }
        _ => theme.style(Role::Dim),
    }
}

fn boxed(canvas: &mut Canvas<'_>, seat: &Seat, closed: bool, face: &Face<'_>) {
    let theme = canvas.theme;
    let line = border(&theme, face.state);
    let inner = usize::try_from(seat.width - 2).unwrap_or(0);
    let right = seat.x + seat.width - 1;
    let bottom = seat.y + seat.height() - 1;
    let port = seat.y + seat.shape.port();
    let rule = |corner: [&str; 3]| format!("{}{}{}", corner[0], corner[1].repeat(inner), corner[2]);
    canvas.text(seat.x, seat.y, &rule(["┌", "─", "┐"]), line);
    let low = if closed {
        ["└", "═", "┘"]
    } else {
        ["└", "─", "┘"]
    };
    for y in seat.y + 1..bottom {
        canvas.text(seat.x, y, "│", line);
        canvas.text(seat.x + 1, y, &" ".repeat(inner), theme.style(Role::Text));
        let leaves = y == port && seat.leaves.is_some();
        canvas.text(right, y, if leaves { "├" } else { "│" }, line);
    }
    canvas.text(seat.x, bottom, &rule(low), line);
    let room = inner.saturating_sub(2);
    canvas.text(seat.x + 1, seat.y + 1, face.marker(), theme.style(Role::Selected));
    let sign = face.state.sign().sign;
    if seat.shape == Shape::Status {
        canvas.text(
            seat.x + 2,
            seat.y + 1,
            &cut(face.name, room),
            face.name_style(&theme),
        );
        canvas.text(seat.x + 2, seat.y + 2, sign, theme.style(face.state.sign().role));
        let note = if face.note.is_empty() && face.state != StepState::Pending {
            face.state.sign().word
        } else {
            face.note
        };
        canvas.text(
            seat.x + 4,
            seat.y + 2,
            &cut(note, room.saturating_sub(2)),
            theme.style(Role::Dim),
        );
    } else {
        canvas.text(seat.x + 2, seat.y + 1, sign, theme.style(face.state.sign().role));
        canvas.text(
            seat.x + 4,
            seat.y + 1,
            &cut(face.name, room.saturating_sub(2)),
            face.name_style(&theme),
        );
    }
    tail(canvas, seat, right + 1, port);
}

/// The line from a node's right side to the end of its column.
fn tail(canvas: &mut Canvas<'_>, seat: &Seat, from: i32, y: i32) {
    if let Some(dashed) = seat.leaves {
        let theme = canvas.theme;
        let line = if dashed { "╌" } else { "─" };
        for x in from..=seat.column_end {
            canvas.text(x, y, line, theme.style(Role::Dim));
        }
    }
}

fn lane(canvas: &mut Canvas<'_>, seat: &Seat, closed: bool, face: &Face<'_>) {
    let theme = canvas.theme;
    let room = usize::try_from(seat.width).unwrap_or(0);
    let name = if closed {
        format!("{}…", face.name)
    } else {
        face.name.to_owned()
    };
    let name = cut(&name, room.saturating_sub(4));
    let used = name.width();
    canvas.text(seat.x, seat.y, face.marker(), theme.style(Role::Selected));
    canvas.text(seat.x + 1, seat.y, &name, face.name_style(&theme));
    let x = seat.x + 2 + i32::try_from(used).unwrap_or(0);
    canvas.text(
        x,
        seat.y,
        face.state.sign().sign,
        theme.style(face.state.sign().role),
    );
    let note = cut(face.note, room.saturating_sub(used + 5));
    canvas.text(x + 2, seat.y, &note, theme.style(Role::Dim));
    let noted = if note.is_empty() {
        0
    } else {
        1 + i32::try_from(note.width()).unwrap_or(0)
    };
    tail(canvas, seat, x + 2 + noted, seat.y);
}

fn sign(canvas: &mut Canvas<'_>, seat: &Seat, face: &Face<'_>) {
    let theme = canvas.theme;
    let room = usize::try_from(seat.width).unwrap_or(0).saturating_sub(4);
    canvas.text(seat.x, seat.y, face.marker(), theme.style(Role::Selected));
    canvas.text(
        seat.x + 1,
        seat.y,
        face.state.sign().sign,
        theme.style(face.state.sign().role),
    );
    let name = cut(face.name, room);
    canvas.text(seat.x + 3, seat.y, &name, face.name_style(&theme));
    tail(
        canvas,
        seat,
        seat.x + 4 + i32::try_from(name.width()).unwrap_or(0),
        seat.y,
    );
}
