//! Creating, changing and deleting single documents.

use std::collections::BTreeMap;

use dirigent_protocol::command::CommandReply;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::source::{Diagnostic, Place};
use dirigent_store::Txn;
use serde_json::Value;

use super::commit::persist;
use super::core::Service;
use super::error::ServiceError;
use super::{definitions, name, patch};
use crate::door::{Action, Object};
use crate::records::{Actor, Draft, delete, put};

/// Most labels of a document, and bytes of one.
const LABELS: usize = 64;
const LABEL_BYTES: usize = 256;

impl Service {
    /// Creates a document. Definitions are published as their first version in the same commit.
    ///
    /// # Errors
    /// Refused, the name is taken, or the body has errors (all of them).
    pub async fn create(
        &self,
        actor: &Actor,
        kind: Kind,
        name: &str,
        labels: &BTreeMap<String, String>,
        spec: &Value,
    ) -> Result<CommandReply, ServiceError> {
        self.door
            .authorize(&actor.subject, Action::Create, &Object::Kind(kind))
            .await?;
        let what = format!("the {kind} `{}`", name.chars().take(64).collect::<String>());
        let mut details: Vec<_> = name::check(name, Place::default()).err().into_iter().collect();
        details.extend(check_labels(labels));
        let spec = self.checked(kind, name, spec.clone(), &what, details)?;
        persist(|| async {
            if self
                .records
                .find_by_name_any_case(actor.subject.org, kind, name)?
                .is_some()
            {
                return Err(exists(kind, "name", name));
            }
            self.check_run_name(actor.subject.org, kind, name)?;
            let document = Draft::of(kind, name, spec.clone())
                .org(actor.subject.org)
                .owner(actor.subject.user)
                .labels(labels.clone())
                .document(self.now());
            self.check_unique(&document)?;
            let mut txn = Txn::default();
            put(&mut txn, None, &document)?;
            self.publish(&mut txn, &actor.subject, &document)?;
            let reply = CommandReply::Document(Box::new(document.clone()));
            Ok(self
                .finish(actor, txn, Action::Create, &Object::Document(&document), reply)
                .await?
                .0)
        })
        .await
    }

    /// Changes a document by a merge patch on its body.
    ///
    /// # Errors
    /// Refused, changed by somebody else meanwhile, or the result has errors (all of them).
    pub async fn update(
        &self,
        actor: &Actor,
        (kind, id): (Kind, EntityId),
        revision: u64,
        change: &Value,
        labels: Option<&BTreeMap<String, String>>,
    ) -> Result<CommandReply, ServiceError> {
        persist(|| async {
            let stored = self.find(&actor.subject, kind, &id.to_string()).await?;
            let before = &stored.document;
            self.door
                .authorize(&actor.subject, Action::Update, &Object::Document(before))
                .await?;
            same_revision(before, revision)?;
            let mut spec = before.spec.clone();
            patch::merge(&mut spec, change.clone());
            let what = format!("the {kind} `{}`", before.metadata.name);
            let details = labels.map(check_labels).unwrap_or_default();
            let spec = self.checked(kind, &before.metadata.name, spec, &what, details)?;
            let mut document = stored.next(spec, self.now());
            if let Some(labels) = labels {
                document.metadata.labels.clone_from(labels);
            }
            self.check_unique(&document)?;
            let mut txn = Txn::default();
            put(&mut txn, Some(&stored), &document)?;
            self.publish(&mut txn, &actor.subject, &document)?;
            let reply = CommandReply::Document(Box::new(document.clone()));
            Ok(self
                .finish(actor, txn, Action::Update, &Object::Document(&document), reply)
                .await?
                .0)
        })
        .await
    }

