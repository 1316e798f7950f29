//! What is wrong with files and with the state: kind and place.

use crate::types::Position;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A failed system call: what was tried, where.
#[derive(Debug, thiserror::Error)]
#[error("{op} {}: {source}", path.display())]
pub struct IoFault {
    /// Verb: `open`, `write`, `sync`, ...
    pub op: &'static str,
    /// File or directory.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

impl IoFault {
    pub(crate) fn new(op: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            op,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

/// Damaged bytes and where they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is damaged at byte {offset}: {what}", file.display())]
pub struct Damage {
    /// File.
    pub file: PathBuf,
    /// Byte offset in it.
    pub offset: u64,
    /// What does not fit.
    pub what: DamageKind,
}

/// What is wrong with damaged bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageKind {
    /// Segment header.
    #[error("the segment header does not verify")]
    Header,
    /// A header that contradicts its neighbour.
    #[error("the segment does not continue the one before it")]
    Chain,
    /// A frame of a finished segment.
    #[error("the frame does not verify")]
    Frame,
    /// A bad frame with good ones behind it: not a torn tail.
    #[error("the frame does not verify, but later ones do")]
    FrameBeforeValid,
    /// CRC is right, contents are not.
    #[error("the contents cannot be decoded")]
    Contents,
    /// Numbers do not follow each other.
    #[error("numbers are missing")]
    Gap,
    /// Too short.
    #[error("the file ends too early")]
    Short,
    /// Not there.
    #[error("the file is missing")]
    Missing,
    /// The file's digest differs from its name or trailer.
    #[error("the digest does not match")]
    Digest,
}

/// Why sled cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateFault {
    /// Not there.
    #[error("it is missing")]
    Missing,
    /// Opening or reading failed.
    #[error("sled failed: {0}")]
    Failed(String),
    /// It panicked.
    #[error("sled panicked")]
    Panicked,
    /// It failed and is being built again.
    #[error("it is being built again: {done} of {total} commits")]
    Rebuilding {
        /// Commits replayed.
        done: u64,
        /// Commits to replay; 0 until that is known.
        total: u64,
    },
    /// It did not open in time.
    #[error("sled did not open within {0:?}")]
    Hung(Duration),
    /// A row does not verify.
    #[error("a row does not verify")]
    Row,
    /// Its rows are laid out as another version lays them out.
    #[error("its rows are laid out as another version of this program does it")]
    Layout,
    /// It belongs to another database.
    #[error("it belongs to another database")]
    Foreign,
    /// It has lost what it once held.
    #[error("it is at {found}, but was at {noted} before")]
    Behind {
        /// Position it holds.
        found: Position,
        /// Position it held.
        noted: Position,
    },
    /// Streams it gave away are not where it put them.
    #[error("volume {0} of the archive, which it refers to, is missing or damaged")]
    Volume(u64),
    /// The newest commits are not in it as the journal has them.
    #[error("it differs from the journal at commit {0}")]
    Differs(Position),
}
