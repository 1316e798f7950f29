//! Events from outside: on the bus in one commit, with the audit and the remembered answer.

use dirigent_protocol::command::CommandReply;
use dirigent_store::error::Conflict;
use dirigent_store::{CommitError, Guard, Txn};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::bell::BusNews;
use crate::events::{Refused, StoredEvent, accept, encode, event_key, once_key};
use crate::records::{Actor, Audit, audit, forget_later, remember};
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::unread;

/// Days for which an event of the same source and id is not taken again.
const ONCE_DAYS: i64 = 7;

/// An event that is on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// It was there before.
    pub existing: bool,
}

impl RuntimeHandle {
    /// What the bus has for whoever keeps schedules; there is one reader.
    #[must_use]
    pub fn bus_news(&self) -> Option<UnboundedReceiver<BusNews>> {
        self.core.bus.take_news()
    }

    /// Puts an event on the bus; it is durable when this answers, and reaches everybody who listens at that moment.
    ///
    /// # Errors
    /// It is no CloudEvent, there is no room, or the store did not commit.
    pub async fn publish(&self, event: Value, actor: Actor) -> Result<Published, RuntimeError> {
        let core = &self.core;
        core.space.get().admit()?;
        let (now, row) = ((core.clock)(), core.chance.id());
        let event = accept(event, &row.to_string(), &actor.subject.name, now)
            .map_err(|Refused { message, help }| RuntimeError::BadEvent { message, help })?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (id, source, kind) = (text("id"), text("source"), text("type"));
        let org = actor.subject.org;
        let once = once_key(org, &source, &id);
        let stored = StoredEvent {
            org,
            event: event.into(),
            run: None,
            seq: 0,
            by: actor.subject.name.clone(),
        };
        let mut txn = Txn {
            guards: vec![Guard::Absent(once.clone())],
            ..Txn::default()
        };
        txn.puts
            .push((event_key(now, row), encode(&stored).map_err(unread)?));
        txn.puts.push((once.clone(), bytes::Bytes::new()));
        forget_later(&mut txn, &once, now, ONCE_DAYS);
        let request = actor.request.to_string();
        let record = Audit {
            request: Some(&request),
            ..Audit::allowed(&actor.subject, "event.publish", &kind)
        };
        audit(&mut txn, now, &record).map_err(unread)?;
        let reply = CommandReply::Published {
            id: id.clone(),
            source: source.clone(),
            existing: false,
        };
        remember(&mut txn, actor.key, &reply, now).map_err(unread)?;
        let existing = match core.store.commit(txn).await {
            Ok(_) => false,
            Err(CommitError::Conflict(Conflict::Key { .. })) => true,
            Err(error) => return Err(error.into()),
        };
        core.bus.poke();
        Ok(Published { id, source, existing })
    }
}
