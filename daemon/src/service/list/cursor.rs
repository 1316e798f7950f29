//! Where a page ended, as opaque text. It holds for the list it came from alone.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::ListQuery;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::error::ServiceError;

/// Longest cursor read, characters.
const MAX: usize = 8_192;

/// The last thing of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Last {
    /// A row's key.
    Row(#[serde(with = "serde_bytes_vec")] Vec<u8>),
    /// A field's value and the id.
    Value(Value, EntityId),
}

#[derive(Serialize, Deserialize)]
struct Body {
    list: [u8; 8],
    last: Last,
}

/// Plain sequence of bytes; the cursor is short.
mod serde_bytes_vec {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Vec::deserialize(deserializer)
    }
}

/// What a list is, its page aside.
fn fingerprint(query: &ListQuery) -> [u8; 8] {
    let list = serde_json::json!([query.kind, query.filter, query.order]);
    let mut short = [0; 8];
    short.copy_from_slice(&Digest::of(&list).0[..8]);
    short
}

pub(super) fn write(query: &ListQuery, last: Last) -> Option<String> {
    let bytes = rmp_serde::to_vec_named(&Body {
        list: fingerprint(query),
        last,
    })
    .ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(super) fn read(query: &ListQuery) -> Result<Option<Last>, ServiceError> {
    let Some(text) = &query.cursor else {
        return Ok(None);
    };
    let wrong = ServiceError::BadCursor {
        why: "it is not one of this daemon's",
    };
    if text.len() > MAX || text.len() % 2 == 1 || !text.is_ascii() {
        return Err(wrong);
    }
    let bytes: Option<Vec<u8>> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect();
    match bytes.and_then(|bytes| rmp_serde::from_slice::<Body>(&bytes).ok()) {
        Some(body) if body.list == fingerprint(query) => Ok(Some(body.last)),
        Some(_) => Err(ServiceError::BadCursor {
            why: "it is of another kind, filter or order",
        }),
        None => Err(wrong),
    }
}
