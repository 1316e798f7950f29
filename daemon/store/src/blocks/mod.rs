//! Short rows in blocks, because sled's memory grows with the number of its rows.
//!
//! Does not know what rows mean, nor that sled is below: it is an ordered map over an ordered map.

mod find;
mod format;
mod tree;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use tree::BlockTree;
