//! Where in the client one is: places with their text form, and the history of places.

pub mod history;
pub mod place;

pub use history::History;
pub use place::Place;
