//! Rolling back: an earlier version's content becomes the draft's again, and is published as a new version.
//!
//! Invariant: nothing that was published changes; the new version has the earlier one's digest and the next number.

use dirigent_protocol::command::CommandReply;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::hello::Subject;
use dirigent_store::Txn;
use serde_json::Value;

use super::commit::persist;
use super::core::Service;
use super::definitions;
use super::error::ServiceError;
use super::find::not_found;
use crate::door::{Action, Object};
use crate::records::{Actor, put};

/// Versions of one definition that are looked through.
const MAX_VERSIONS: usize = 10_000;

impl Service {
    /// Publishes an earlier version again.
    ///
    /// # Errors
    /// Refused, there is no such version, or it no longer fits what definitions may say (all errors).
    pub async fn restore(
        &self,
        actor: &Actor,
        kind: Kind,
        text: &str,
        version: &str,
    ) -> Result<CommandReply, ServiceError> {
        persist(|| async {
            let stored = self.find(&actor.subject, kind, text).await?;
            let before = &stored.document;
            self.door
                .authorize(&actor.subject, Action::Restore, &Object::Document(before))
                .await?;
            let Some(definition) = definitions::of(kind) else {
                return Err(not_found(kind, version));
            };
            let wanted = self.version_of(&actor.subject, before, version)?;
            let what = format!("version {version} of the {kind} `{}`", before.metadata.name);
            let spec = self.checked(
                kind,
                &before.metadata.name,
                definition.restored(&wanted),
                &what,
                Vec::new(),
            )?;
            let reply = |document: &Document| CommandReply::Document(Box::new(document.clone()));
            if spec == before.spec {
                // It is what the draft says: nothing to do, and it is recorded that it was asked for.
                let object = Object::Document(before);
                return Ok(self
                    .finish(actor, Txn::default(), Action::Restore, &object, reply(before))
                    .await?
                    .0);
            }
            let document = stored.next(spec, self.now());
            let mut txn = Txn::default();
            put(&mut txn, Some(&stored), &document)?;
            self.publish_version(&mut txn, &actor.subject, &document)?;
            let object = format!(
                "{}/{} to version {}",
                kind, document.metadata.name, wanted.spec["number"]
            );
            Ok(self
                .finish_as(actor, txn, Action::Restore, &object, reply(&document))
                .await?
                .0)
        })
        .await
    }

    /// The version of a definition by its number or the beginning of its digest.
    pub(super) fn version_of(
        &self,
        subject: &Subject,
        draft: &Document,
        text: &str,
    ) -> Result<Document, ServiceError> {
        let Some(definition) = definitions::of(draft.kind) else {
            return Err(not_found(draft.kind, text));
        };
        let kind = definition.version_kind();
        let id = Value::String(draft.metadata.id.to_string());
        let all =
            self.records
                .find_by_index(subject.org, kind, definition.parent_field(), &id, MAX_VERSIONS)?;
        let number = text.trim_start_matches('v').parse::<u64>().ok();
        let is = |version: &Document| {
            number.is_some_and(|number| version.spec["number"] == number)
                || (text.len() >= 4
                    && version.spec["digest"]
                        .as_str()
                        .is_some_and(|digest| digest.starts_with(text)))
        };
        let mut found = all.into_iter().map(|stored| stored.document).filter(is);
        // Of two with one digest the newer is meant: both say the same.
        let first = found.next().ok_or_else(|| not_found(kind, text))?;
        Ok(found.fold(first, |newest, next| {
            let number = |version: &Document| version.spec["number"].as_u64();
            if number(&next) > number(&newest) {
                next
            } else {
                newest
            }
        }))
    }
}
