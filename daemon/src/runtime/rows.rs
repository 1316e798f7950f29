//! The runtime's own rows in the store: which runs are not over, their snapshots, deaths of the daemon. No other file
//! spells a key of theirs; upper-case prefixes are ours.

use std::collections::BTreeMap;

use bytes::Bytes;
use dirigent_engine::state::RunState;
use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{EffectId, Pins, Status, Usage, Waiting};
use dirigent_store::{BlobId, BlobSpace, Store, StreamId};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::admission::gate::Counted;
use super::admission::place::Place;
use super::error::RuntimeError;

/// The stream of a run's events.
pub(crate) fn stream(run: RunId) -> StreamId {
    StreamId(run.bytes())
}

/// Prefix of every row of a run that is not over.
pub(crate) const UNFINISHED: &[u8] = b"L";
/// There while the daemon was stopped in order: nothing in hand had to do with its end.
pub(crate) const STOPPED_IN_ORDER: &[u8] = b"Z";
/// There while everything is stopped: its value is the [`Emergency`](dirigent_protocol::emergency::Emergency).
pub(crate) const EMERGENCY: &[u8] = b"E";

/// The row of a run that is not over.
pub(crate) fn unfinished_key(run: RunId) -> Bytes {
    key(b'L', run)
}

/// The row of a run's snapshot.
pub(crate) fn snapshot_key(run: RunId) -> Bytes {
    key(b'S', run)
}

/// The row of the daemon's deaths with a run in hand.
pub(crate) fn deaths_key(run: RunId) -> Bytes {
    key(b'C', run)
}

/// Prefix of the rows of approvals with a question nobody answered yet.
pub(crate) const QUESTIONED: &[u8] = b"Q";

/// The row of an approval with a question nobody answered yet; an empty value.
pub(crate) fn questioned_key(approval: EntityId) -> Bytes {
    key(b'Q', approval.into())
}

/// The row of a run that comes from another: as long as it is there, the other's journal is needed. Its value is the
/// [`Origin`](dirigent_protocol::run::Origin).
pub(crate) fn lineage_key(origin: RunId, child: RunId) -> Bytes {
    let mut bytes = lineage_of(origin);
    bytes.extend_from_slice(&child.bytes());
    bytes.into()
}

/// Prefix of the rows of all runs that come from one.
pub(crate) fn lineage_of(origin: RunId) -> Vec<u8> {
    let mut bytes = vec![b'F'];
    bytes.extend_from_slice(&origin.bytes());
    bytes
}

/// The row that is written with every run that comes from one, so that the one is not deleted meanwhile.
pub(crate) fn lineage_mark(origin: RunId) -> Bytes {
    lineage_of(origin).into()
}

/// Prefix of the rows of runs whose events nobody wants any more.
pub(crate) const GIVEN_UP: &[u8] = b"G";

/// The row of such a run: empty, or not where its events are gone.
pub(crate) fn given_up_key(run: RunId) -> Bytes {
    key(b'G', run)
}

/// The run of a lineage row that comes from the other.
pub(crate) fn child_of(key: &[u8]) -> Option<RunId> {
    let id = <[u8; 16]>::try_from(key.get(17..)?).ok()?;
    Some(RunId(uuid::Uuid::from_bytes(id)))
}

/// The row of a run that was retried: who goes on behind what it did.
pub(crate) fn heirs_key(run: RunId) -> Bytes {
    key(b'H', run)
}

/// The row of what an agent took in one run; the newest run stands last.
pub(crate) fn used_key(org: EntityId, agent: &str, run: RunId) -> Bytes {
    let mut bytes = used_of(org, agent);
    bytes.extend_from_slice(&run.bytes());
    bytes.into()
}

/// Prefix of the rows of what an agent took.
pub(crate) fn used_of(org: EntityId, agent: &str) -> Vec<u8> {
    of_definition(b'U', org, agent)
}

