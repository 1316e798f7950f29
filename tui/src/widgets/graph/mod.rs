//! The graph of a run, left to right: an own small layered layout (rank, order, place, route), three levels of detail, a cursor.
//! Owns layout and drawing of graphs; the page hands over plain nodes and edges. Does not know events, keys or the theme.
//! Invariant: existing nodes never move while a run grows.

mod layer;
mod model;
mod nearest;
mod order;
mod paint;
mod place;
mod rank;
mod route;
mod scene;
#[cfg(test)]
mod tests;
mod track;
mod tree;
mod view;
mod visible;

pub use layer::Detail;
pub use model::{Graph, GraphEdge, GraphNode};
pub use nearest::Direction;
pub use tree::TreeView;
pub use view::{GRAPH_COLUMNS, GRAPH_LIMIT, GraphView};
pub use visible::{FAN_OUT, Scope, visible};
