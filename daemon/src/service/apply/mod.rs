//! Applying a file of definitions: all of it or nothing.
//!
//! Reading finds every mistake of every document before anything is looked up or written; writing is one commit.

mod read;
mod text;
mod unknown;
mod write;

#[cfg(test)]
mod tests;

pub use read::check_file;
