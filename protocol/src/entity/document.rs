//! A stored document: who it belongs to, its revision, and its body.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Entity, Kind};
use crate::id::EntityId;

/// Who sees a document beside its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// The owner and whom it is shared with.
    Private,
    /// The team.
    Team,
    /// The organisation.
    #[default]
    Organization,
}

/// What every document carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// UUIDv7.
    pub id: EntityId,
    /// Unique within kind and organisation, `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}` where people choose it.
    pub name: String,
    /// The organisation it belongs to.
    pub org: EntityId,
    /// The team, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<EntityId>,
    /// The user who made it.
    pub owner: EntityId,
    /// Who sees it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Users it is shared with by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_with: Vec<EntityId>,
    /// Counts its changes, from 1.
    pub revision: u64,
    /// Words people attach.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A document of any kind, in the shape of its file: `kind`, `metadata`, `spec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its kind.
    pub kind: Kind,
    /// What every document carries.
    pub metadata: Metadata,
    /// Its body, in the shape of its kind.
    pub spec: Value,
    /// Documents it links to, where `include` asked for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub included: BTreeMap<String, Vec<Document>>,
}

impl Document {
    /// The body as its type.
    ///
    /// # Errors
    /// The body does not have the shape of `T`.
    pub fn body<T: Entity>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.spec)
    }

    /// A field by its dotted name: of the metadata first, then of the body.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Value> {
        let meta = &self.metadata;
        Some(match name {
            "id" => meta.id.to_string().into(),
            "name" => meta.name.clone().into(),
            "owner" => meta.owner.to_string().into(),
            "revision" => meta.revision.into(),
            "created_at" => meta.created_at.to_string().into(),
            "updated_at" => meta.updated_at.to_string().into(),
            "kind" => self.kind.as_str().into(),
            _ => {
                if let Some(label) = name.strip_prefix("labels.") {
                    return meta.labels.get(label).map(|text| text.clone().into());
                }
                return name
                    .split('.')
                    .try_fold(&self.spec, |value, part| value.get(part))
                    .cloned();
            }
        })
    }
}
