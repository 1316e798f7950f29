//! Why a record could not be made or read.

use dirigent_protocol::entity::Kind;
use dirigent_store::ReadError;

/// Why a record could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The store did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The value has no bytes.
    #[error("{what} cannot be encoded: {source}")]
    Encode {
        /// Of what.
        what: &'static str,
        /// Why.
        source: rmp_serde::encode::Error,
    },
    /// The bytes are no such value.
    #[error("{what} of the store cannot be decoded: {source}")]
    Decode {
        /// Of what.
        what: &'static str,
        /// Why.
        source: rmp_serde::decode::Error,
    },
    /// The bytes are of a later version.
    #[error("{what} of the store has format {found}, which this version does not know")]
    Format {
        /// Of what.
        what: &'static str,
        /// Its format.
        found: u8,
    },
    /// The name does not fit into a key.
    #[error(
        "the name of the {kind} has {found} bytes, the limit is {}",
        super::key::MAX_NAME
    )]
    Name {
        /// Its kind.
        kind: Kind,
        /// Bytes.
        found: usize,
    },
    /// A document changed what it never may: its kind, id or organisation.
    #[error("a {kind} cannot become another document")]
    Identity {
        /// Its kind.
        kind: Kind,
    },
}
