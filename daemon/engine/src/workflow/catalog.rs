//! What kinds of tasks there are, for the manual and for clients.

use serde::Serialize;

use crate::task::KINDS;

/// One kind of task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindInfo {
    /// Its keyword, with what is called or run: `set`, `call: http`.
    pub keyword: String,
    /// What it does, one line.
    pub doc: &'static str,
    /// What it looks like.
    pub shape: &'static str,
    /// Whether this version runs it.
    pub supported: bool,
}

/// Every kind, in the order of the manual.
#[must_use]
pub fn catalog() -> Vec<KindInfo> {
    KINDS
        .iter()
        .map(|row| KindInfo {
            keyword: match row.target {
                Some("*") => format!("{}: NAME", row.keyword),
                Some(target) => format!("{}: {target}", row.keyword),
                None => row.keyword.to_owned(),
            },
            doc: row.doc,
            shape: row.shape,
            supported: row.read.is_some(),
        })
        .collect()
}
