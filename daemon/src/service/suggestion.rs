//! What people do with suggestions: look at one against its agent as it is now, accept it as a draft, decline it.
//!
//! Invariants: nothing is published here; of two deciders one decides; an agent has one accepted draft at most, and
//! another takes its place only where that was asked for.

use bytes::Bytes;
use dirigent_protocol::command::CommandReply;
use dirigent_protocol::entity::{Agent, AgentSuggestion, Kind, SuggestionStatus};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::query::SuggestionLook;
use dirigent_store::{Guard, Txn};
use serde_json::Value;

use super::commit::persist;
use super::core::Service;
use super::error::ServiceError;
use super::find::not_found;
use crate::door::{Action, Object};
use crate::records::{Actor, Stored, encode_value, key, put, unchanged};
use crate::review::{ChangeError, apply, carry_over};

/// What somebody decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decides {
    /// It is the agent's draft, in the place of another one where that is wanted.
    Accept { replace: bool },
    /// It is not wanted.
    Decline,
}

struct Found {
    stored: Stored,
    body: AgentSuggestion,
    agent: Stored,
}

impl Service {
    /// A suggestion, held against its agent as it is now.
    ///
    /// # Errors
    /// There is none, or its agent is gone.
    pub(crate) async fn look_at_suggestion(
        &self,
        subject: &Subject,
        text: &str,
    ) -> Result<SuggestionLook, ServiceError> {
        let found = self.suggestion(subject, text, Action::Read).await?;
        let version = self.newest_agent(&found.agent.document)?;
        let one = &found.body;
        let carried_over = version.digest != one.digest;
        let (now, proposed) = match &one.draft {
            Some(draft) if one.draft_of == version.digest => (version.definition, Ok(draft.clone())),
            // Another version was published since: what it was drafted of must not come back.
            Some(_) => {
                let proposed = carry_over(&one.base, &version.definition, &one.change);
                (version.definition, proposed)
            }
            None => {
                let proposed = proposed(one, &version.definition, carried_over);
                (version.definition, proposed)
            }
        };
        let spec = |agent: &Agent| serde_json::to_value(agent).unwrap_or_default();
        Ok(SuggestionLook {
            suggestion: found.stored.document.clone(),
            number: version.number,
            digest: version.digest,
            now: spec(&now),
            proposed: proposed.as_ref().ok().map(spec),
            carried_over,
            stale: proposed.err().map(|error| error.to_string()),
        })
    }

    /// Decides a suggestion.
    ///
    /// # Errors
    /// Refused, decided before, it does not fit the agent any more, or a draft is there already.
    pub(crate) async fn decide_suggestion(
        &self,
        actor: &Actor,
        text: &str,
        decides: Decides,
        reason: &str,
    ) -> Result<CommandReply, ServiceError> {
        check_reason(decides, reason)?;
        persist(|| async {
            let action = Action::SuggestionDecide;
            let found = self.suggestion(&actor.subject, text, action).await?;
            if found.body.status != SuggestionStatus::Open {
                return Err(ServiceError::DecidedBefore {
                    status: found.body.status.word(),
                    by: found.body.decided_by,
                });
            }
            let mut txn = Txn::default();
            let mut body = found.body.clone();
            body.decided_by.clone_from(&actor.subject.name);
            body.decided_at = Some(self.now());
            reason.trim().clone_into(&mut body.decided_because);
            match decides {
                Decides::Decline => body.status = SuggestionStatus::Declined,
                Decides::Accept { replace } => self.make_draft(&mut txn, &found, &mut body, replace)?,
            }
            let spec = serde_json::to_value(&body).unwrap_or_default();
            let document = found.stored.next(spec, self.now());
            put(&mut txn, Some(&found.stored), &document)?;
            let object = format!(
                "{} of Agent/{}: {}",
                Object::Document(&document),
                body.agent,
                body.status.word()
            );
            let reply = CommandReply::Document(Box::new(document));
            Ok(self.finish_as(actor, txn, action, &object, reply).await?.0)
        })
        .await
    }

