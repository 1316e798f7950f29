//! What people type for a document: its id, its name, the short end or the beginning of its id.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use dirigent_store::ScanRange;

use super::core::Service;
use super::error::ServiceError;
use crate::records::{Stored, key};

/// Most candidates that are named.
const NAMED: usize = 5;

impl Service {
    /// The document a text means, whether or not the subject may see it: the caller asks the door.
    pub(super) async fn find(
        &self,
        subject: &Subject,
        kind: Kind,
        text: &str,
    ) -> Result<Stored, ServiceError> {
        if let Ok(id) = text.parse::<EntityId>() {
            return self.records.get(kind, id)?.ok_or_else(|| not_found(kind, text));
        }
        if let Some(found) = self.records.find_by_name(subject.org, kind, text)? {
            return Ok(found);
        }
        let mut found = Vec::new();
        for id in self.by_fragment(subject, kind, text).await? {
            // Only what they may see counts: a fragment must not tell of anything else.
            if let Some(stored) = self.records.get(kind, id)?
                && self.door.sees(subject, &stored.document)
            {
                found.push(stored);
            }
        }
        match found.len() {
            0 => Err(not_found(kind, text)),
            1 => Ok(found.swap_remove(0)),
            _ => {
                let candidates = found
                    .iter()
                    .map(|stored| stored.document.metadata.id.to_string())
                    .collect();
                Err(ServiceError::Ambiguous {
                    what: text.to_owned(),
                    candidates,
                })
            }
        }
    }

    /// Ids that end or begin with these hexadecimal digits, newest first, some of them.
    async fn by_fragment(
        &self,
        subject: &Subject,
        kind: Kind,
        text: &str,
    ) -> Result<Vec<EntityId>, ServiceError> {
        let digits = text.replace('-', "").to_lowercase();
        if digits.len() < 4 || digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut range = ScanRange::prefix(&key::members(subject.org, kind)).reversed();
        loop {
            let (rows, next) = self.records.rows(range.clone())?;
            for row in rows {
                let id = row.id.0.simple().to_string();
                if id.ends_with(&digits) || id.starts_with(&digits) {
                    found.push(row.id);
                }
            }
            match next {
                Some(next) if found.len() < NAMED => range = range.after(next),
                _ => break,
            }
            tokio::task::yield_now().await;
        }
        found.truncate(NAMED);
        Ok(found)
    }
}

pub(super) fn not_found(kind: Kind, text: &str) -> ServiceError {
    ServiceError::NotFound {
        kind,
        what: text.chars().take(100).collect(),
    }
}
