//! Pages of documents: filter, order, limit, cursor, relations; and counts of them.
//!
//! Invariant: a page is bounded in items, bytes and memory, however many documents there are; what the subject may
//! not see is neither in a page nor counted.

mod count;
mod cursor;
mod page;
mod plan;
mod sort;
mod words;