    /// The suggestion becomes the agent's draft: what it would say, checked as if it were to be published.
    fn make_draft(
        &self,
        txn: &mut Txn,
        found: &Found,
        body: &mut AgentSuggestion,
        replace: bool,
    ) -> Result<(), ServiceError> {
        let agent = &found.agent.document;
        let version = self.newest_agent(agent)?;
        let carried_over = version.digest != body.digest;
        let draft = proposed(body, &version.definition, carried_over).map_err(|error| {
            ServiceError::StaleSuggestion {
                number: version.number,
                why: error.to_string(),
            }
        })?;
        let what = format!("the suggested draft of `{}`", body.agent);
        let spec = serde_json::to_value(&draft).unwrap_or_default();
        self.checked(Kind::Agent, &body.agent, spec, &what, Vec::new())?;
        // Who publishes meanwhile changes what the draft is of.
        unchanged(txn, &found.agent);
        self.take_place(txn, found, &version.digest, replace)?;
        body.status = SuggestionStatus::Accepted;
        body.draft = Some(draft);
        body.draft_of = version.digest;
        Ok(())
    }

    /// An agent has one accepted draft: the row that says which is written with it.
    fn take_place(
        &self,
        txn: &mut Txn,
        found: &Found,
        newest: &str,
        replace: bool,
    ) -> Result<(), ServiceError> {
        let meta = &found.stored.document.metadata;
        let Some(name) = encode_value(&Value::from(&*found.body.agent)) else {
            return Ok(());
        };
        let row = key::unique(meta.org, Kind::AgentSuggestion, "draft", &name);
        match self.records.store().get(&row)? {
            None => txn.guards.push(Guard::Absent(row.clone())),
            Some(known) => {
                let revision = known.revision;
                let key = row.clone();
                txn.guards.push(Guard::Revision { key, revision });
                let other = key::last_id(&known.value);
                let other = other.map(|id| self.records.get(Kind::AgentSuggestion, id));
                if let Some(other) = other.transpose()?.flatten() {
                    self.give_way(txn, &other, newest, replace)?;
                }
            }
        }
        txn.puts.push((row, Bytes::copy_from_slice(&meta.id.bytes())));
        Ok(())
    }

    /// The draft that is there goes, where it may; one of an older version is nobody's draft any more.
    fn give_way(
        &self,
        txn: &mut Txn,
        other: &Stored,
        newest: &str,
        replace: bool,
    ) -> Result<(), ServiceError> {
        let Ok(mut body) = other.document.body::<AgentSuggestion>() else {
            return Ok(());
        };
        let stands = body.status == SuggestionStatus::Accepted && body.draft_of == newest;
        if !stands {
            return Ok(());
        }
        if !replace {
            return Err(ServiceError::DraftThere {
                agent: body.agent,
                by: body.decided_by,
                title: body.title,
            });
        }
        body.status = SuggestionStatus::Replaced;
        let spec = serde_json::to_value(&body).unwrap_or_default();
        put(txn, Some(other), &other.next(spec, self.now()))?;
        Ok(())
    }

    /// The suggestion with its agent, where the subject may do this with the agent.
    async fn suggestion(&self, subject: &Subject, text: &str, action: Action) -> Result<Found, ServiceError> {
        let stored = self.find(subject, Kind::AgentSuggestion, text).await?;
        let object = Object::Document(&stored.document);
        self.door.authorize(subject, Action::Read, &object).await?;
        let unfit = |_| not_found(Kind::AgentSuggestion, text);
        let body: AgentSuggestion = stored.document.body().map_err(unfit)?;
        let org = stored.document.metadata.org;
        let agent = self.records.find_by_name(org, Kind::Agent, &body.agent)?;
        let agent = agent.ok_or_else(|| not_found(Kind::Agent, &body.agent))?;
        self.door
            .authorize(subject, action, &Object::Document(&agent.document))
            .await?;
        Ok(Found { stored, body, agent })
    }
}

fn proposed(one: &AgentSuggestion, now: &Agent, carried_over: bool) -> Result<Agent, ChangeError> {
    if carried_over {
        carry_over(&one.base, now, &one.change)
    } else {
        apply(now, &one.change)
    }
}

fn check_reason(decides: Decides, reason: &str) -> Result<(), ServiceError> {
    let (length, most) = (reason.trim().chars().count(), AgentSuggestion::MAX_REASON);
    let words = match decides {
        Decides::Decline if length == 0 => {
            "a decline has a reason: the agent is told when it looks back again".to_owned()
        }
        _ if length > most => format!("a reason has at most {most} characters, this one has {length}"),
        _ => return Ok(()),
    };
    Err(ServiceError::BadReason { words })
}
