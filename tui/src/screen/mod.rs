//! From cells to bytes: the painter writes only what changed, in as few bytes as it can.

pub mod painter;

pub use painter::Painter;