/// The row of the agents that a run has used: their names.
pub(crate) fn users_key(run: RunId) -> Bytes {
    key(b'V', run)
}

/// The row of a signed link that was used; an empty value.
pub(crate) fn link_key(nonce: EntityId) -> Bytes {
    key(b'K', nonce.into())
}

/// The row of what a run was given that has not begun.
pub(crate) fn start_key(run: RunId) -> Bytes {
    key(b'W', run)
}

/// Prefix of the rows of runs that rates count.
pub(crate) const RATES: &[u8] = b"R";

/// The row of a run that a rate counts; it takes the place of the one that counts no more.
pub(crate) fn rate_row(
    org: EntityId,
    definition: &str,
    counted: Counted,
    at: Timestamp,
) -> Result<(Bytes, Bytes), RuntimeError> {
    let slot = u32::try_from(counted.number % u64::from(counted.limit.max(1))).unwrap_or_default();
    let mut bytes = of_definition(b'R', org, definition);
    bytes.extend_from_slice(&slot.to_be_bytes());
    let row = RateRow {
        org,
        definition: definition.to_owned(),
        number: counted.number,
        at,
    };
    Ok((bytes.into(), encode(&row)?))
}

/// Prefix of the rows of paused definitions.
pub(crate) const PAUSED: &[u8] = b"P";

/// The row of a paused definition.
pub(crate) fn paused_key(org: EntityId, definition: &str) -> Bytes {
    of_definition(b'P', org, definition).into()
}

fn of_definition(prefix: u8, org: EntityId, definition: &str) -> Vec<u8> {
    let mut bytes = vec![prefix];
    bytes.extend_from_slice(&org.bytes());
    bytes.extend_from_slice(&Digest::of_bytes(definition.as_bytes()).0[..16]);
    bytes
}

fn key(prefix: u8, run: RunId) -> Bytes {
    let mut bytes = vec![prefix];
    bytes.extend_from_slice(&run.bytes());
    bytes.into()
}

/// The run of an unfinished row's key.
pub(crate) fn run_of(key: &[u8]) -> Option<RunId> {
    let id = <[u8; 16]>::try_from(key.get(1..)?).ok()?;
    Some(RunId(uuid::Uuid::from_bytes(id)))
}

/// What is known of a run that is not over without loading it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unfinished {
    /// Its organisation.
    pub(crate) org: EntityId,
    /// Where it stands.
    pub(crate) status: Status,
    /// Nothing of it is in hand: it needs no memory until something comes.
    pub(crate) parked: bool,
    /// When its next timer is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<Timestamp>,
    /// Approvals that ask what became of an effect.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) asks: BTreeMap<EffectId, EntityId>,
    /// Approvals of it that wait; absent in rows of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<u32>,
    /// How it stands with the gate, where it waits or a limit counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Box<Place>>,
    /// Steps of it were refused at a door and ask again later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waits: Option<Waiting>,
    /// Steps that agents have in hand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) agents: BTreeMap<String, u32>,
    /// Set aside after repeated deaths of the daemon; its open intents are settled when a person resumes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) quarantined: bool,
}

/// What a run was given that has not begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StartRow {
    /// Its input.
    pub(crate) input: Payload,
    /// What it pins.
    pub(crate) pins: Pins,
}

/// What an agent took in one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct UsedRow {
    /// How often it was called.
    pub(crate) uses: u64,
    /// How often it failed.
    pub(crate) failures: u64,
    /// What its models took.
    pub(crate) usage: Usage,
    /// When it was used last.
    pub(crate) at: Timestamp,
}

/// A run that a rate counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RateRow {
    /// The organisation.
    pub(crate) org: EntityId,
    /// Name of the definition.
    pub(crate) definition: String,
    /// Its number.
    pub(crate) number: u64,
    /// When it began.
    pub(crate) at: Timestamp,
}

