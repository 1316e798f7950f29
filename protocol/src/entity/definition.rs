//! What a kind declares about itself.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Kind;

/// A body type with its declaration.
pub trait Entity: Serialize + DeserializeOwned {
    /// The row of this kind.
    const DEFINITION: Definition;
}

/// Who may write documents of a kind through the entity service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// People, within their permissions.
    People,
    /// The daemon alone; people read.
    Daemon,
}

/// An index: documents of the kind can be found and ordered by this field.
#[derive(Debug, Clone, Copy)]
pub struct Index {
    /// Field of the body, dots for members: `status`, `usage.cost_micro_usd`.
    pub field: &'static str,
    /// No two documents of one organisation share the value.
    pub unique: bool,
}

/// A link to other documents, followed by `include`.
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    /// The word behind `include`.
    pub name: &'static str,
    /// Field of the body that holds the id, or the ids.
    pub field: &'static str,
    /// What it points to.
    pub target: fn() -> Kind,
}

/// A column of the list page and of the table printed by `get`.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Heading, lower case.
    pub title: &'static str,
    /// `name`, `revision`, `updated_at` (metadata) or a field of the body.
    pub field: &'static str,
}

/// The row of a kind: everything the house derives its treatment from.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The kind itself.
    pub kind: Kind,
    /// One line for people.
    pub about: &'static str,
    /// `workflow-executions`.
    pub plural: &'static str,
    /// Short names on the command line, lower case.
    pub aliases: &'static [&'static str],
    /// JSON Schema (2020-12) of the body.
    pub schema: fn() -> Value,
    /// Says what keeps a value from being a body of this kind.
    pub check: fn(&Value) -> Result<(), serde_json::Error>,
    /// A small, valid body, for tests and empty forms.
    pub sample: fn() -> Value,
    /// Secondary indexes beside `name`.
    pub indexes: &'static [Index],
    /// Fields that are sealed at rest and masked on the way out.
    pub sensitive: &'static [&'static str],
    /// Links that `include` follows.
    pub relations: &'static [Relation],
    /// What a list shows.
    pub columns: &'static [Column],
    /// Who writes.
    pub writer: Writer,
    /// Days after its last change that a finished document is kept; none is for ever.
    pub retention_days: Option<u32>,
}

/// The schema of a body type.
#[must_use]
pub(super) fn schema_of<T: schemars::JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

/// Whether a value is a body of `T`.
///
/// # Errors
/// What does not fit, in serde's words.
pub(super) fn check_as<T: DeserializeOwned>(value: &Value) -> Result<(), serde_json::Error> {
    T::deserialize(value).map(drop)
}

/// The JSON of a body; a body that is not JSON does not exist.
#[must_use]
pub(super) fn json_of<T: Serialize>(body: &T) -> Value {
    serde_json::to_value(body).unwrap_or(Value::Null)
}
