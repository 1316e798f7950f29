//! Keys of the store. No other file spells one.
//!
//! Kinds stand in keys by name, so that a new row in the list of kinds moves nothing.

use bytes::Bytes;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::EntityId;

/// Longest name of a document, bytes.
pub const MAX_NAME: usize = 256;

struct Builder(Vec<u8>);

impl Builder {
    fn new(prefix: u8) -> Self {
        let mut bytes = Vec::with_capacity(96);
        bytes.push(prefix);
        Self(bytes)
    }

    fn id(mut self, id: EntityId) -> Self {
        self.0.extend_from_slice(&id.bytes());
        self
    }

    fn word(mut self, word: &str) -> Self {
        self.0.extend_from_slice(word.as_bytes());
        self.0.push(0);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn end(self) -> Bytes {
        self.0.into()
    }
}

/// A document.
#[must_use]
pub fn document(kind: Kind, id: EntityId) -> Bytes {
    Builder::new(b'd').word(kind.as_str()).id(id).end()
}

/// All documents of a kind, of every organisation, by id.
#[must_use]
pub fn documents(kind: Kind) -> Bytes {
    Builder::new(b'd').word(kind.as_str()).end()
}

/// Kind and id of a document's key.
#[must_use]
pub fn parse_document(key: &[u8]) -> Option<(Kind, EntityId)> {
    kind_and_id(key, b'd')
}

/// Kind and id of the key of a trace.
#[must_use]
pub fn parse_trace(key: &[u8]) -> Option<(Kind, EntityId)> {
    kind_and_id(key, b't')
}

/// Kind and id of the key of an earlier revision.
#[must_use]
pub fn parse_history(key: &[u8]) -> Option<(Kind, EntityId)> {
    kind_and_id(key.get(..key.len().checked_sub(8)?)?, b'h')
}

fn kind_and_id(key: &[u8], prefix: u8) -> Option<(Kind, EntityId)> {
    let rest = key.strip_prefix(&[prefix])?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let kind = Kind::ALL
        .iter()
        .copied()
        .find(|kind| kind.as_str().as_bytes() == &rest[..end])?;
    let id = <[u8; 16]>::try_from(&rest[end + 1..]).ok()?;
    Some((kind, EntityId(uuid::Uuid::from_bytes(id))))
}

/// The id at the end of a member's or an index row's key.
#[must_use]
pub fn last_id(key: &[u8]) -> Option<EntityId> {
    let id = <[u8; 16]>::try_from(key.get(key.len().checked_sub(16)?..)?).ok()?;
    Some(EntityId(uuid::Uuid::from_bytes(id)))
}

/// One document of an organisation; an empty value.
#[must_use]
pub fn member(org: EntityId, kind: Kind, id: EntityId) -> Bytes {
    Builder::new(b'm').id(org).word(kind.as_str()).id(id).end()
}

/// All documents of a kind in an organisation, by age.
#[must_use]
pub fn members(org: EntityId, kind: Kind) -> Bytes {
    Builder::new(b'm').id(org).word(kind.as_str()).end()
}

/// A name; the value is the id. Names that differ in case alone share the key: they would be taken for one another.
#[must_use]
pub fn name(org: EntityId, kind: Kind, name: &str) -> Bytes {
    Builder::new(b'n')
        .id(org)
        .word(kind.as_str())
        .raw(name.to_lowercase().as_bytes())
        .end()
}

/// All index rows of a field.
#[must_use]
pub fn index_field(org: EntityId, kind: Kind, field: &str) -> Bytes {
    Builder::new(b'i').id(org).word(kind.as_str()).word(field).end()
}

/// All index rows of a field with one value; `value` as [`super::encode_value`] makes it.
#[must_use]
pub fn index_value(org: EntityId, kind: Kind, field: &str, value: &[u8]) -> Bytes {
    Builder::new(b'i')
        .id(org)
        .word(kind.as_str())
        .word(field)
        .raw(value)
        .end()
}

/// One index row; an empty value.
#[must_use]
pub fn index(org: EntityId, kind: Kind, field: &str, value: &[u8], id: EntityId) -> Bytes {
    Builder::new(b'i')
        .id(org)
        .word(kind.as_str())
        .word(field)
        .raw(value)
        .id(id)
        .end()
}

/// A value that only one document of the organisation has; the value is the id.
#[must_use]
pub fn unique(org: EntityId, kind: Kind, field: &str, value: &[u8]) -> Bytes {
    Builder::new(b'u')
        .id(org)
        .word(kind.as_str())
        .word(field)
        .raw(value)
        .end()
}

/// An index that came late is whole; an empty value.
#[must_use]
pub fn whole_index(kind: Kind, field: &str) -> Bytes {
    Builder::new(b'w').word(kind.as_str()).word(field).end()
}

/// The row that says when a group of documents was written to; an empty value.
#[must_use]
pub fn group(org: EntityId, kind: Kind, value: &[u8]) -> Bytes {
    Builder::new(b'g').id(org).word(kind.as_str()).raw(value).end()
}

/// An earlier revision.
#[must_use]
pub fn history(kind: Kind, id: EntityId, revision: u64) -> Bytes {
    Builder::new(b'h')
        .word(kind.as_str())
        .id(id)
        .raw(&revision.to_be_bytes())
        .end()
}

/// All earlier revisions, oldest first.
#[must_use]
pub fn histories(kind: Kind, id: EntityId) -> Bytes {
    Builder::new(b'h').word(kind.as_str()).id(id).end()
}

/// What is left of a deleted document for those who watch: the value is the document without its body.
#[must_use]
pub fn trace(kind: Kind, id: EntityId) -> Bytes {
    Builder::new(b't').word(kind.as_str()).id(id).end()
}

/// The answer of a request.
#[must_use]
pub fn request(id: [u8; 16]) -> Bytes {
    Builder::new(b'r').raw(&id).end()
}

/// `target` may go at `at_ms`.
#[must_use]
pub fn expiry(at_ms: u64, target: &[u8]) -> Bytes {
    Builder::new(b'x').raw(&at_ms.to_be_bytes()).raw(target).end()
}

/// Everything that may go before `at_ms`: from the first to but not including the second.
#[must_use]
pub fn expired(at_ms: u64) -> (Bytes, Bytes) {
    (
        Builder::new(b'x').end(),
        Builder::new(b'x').raw(&at_ms.to_be_bytes()).end(),
    )
}

/// What an expiry's key points to.
#[must_use]
pub fn expiry_target(key: &[u8]) -> Option<Bytes> {
    key.strip_prefix(b"x")?.get(8..).map(Bytes::copy_from_slice)
}
