//! The contract as a suite that any backend must pass: written against the trait alone.
//!
//! A backend gives a `Harness`; `run` goes through every row of `CHECKS` and stops at the first promise that is broken.

mod commits;
mod durable;
mod feeds;
mod requests;
mod scans;

use crate::contract::Store;
use crate::error::{ExportError, OpenError};
use crate::types::{Append, Key, Receipt, StreamId, Txn};
use bytes::Bytes;
use futures::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a backend must offer to be examined.
pub trait Harness: Send + Sync {
    /// Opens the store of that name; the first time it is empty. Its former handle has been dropped.
    ///
    /// # Errors
    /// As the backend's open.
    fn open(&self, name: &str) -> Result<Arc<dyn Store>, OpenError>;

    /// Makes the store of that name, which does not exist yet, from an export.
    ///
    /// # Errors
    /// As the backend's import.
    fn import(&self, name: &str, from: &Path) -> Result<(), ExportError>;

    /// A file name nobody uses.
    fn scratch(&self, name: &str) -> PathBuf;
}

/// A promise that was not kept.
#[derive(Debug, thiserror::Error)]
#[error("{check}: {wrong}")]
pub struct Broken {
    /// Row of `CHECKS`.
    pub check: &'static str,
    /// What was wrong.
    pub wrong: Wrong,
}

/// What was wrong.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// Something that must hold does not.
    #[error("does not hold: {what} ({file}:{line})")]
    Not {
        /// The condition, as written.
        what: &'static str,
        /// File of the check.
        file: &'static str,
        /// Line of the check.
        line: u32,
    },
    /// An operation failed that must not.
    #[error(transparent)]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

macro_rules! wrong_from {
    ($($error:ident),*) => {$(
        impl From<crate::error::$error> for Wrong {
            fn from(e: crate::error::$error) -> Self {
                Self::Failed(Box::new(e))
            }
        }
    )*};
}
wrong_from!(
    OpenError,
    CommitError,
    ReadError,
    LeaseError,
    BlobError,
    ExportError,
    MaintainError
);

macro_rules! ensure {
    ($cond:expr) => {
        if !$cond {
            return Err(crate::conformance::Wrong::Not {
                what: stringify!($cond),
                file: file!(),
                line: line!(),
            });
        }
    };
}
pub(crate) use ensure;

type Outcome = Result<(), Wrong>;
type Check = for<'a> fn(&'a dyn Harness) -> BoxFuture<'a, Outcome>;

/// Every promise that is examined.
const CHECKS: &[(&str, Check)] = &[
    ("a commit happens whole or not at all", |h| {
        Box::pin(commits::atomic(h))
    }),
    ("guards hold at the moment of the commit", |h| {
        Box::pin(commits::guards(h))
    }),
    ("of many that want the same, one wins", |h| {
        Box::pin(commits::one_winner(h))
    }),
    ("deletes come before puts and revisions are positions", |h| {
        Box::pin(commits::order(h))
    }),
    ("limits are refused by name", |h| Box::pin(commits::limits(h))),
    ("a request is answered once", |h| Box::pin(requests::once(h))),
    ("a request is remembered for seven days", |h| {
        Box::pin(requests::remembered(h))
    }),
    ("a lease fences who lost it", |h| Box::pin(requests::leases(h))),
    ("streams are gapless", |h| Box::pin(feeds::streams(h))),
    ("the feed has no gap and no repetition", |h| {
        Box::pin(feeds::all(h))
    }),
    ("a wait is never lost", |h| Box::pin(feeds::wait(h))),
    ("what is acknowledged is readable", |h| {
        Box::pin(scans::readable(h))
    }),
    ("scans merge, page and reverse", |h| Box::pin(scans::pages(h))),
    ("large values survive replacement", |h| Box::pin(scans::large(h))),
    ("everything survives a restart", |h| Box::pin(durable::reopen(h))),
    ("blobs are stored before they are referred to", |h| {
        Box::pin(durable::blobs(h))
    }),
    ("an export restores exactly", |h| Box::pin(durable::export(h))),
];

/// Examines a backend; answers how many promises were kept.
///
/// # Errors
/// The first promise that was broken.
pub async fn run(harness: &dyn Harness) -> Result<usize, Broken> {
    for (name, check) in CHECKS {
        check(harness)
            .await
            .map_err(|wrong| Broken { check: name, wrong })?;
    }
    Ok(CHECKS.len())
}

fn not(what: &'static str) -> Wrong {
    Wrong::Not {
        what,
        file: "conformance",
        line: 0,
    }
}

fn key(text: &str) -> Key {
    Key::copy_from_slice(text.as_bytes())
}

fn put(name: &str, value: &str) -> Txn {
    Txn {
        puts: vec![(key(name), key(value))],
        ..Txn::default()
    }
}

fn append(stream: StreamId, expected: u64, records: &[&str]) -> Txn {
    let records = records
        .iter()
        .map(|r| Bytes::copy_from_slice(r.as_bytes()))
        .collect();
    Txn {
        appends: vec![Append {
            stream,
            expected,
            records,
        }],
        ..Txn::default()
    }
}

async fn commit_all(store: &dyn Store, txns: impl IntoIterator<Item = Txn>) -> Result<Vec<Receipt>, Wrong> {
    let submitted: Vec<_> = txns.into_iter().map(|txn| store.commit(txn)).collect();
    let mut receipts = Vec::new();
    for answer in submitted {
        receipts.push(answer.await?);
    }
    Ok(receipts)
}
