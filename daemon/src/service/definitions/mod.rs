//! Kinds that are published as immutable versions: one file and one row each.
//!
//! Invariant: what a version's digest covers is the canonical form alone; the same content has the same digest,
//! however it was written.

mod agent;
pub(super) mod workflow;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::source::Diagnostic;
use serde_json::Value;

/// A kind of definition.
pub(super) trait Definition: Sync {
    /// The draft's kind.
    fn kind(&self) -> Kind;
    /// The versions' kind.
    fn version_kind(&self) -> Kind;
    /// Field of a version that holds the draft's id; indexed.
    fn parent_field(&self) -> &'static str;
    /// Fills in what follows from the rest and says what is wrong; paths point into the body.
    fn complete(&self, name: &str, spec: &mut Value) -> Vec<Diagnostic>;
    /// What the digest covers.
    fn canonical(&self, spec: &Value) -> Value;
    /// The body of a version.
    fn version(&self, draft: &Document, canonical: Value, digest: Digest, number: u64) -> Value;
}

/// Every kind of definition.
const ALL: [&dyn Definition; 2] = [&agent::Agents, &workflow::Workflows];

/// The row of a kind; none where its documents are not published.
pub(super) fn of(kind: Kind) -> Option<&'static dyn Definition> {
    ALL.into_iter().find(|definition| definition.kind() == kind)
}