    /// Deletes a document that nothing uses.
    ///
    /// # Errors
    /// Refused, in use, or changed since it was seen.
    pub async fn delete(
        &self,
        actor: &Actor,
        kind: Kind,
        text: &str,
        revision: Option<u64>,
    ) -> Result<CommandReply, ServiceError> {
        persist(|| async {
            let stored = self.find(&actor.subject, kind, text).await?;
            let document = &stored.document;
            self.door
                .authorize(&actor.subject, Action::Delete, &Object::Document(document))
                .await?;
            if let Some(revision) = revision {
                same_revision(document, revision)?;
            }
            self.check_unused(&actor.subject, document).await?;
            let mut txn = Txn::default();
            delete(&mut txn, &stored, self.now())?;
            let object = Object::Document(document);
            Ok(self
                .finish(actor, txn, Action::Delete, &object, CommandReply::Deleted {})
                .await?
                .0)
        })
        .await
    }

    /// What keeps a value from being a body of a kind.
    #[must_use]
    pub fn shape(&self, kind: Kind, spec: &Value) -> Vec<Diagnostic> {
        self.schemas.check(kind, spec)
    }

    /// The body as it is stored, or everything that is wrong with it.
    pub(super) fn checked(
        &self,
        kind: Kind,
        name: &str,
        spec: Value,
        what: &str,
        mut details: Vec<Diagnostic>,
    ) -> Result<Value, ServiceError> {
        details.extend(self.schemas.check(kind, &spec));
        let mut spec = spec;
        if details.is_empty()
            && let Some(definition) = definitions::of(kind)
        {
            details.extend(
                definition
                    .complete(name, &mut spec)
                    .into_iter()
                    .filter(Diagnostic::is_error),
            );
        }
        if details.is_empty() {
            return Ok(spec);
        }
        Err(ServiceError::Invalid {
            what: what.to_owned(),
            details,
        })
    }

    /// Refuses a value that another document has where only one may.
    pub(super) fn check_unique(&self, document: &Document) -> Result<(), ServiceError> {
        let (kind, meta) = (document.kind, &document.metadata);
        for index in kind.definition().indexes.iter().filter(|index| index.unique) {
            let Some(value) = document.field(index.field).filter(|value| !value.is_null()) else {
                continue;
            };
            let other = self.records.find_unique(meta.org, kind, index.field, &value)?;
            if other.is_some_and(|other| other.document.metadata.id != meta.id) {
                return Err(exists(kind, index.field, &value.to_string()));
            }
        }
        Ok(())
    }

    /// Refuses the name of another definition that is run by its name: a run would not say of which it is.
    pub(super) fn check_run_name(&self, org: EntityId, kind: Kind, name: &str) -> Result<(), ServiceError> {
        let runs = definitions::of(kind).is_some_and(definitions::Definition::runs);
        for other in definitions::ALL
            .iter()
            .filter(|other| runs && other.runs() && other.kind() != kind)
        {
            if self
                .records
                .find_by_name_any_case(org, other.kind(), name)?
                .is_some()
            {
                return Err(exists(other.kind(), "name", name));
            }
        }
        Ok(())
    }

    /// Publishes a definition as a version in the same commit; nothing for other kinds.
    fn publish(&self, txn: &mut Txn, subject: &Subject, document: &Document) -> Result<(), ServiceError> {
        if definitions::of(document.kind).is_some() {
            self.publish_version(txn, subject, document)?;
        }
        Ok(())
    }
}

pub(super) fn exists(kind: Kind, field: &str, value: &str) -> ServiceError {
    ServiceError::Exists {
        kind,
        field: field.to_owned(),
        value: value.to_owned(),
    }
}

fn same_revision(document: &Document, given: u64) -> Result<(), ServiceError> {
    let found = document.metadata.revision;
    if found == given {
        return Ok(());
    }
    let name = document.metadata.name.clone();
    Err(ServiceError::Changed {
        kind: document.kind,
        name,
        given,
        found,
    })
}

/// What is wrong with labels.
pub(super) fn check_labels(labels: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if labels.len() > LABELS {
        let message = format!("there are {} labels, the limit is {LABELS}", labels.len());
        found.push(Diagnostic::error("too_large", message, Place::default()));
    }
    for (name, value) in labels {
        if name.is_empty() || name.len() > LABEL_BYTES || value.len() > LABEL_BYTES {
            let message = format!("a label's name and value have 1 to {LABEL_BYTES} bytes");
            found.push(Diagnostic::error("bad_label", message, Place::default()));
        }
    }
    found
}