/// A definition of which nothing begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PausedRow {
    /// The organisation.
    pub(crate) org: EntityId,
    /// Name of the definition.
    pub(crate) definition: String,
    /// Who paused it.
    pub(crate) by: String,
    /// When.
    pub(crate) at: Timestamp,
}

/// Deaths of the daemon with a run in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deaths {
    /// How many, one after the other without progress.
    pub(crate) count: u32,
    /// The run's last event then.
    pub(crate) seq: u64,
}

/// A run at one moment.
#[derive(Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// The state.
    pub(crate) state: RunState,
    /// Tasks that ended.
    pub(crate) done: u32,
    /// The task it is at, for people.
    pub(crate) at: String,
}

/// Where a snapshot's bytes are.
#[derive(Serialize, Deserialize)]
pub(crate) enum SnapshotRow {
    /// Here.
    Inline(#[serde(with = "serde_bytes_vec")] Vec<u8>),
    /// In a blob, because they are more than a row may hold.
    Blob([u8; 32]),
}

/// Largest snapshot kept in its row, bytes.
pub(crate) const MAX_INLINE: usize = 900 << 10;

pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Bytes, RuntimeError> {
    rmp_serde::to_vec_named(value)
        .map(Bytes::from)
        .map_err(|error| RuntimeError::BadDocument {
            what: "a row of the runtime".into(),
            detail: error.to_string(),
        })
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, RuntimeError> {
    rmp_serde::from_slice(bytes).map_err(|error| RuntimeError::BadDocument {
        what: what.to_owned(),
        detail: error.to_string(),
    })
}

/// Reads a row.
pub(crate) fn get<T: DeserializeOwned>(
    store: &dyn Store,
    key: &[u8],
    what: &str,
) -> Result<Option<T>, RuntimeError> {
    store
        .get(key)?
        .map(|found| decode(&found.value, what))
        .transpose()
}

/// Makes a snapshot's row; a large one is put into a blob first, which the commit must name.
pub(crate) async fn snapshot_row(
    store: &dyn Store,
    org: EntityId,
    snapshot: &Snapshot,
) -> Result<(Bytes, Option<BlobId>), RuntimeError> {
    large_row(store, org, snapshot).await
}

/// Makes a row of a value of any size; a large one is put into a blob first, which the commit must name.
pub(crate) async fn large_row<T: Serialize>(
    store: &dyn Store,
    org: EntityId,
    value: &T,
) -> Result<(Bytes, Option<BlobId>), RuntimeError> {
    let bytes = encode(value)?;
    if bytes.len() <= MAX_INLINE {
        return Ok((encode(&SnapshotRow::Inline(bytes.to_vec()))?, None));
    }
    let blob = store
        .blob_put(BlobSpace(org.bytes()), bytes)
        .await
        .map_err(|error| RuntimeError::BadDocument {
            what: "a large row".into(),
            detail: error.to_string(),
        })?;
    Ok((encode(&SnapshotRow::Blob(blob.0))?, Some(blob)))
}

/// Reads a run's snapshot.
pub(crate) async fn read_snapshot(store: &dyn Store, run: RunId) -> Result<Option<Snapshot>, RuntimeError> {
    read_large(store, &snapshot_key(run), "a snapshot").await
}

/// Reads a row of a value of any size.
pub(crate) async fn read_large<T: DeserializeOwned>(
    store: &dyn Store,
    key: &[u8],
    what: &str,
) -> Result<Option<T>, RuntimeError> {
    let bytes = match get(store, key, what)? {
        None => return Ok(None),
        Some(SnapshotRow::Inline(bytes)) => bytes.into(),
        Some(SnapshotRow::Blob(id)) => {
            store
                .blob_get(BlobId(id))
                .await
                .map_err(|error| RuntimeError::BadDocument {
                    what: what.to_owned(),
                    detail: error.to_string(),
                })?
        }
    };
    decode(&bytes, what).map(Some)
}

/// Bytes as bytes, not as a list of numbers.
mod serde_bytes_vec {
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}
