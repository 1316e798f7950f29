//! What a backend under examination offers, how a broken promise is told, and small helpers of the checks.

use crate::contract::Store;
use crate::error::{ExportError, OpenError};
use crate::types::{Append, Key, Receipt, StreamId, Txn};
use bytes::Bytes;
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
            return Err(crate::conformance::harness::Wrong::Not {
                what: stringify!($cond),
                file: file!(),
                line: line!(),
            });
        }
    };
}
pub(crate) use ensure;

pub(super) type Outcome = Result<(), Wrong>;

pub(super) fn not(what: &'static str) -> Wrong {
    Wrong::Not {
        what,
        file: "conformance",
        line: 0,
    }
}

pub(super) fn key(text: &str) -> Key {
    Key::copy_from_slice(text.as_bytes())
}

pub(super) fn put(name: &str, value: &str) -> Txn {
    Txn {
        puts: vec![(key(name), key(value))],
        ..Txn::default()
    }
}

pub(super) fn append(stream: StreamId, expected: u64, records: &[&str]) -> Txn {
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

pub(super) async fn commit_all(
    store: &dyn Store,
    txns: impl IntoIterator<Item = Txn>,
) -> Result<Vec<Receipt>, Wrong> {
    let submitted: Vec<_> = txns.into_iter().map(|txn| store.commit(txn)).collect();
    let mut receipts = Vec::new();
    for answer in submitted {
        receipts.push(answer.await?);
    }
    Ok(receipts)
}
