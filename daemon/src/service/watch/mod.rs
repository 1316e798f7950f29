//! The change feed as one subject sees it.
//!
//! Invariant: the pages of one chain of cursors are the feed without gap or duplicate; what a subject may not see is
//! left out, and what they may no longer see is told as gone.

mod changes;
mod cursor;
mod poll;
