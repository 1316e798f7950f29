//! Keys and values of the bus in the store. No other file spells a key of theirs; all begin with `E`.

use bytes::Bytes;
use dirigent_protocol::Payload;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::EventPattern;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::index::Listener;
use crate::records::RecordError;

/// How far events were delivered: a position.
pub const CURSOR: &[u8] = b"Ec";
/// Prefix of listeners.
pub const LISTENS: &[u8] = b"El";
/// Prefix of schedules that listen.
pub const SCHEDULES: &[u8] = b"Es";
/// Prefix of events, by age.
pub(super) const EVENTS: &[u8] = b"Ee";

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Its organisation.
    pub org: EntityId,
    /// The event.
    pub event: Payload,
    /// The run that emitted it.
    #[serde(default)]
    pub run: Option<RunId>,
    /// The number of the run's event that did.
    #[serde(default)]
    pub seq: u64,
    /// Who published it.
    #[serde(default)]
    pub by: String,
}

/// A listener as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenRow {
    /// Its organisation.
    pub org: EntityId,
    /// Which events may concern it.
    pub patterns: Vec<EventPattern>,
    /// Only events behind this position concern it, where that is not the row's own.
    #[serde(default)]
    pub since: Option<u64>,
    /// State of a schedule; empty for runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<serde_json::Value>,
}

/// The row of an event; rows sort by age.
#[must_use]
pub fn event_key(at: Timestamp, id: Uuid) -> Bytes {
    let ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let mut key = EVENTS.to_vec();
    key.extend_from_slice(&ms.to_be_bytes());
    key.extend_from_slice(id.as_bytes());
    key.into()
}

/// When the event of a row came; none where the key is no event's.
#[must_use]
pub fn moment_of(key: &[u8]) -> Option<Timestamp> {
    let ms = key.strip_prefix(EVENTS)?.get(..8)?;
    let ms = i64::try_from(u64::from_be_bytes(ms.try_into().ok()?)).ok()?;
    Timestamp::from_millisecond(ms).ok()
}

/// The row that keeps an event from being published twice: source and id name it.
#[must_use]
pub fn once_key(org: EntityId, source: &str, id: &str) -> Bytes {
    let mut named = org.bytes().to_vec();
    named.extend_from_slice(source.as_bytes());
    named.push(0);
    named.extend_from_slice(id.as_bytes());
    let mut key = b"Ei".to_vec();
    key.extend_from_slice(&Digest::of_bytes(&named).0[..16]);
    key.into()
}

/// The row of a task instance that listens.
#[must_use]
pub fn listen_key(run: RunId, frame: u64) -> Bytes {
    let mut key = LISTENS.to_vec();
    key.extend_from_slice(&run.bytes());
    key.extend_from_slice(&frame.to_be_bytes());
    key.into()
}

/// The row of a schedule that listens.
#[must_use]
pub fn schedule_key(schedule: EntityId) -> Bytes {
    let mut key = SCHEDULES.to_vec();
    key.extend_from_slice(&schedule.bytes());
    key.into()
}

/// Whose row it is; none where it is no listener's.
#[must_use]
pub fn listener_of(key: &[u8]) -> Option<Listener> {
    let id = |bytes: &[u8]| Some(Uuid::from_bytes(<[u8; 16]>::try_from(bytes).ok()?));
    if let Some(rest) = key.strip_prefix(LISTENS) {
        let (run, frame) = rest.split_at_checked(16)?;
        let frame = u64::from_be_bytes(frame.try_into().ok()?);
        return Some(Listener::Run(RunId(id(run)?), frame));
    }
    let rest = key.strip_prefix(SCHEDULES)?;
    Some(Listener::Schedule(EntityId(id(rest)?)))
}

/// A row's bytes.
///
/// # Errors
/// It cannot be encoded.
pub fn encode<T: Serialize>(value: &T) -> Result<Bytes, RecordError> {
    rmp_serde::to_vec_named(value)
        .map(Bytes::from)
        .map_err(|source| RecordError::Encode {
            what: "a row of the bus",
            source,
        })
}

/// The value of a row.
///
/// # Errors
/// The bytes are no such value.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RecordError> {
    rmp_serde::from_slice(bytes).map_err(|source| RecordError::Decode {
        what: "a row of the bus",
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_and_events_sort_by_age() {
        let run = RunId::new();
        assert_eq!(listener_of(&listen_key(run, 7)), Some(Listener::Run(run, 7)));
        let schedule = EntityId::new();
        assert_eq!(
            listener_of(&schedule_key(schedule)),
            Some(Listener::Schedule(schedule))
        );
        assert_eq!(listener_of(CURSOR), None);
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let (older, newer) = (
            event_key(at(1_000), Uuid::max()),
            event_key(at(1_001), Uuid::nil()),
        );
        assert!(older < newer);
        assert_eq!(moment_of(&newer), Some(at(1_001)));
        assert_ne!(
            once_key(schedule, "a", "b"),
            once_key(schedule, "ab", ""),
            "source and id stay apart"
        );
    }
}
