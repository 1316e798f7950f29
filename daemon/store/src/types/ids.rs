//! Names and numbers: keys, positions, streams, blobs, the database itself.

use bytes::Bytes;
use std::fmt;
use uuid::Uuid;

/// A key: 1 to 1,024 bytes, ordered bytewise.
pub type Key = Bytes;

/// The number of a commit, dense from 1. `Position(0)` is before everything. As a cursor it names the last item seen.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Position(pub u64);

impl Position {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A gapless sequence of records, for example one run's events. Record numbers (`seq`) start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct StreamId(pub [u8; 16]);

/// Whose blobs they are, for example an organisation's id: the same bytes have another address in every space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobSpace(pub [u8; 16]);

/// Address of a payload kept as a file: it follows from the payload, its space and a key of the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct BlobId(pub [u8; 32]);

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

/// Which database this is. `incarnation` changes when it is restored from an export: cursors of another incarnation are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Given at creation, kept by export and import.
    pub database: Uuid,
    /// Given at creation and at every import; the same across restarts.
    pub incarnation: Uuid,
    /// Version of the format on disk.
    pub format: u32,
    /// One higher at every open.
    pub epoch: u64,
}

/// A value and the position of the commit that last wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Position of the writing commit; never used twice for one key.
    pub revision: u64,
    /// At most 1 MiB.
    pub value: Bytes,
}

impl fmt::Debug for Versioned {
    /// Its length only: values may be secret and do not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Versioned({} bytes at {})", self.value.len(), self.revision)
    }
}
