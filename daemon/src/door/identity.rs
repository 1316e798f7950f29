//! The door itself: from the socket's peer to a subject, the decision, and its record.

use std::sync::Arc;

use dirigent_protocol::entity::{Document, Kind, Team, User, Verdict};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use dirigent_store::{CommitError, Txn};
use jiff::Timestamp;
use serde_json::Value;

use super::denial::Denial;
use super::policy::{self, Action, Object};
use super::reads::Reads;
use crate::clock::Clock;
use crate::records::{Audit, BOOTSTRAP_USER, DEFAULT_ORG, RecordError, Records, Stored, audit};

/// Who is at the other end: as the kernel said at the moment of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// User id.
    pub uid: u32,
}

/// Why the door did not open.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// It was refused.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The store did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The record of the reads was not made.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// See the module header.
pub struct Door {
    records: Records,
    clock: Clock,
    owner_uid: u32,
    private: bool,
    reads: Reads,
}

impl Door {
    /// A door whose owner, the administrator, is the system's user `owner_uid`; `private` serves nobody else.
    #[must_use]
    pub fn new(records: Records, clock: Clock, owner_uid: u32, private: bool) -> Arc<Self> {
        Arc::new(Self {
            records,
            clock,
            owner_uid,
            private,
            reads: Reads::default(),
        })
    }

    /// Who this is, looked up anew at every call: a user switched off is refused at once.
    ///
    /// # Errors
    /// Nobody, or somebody who may not act; the refusal is recorded.
    pub async fn identify(&self, peer: Peer) -> Result<Subject, DoorError> {
        let denial = match self.lookup(peer)? {
            Ok(subject) => return Ok(subject),
            Err(denial) => denial,
        };
        let stranger = Subject {
            user: EntityId::nil(),
            name: format!("uid {}", peer.uid),
            org: DEFAULT_ORG,
            administrator: false,
        };
        self.refused(&stranger, Action::Hello.as_str(), "Daemon", &denial)
            .await;
        Err(denial.into())
    }

    fn lookup(&self, peer: Peer) -> Result<Result<Subject, Denial>, RecordError> {
        let owner = peer.uid == self.owner_uid;
        if self.private && !owner {
            return Ok(Err(Denial::Private));
        }
        let user = if owner {
            self.records.get(Kind::User, BOOTSTRAP_USER)?
        } else {
            self.user(peer.uid)?
        };
        let Some(document) = user.map(|stored| stored.document) else {
            return Ok(Err(Denial::Stranger { uid: peer.uid }));
        };
        let body: User = document.body().unwrap_or_default();
        let meta = document.metadata;
        if body.disabled && !owner {
            return Ok(Err(Denial::Disabled { name: meta.name }));
        }
        Ok(Ok(Subject {
            user: meta.id,
            name: meta.name,
            org: meta.org,
            administrator: owner || body.administrator,
        }))
    }

    /// A user as they are now: somebody in whose name the daemon acts later.
    ///
    /// # Errors
    /// They are gone, or may not act any more.
    pub fn subject(&self, user: EntityId) -> Result<Subject, DoorError> {
        let found = self.records.get(Kind::User, user)?.map(|stored| stored.document);
        let Some(document) = found else {
            let name = user.to_string();
            return Err(Denial::Disabled { name }.into());
        };
        let body: User = document.body().unwrap_or_default();
        let meta = document.metadata;
        if body.disabled && user != BOOTSTRAP_USER {
            return Err(Denial::Disabled { name: meta.name }.into());
        }
        Ok(Subject {
            user: meta.id,
            name: meta.name,
            org: meta.org,
            administrator: user == BOOTSTRAP_USER || body.administrator,
        })
    }

    fn user(&self, uid: u32) -> Result<Option<Stored>, RecordError> {
        self.find_by_unique(Kind::User, "uid", &Value::from(uid))
    }

    /// The instant of the door's clock.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The one document of whatever organisation with that value.
    pub(super) fn find_by_unique(
        &self,
        kind: Kind,
        field: &'static str,
        value: &Value,
    ) -> Result<Option<Stored>, RecordError> {
        for org in self.records.all(Kind::Organization, None, 1_000)? {
            let found = self
                .records
                .find_unique(org.document.metadata.id, kind, field, value)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Lets the subject through or says why not; a refusal is recorded before it is told.
    ///
    /// # Errors
    /// The refusal.
    pub async fn authorize(
        &self,
        subject: &Subject,
        action: Action,
        object: &Object<'_>,
    ) -> Result<(), Denial> {
        let verdict = policy::decide(subject, action, object, &|team| self.in_team(subject, team));
        match verdict {
            Ok(()) => {
                if action == Action::Read {
                    self.read(subject, object);
                }
                Ok(())
            }
            Err(denial) => {
                self.refused(subject, action.as_str(), &object.to_string(), &denial)
                    .await;
                Err(denial)
            }
        }
    }

    /// Whether the subject may see a document: for lists and watches, where what is not seen is left out.
    #[must_use]
    pub fn sees(&self, subject: &Subject, document: &Document) -> bool {
        policy::sees(subject, document, &|team| self.in_team(subject, team))
    }

    fn in_team(&self, subject: &Subject, team: EntityId) -> bool {
        self.records
            .get(Kind::Team, team)
            .ok()
            .flatten()
            .and_then(|stored| stored.document.body::<Team>().ok())
            .is_some_and(|team| team.members.contains(&subject.user))
    }

    fn read(&self, subject: &Subject, object: &Object<'_>) {
        let of = match object {
            Object::Document(document) => document.kind.as_str().to_owned(),
            other => other.to_string(),
        };
        if !self.reads.count(subject, of) {
            return;
        }
        match self.reads.take((self.clock)()) {
            // Submitted by the call; nobody needs to wait for the record of reads.
            Ok(Some(txn)) => drop(self.records.store().commit(txn)),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the record of reads cannot be made"),
        }
    }

    /// Writes what was read since the last time.
    ///
    /// # Errors
    /// The store did not commit.
    pub async fn flush_reads(&self) -> Result<(), DoorError> {
        if let Some(txn) = self.reads.take((self.clock)())? {
            self.records.store().commit(txn).await?;
        }
        Ok(())
    }

    async fn refused(&self, subject: &Subject, action: &str, object: &str, denial: &Denial) {
        let detail = denial.to_string();
        let record = Audit {
            verdict: Verdict::Denied,
            detail: &detail,
            ..Audit::allowed(subject, action, object)
        };
        tracing::warn!(who = %subject.name, action, object, %denial, "refused");
        let mut txn = Txn::default();
        if let Err(error) = audit(&mut txn, (self.clock)(), &record) {
            tracing::error!(%error, "the record of a refusal cannot be made");
            return;
        }
        if let Err(error) = self.records.store().commit(txn).await {
            tracing::error!(%error, "the record of a refusal was not stored");
        }
    }
}
