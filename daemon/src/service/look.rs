//! Looking at single documents, and what they link to.

use dirigent_protocol::entity::{Document, Kind, Relation};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::{KindInfo, MAX_PAGE};
use serde_json::Value;

use super::core::Service;
use super::error::ServiceError;
use super::schema::schema_of;
use crate::door::{Action, Object};

/// Most documents of one relation that are put in.
const MAX_INCLUDED: usize = 50;

impl Service {
    /// One document, with the relations asked for.
    ///
    /// # Errors
    /// Nothing there, nothing this subject may see, or no such relation.
    pub async fn get(
        &self,
        subject: &Subject,
        kind: Kind,
        text: &str,
        include: &[String],
    ) -> Result<Document, ServiceError> {
        let relations = relations(kind, include)?;
        let mut document = self.find(subject, kind, text).await?.document;
        self.door
            .authorize(subject, Action::Read, &Object::Document(&document))
            .await?;
        self.include(subject, &mut document, &relations)?;
        Ok(document)
    }

    /// Earlier revisions, newest first.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn history(
        &self,
        subject: &Subject,
        kind: Kind,
        text: &str,
        limit: u32,
    ) -> Result<Vec<Document>, ServiceError> {
        let document = self.find(subject, kind, text).await?.document;
        self.door
            .authorize(subject, Action::Read, &Object::Document(&document))
            .await?;
        let limit = limit.clamp(1, MAX_PAGE) as usize;
        Ok(self.records.history(kind, document.metadata.id, limit)?)
    }

    /// The kinds there are.
    #[must_use]
    pub fn kinds() -> Vec<KindInfo> {
        Kind::ALL
            .iter()
            .map(|kind| KindInfo {
                schema: schema_of(*kind),
                ..KindInfo::from(kind.definition())
            })
            .collect()
    }

    pub(super) fn include(
        &self,
        subject: &Subject,
        document: &mut Document,
        relations: &[&'static Relation],
    ) -> Result<(), ServiceError> {
        for relation in relations {
            let ids: Vec<EntityId> = match document.field(relation.field) {
                Some(Value::Array(items)) => items.iter().filter_map(id_of).take(MAX_INCLUDED).collect(),
                Some(value) => id_of(&value).into_iter().collect(),
                None => Vec::new(),
            };
            let mut linked = Vec::new();
            for id in ids {
                if let Some(found) = self.records.get((relation.target)(), id)?
                    && self.door.sees(subject, &found.document)
                {
                    linked.push(found.document);
                }
            }
            document.included.insert(relation.name.to_owned(), linked);
        }
        Ok(())
    }
}

fn id_of(value: &Value) -> Option<EntityId> {
    value.as_str()?.parse().ok()
}

/// The relations of those names.
pub(super) fn relations(kind: Kind, names: &[String]) -> Result<Vec<&'static Relation>, ServiceError> {
    let known = kind.definition().relations;
    names
        .iter()
        .map(|name| {
            known
                .iter()
                .find(|relation| relation.name == name)
                .ok_or_else(|| {
                    let all: Vec<_> = known.iter().map(|relation| relation.name).collect();
                    let help = if all.is_empty() {
                        format!("{kind} links to nothing; leave `include` out")
                    } else {
                        format!("it has: {}", all.join(", "))
                    };
                    ServiceError::UnknownWord {
                        kind,
                        what: "relation",
                        word: name.clone(),
                        help,
                    }
                })
        })
        .collect()
}
