//! Kinds that are published as immutable versions: one file and one row each.
//!
//! Invariant: what a version's digest covers is the canonical form alone; the same content has the same digest,
//! however it was written.

mod agent;
mod orchestration;
pub(super) mod workflow;

use dirigent_engine::Workflow;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::source::Diagnostic;
use serde_json::Value;

/// A kind of definition.
pub(super) trait Definition: Sync {
    /// The draft's kind.
    fn kind(&self) -> Kind;
    /// The versions' kind.
    fn version_kind(&self) -> Kind {
        self.kind().versions().map_or(self.kind(), |(kind, _)| kind)
    }
    /// Field of a version that holds the draft's id; indexed.
    fn parent_field(&self) -> &'static str {
        self.kind().versions().map_or("", |(_, field)| field)
    }
    /// Fills in what follows from the rest and says what is wrong; paths point into the body.
    fn complete(&self, name: &str, spec: &mut Value) -> Vec<Diagnostic>;
    /// What the digest covers.
    fn canonical(&self, spec: &Value) -> Value;
    /// The body of a version.
    fn version(&self, draft: &Document, canonical: Value, digest: Digest, number: u64) -> Value;
    /// The draft's body as it was when a version was made of it.
    fn restored(&self, version: &Document) -> Value;

    /// Agents it calls by a fixed name.
    fn agents(&self, _name: &str, _spec: &Value) -> Vec<String> {
        Vec::new()
    }

    /// Workflows and orchestrations it runs by a fixed name.
    fn workflows(&self, _spec: &Value) -> Vec<String> {
        Vec::new()
    }

    /// Capabilities that whoever has them is chosen for.
    fn capabilities(&self, _spec: &Value) -> Vec<String> {
        Vec::new()
    }

    /// The workflow document that runs it, where it is not one itself; `number` counts its versions.
    fn compiled(&self, _name: &str, _number: u64, _canonical: &Value) -> Option<Value> {
        None
    }

    /// The machine it compiles to, where it is no workflow itself and nothing is wrong with it.
    fn machine(&self, _name: &str, _spec: &Value) -> Option<Workflow> {
        None
    }

    /// Whether it is run by its name: then no other definition that is run has the name.
    fn runs(&self) -> bool {
        false
    }
}

/// Every kind of definition.
pub(super) const ALL: [&dyn Definition; 3] = [
    &agent::Agents,
    &workflow::Workflows,
    &orchestration::Orchestrations,
];

/// The row of a kind; none where its documents are not published.
pub(super) fn of(kind: Kind) -> Option<&'static dyn Definition> {
    ALL.into_iter().find(|definition| definition.kind() == kind)
}
