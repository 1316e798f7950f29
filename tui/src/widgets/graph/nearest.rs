//! The cursor on the drawing: the nearest node in a direction.
//! Owns the measure of "nearest"; holds no state.
//! Invariant: a step in a direction never moves against it.

use super::scene::Scene;

/// Where the cursor is asked to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the next column.
    Right,
    /// To the column before.
    Left,
    /// Up in the column.
    Up,
    /// Down in the column.
    Down,
}

/// The seat nearest to seat `from` in `direction`; `None` at the edge.
pub(super) fn nearest(scene: &Scene, from: usize, direction: Direction) -> Option<usize> {
    let here = scene.seats.iter().find(|seat| seat.node == from)?;
    let (x, y) = here.middle();
    let mut best: Option<(i32, usize)> = None;
    for seat in &scene.seats {
        let (to_x, to_y) = seat.middle();
        let (along, aside) = match direction {
            Direction::Right => (2 * (seat.x - here.x), (to_y - y).abs()),
            Direction::Left => (2 * (here.x - seat.x), (to_y - y).abs()),
            Direction::Down => (to_y - y, (to_x - x).abs()),
            Direction::Up => (y - to_y, (to_x - x).abs()),
        };
        if seat.node == from || along <= 0 {
            continue;
        }
        let cost = along + 3 * aside;
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, seat.node));
        }
    }
    best.map(|(_, node)| node)
}
