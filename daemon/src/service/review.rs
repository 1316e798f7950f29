//! Letting an agent look back: who may, which version it is, and what answers in its place without its tools.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Agent, AgentSuggestion, AgentVersion, Document, Kind, SuggestionStatus};
use dirigent_store::{ScanRange, Txn};
use serde_json::{Value, json};

use super::core::Service;
use super::definitions;
use super::error::ServiceError;
use super::find::not_found;
use crate::door::{Action, Object};
use crate::records::{Actor, Audit, audit, encode_value, key};

/// Newest suggestions of an agent that it is told of.
const KNOWN: usize = 40;

/// An agent that is to look back.
pub(crate) struct Reviewed {
    /// The agent.
    pub(crate) document: Document,
    /// Its newest version.
    pub(crate) version: AgentVersion,
    /// Suggestions of it that are open or were declined.
    pub(crate) known: Vec<Value>,
}

impl Service {
    /// The agent that is to look back, where the subject may ask it to.
    ///
    /// # Errors
    /// Refused, or it is a program of somebody else's.
    pub(crate) async fn to_review(&self, actor: &Actor, agent: &str) -> Result<Reviewed, ServiceError> {
        let document = self.find(&actor.subject, Kind::Agent, agent).await?.document;
        let object = Object::Document(&document);
        self.door
            .authorize(&actor.subject, Action::AgentReview, &object)
            .await?;
        let version = self.newest_agent(&document)?;
        if version.definition.foreign.is_some() {
            let why = "its model and its tools are a program's own, so it cannot be asked without them";
            return Err(ServiceError::NotReviewable {
                agent: document.metadata.name.clone(),
                why,
            });
        }
        let known = self.known_suggestions(&document)?;
        Ok(Reviewed {
            document,
            version,
            known,
        })
    }

    /// The newest version of an agent.
    pub(super) fn newest_agent(&self, agent: &Document) -> Result<AgentVersion, ServiceError> {
        let (org, id) = (agent.metadata.org, agent.metadata.id);
        let newest = match definitions::of(Kind::Agent) {
            Some(definition) => self.newest_version(org, definition, id)?,
            None => None,
        };
        let version = newest.and_then(|newest| newest.body::<AgentVersion>().ok());
        version.ok_or_else(|| not_found(Kind::AgentVersion, &agent.metadata.name))
    }

    fn known_suggestions(&self, agent: &Document) -> Result<Vec<Value>, ServiceError> {
        let Some(value) = encode_value(&Value::from(&*agent.metadata.name)) else {
            return Ok(Vec::new());
        };
        let prefix = key::index_value(agent.metadata.org, Kind::AgentSuggestion, "agent", &value);
        let newest = ScanRange::prefix(&prefix).reversed().limited(KNOWN);
        let mut known = Vec::new();
        for row in self.records.rows(newest)?.0 {
            let stored = self.records.get(Kind::AgentSuggestion, row.id)?;
            let Some(one) = stored.and_then(|stored| stored.document.body::<AgentSuggestion>().ok()) else {
                continue;
            };
            if matches!(one.status, SuggestionStatus::Open | SuggestionStatus::Declined) {
                known.push(json!({
                    "title": one.title, "change": one.change, "status": one.status.word(),
                    "because": one.decided_because,
                }));
            }
        }
        Ok(known)
    }

    /// Makes the version that answers when an agent looks back; it belongs to no agent.
    ///
    /// # Errors
    /// It has errors (all of them), or the store did not commit.
    pub(crate) async fn answering(
        &self,
        actor: &Actor,
        agent: &str,
        answering: &Agent,
    ) -> Result<Digest, ServiceError> {
        let what = format!("what looks back for `{agent}`");
        let spec = serde_json::to_value(answering).unwrap_or_default();
        let spec = self.checked(Kind::Agent, agent, spec, &what, Vec::new())?;
        let mut txn = Txn::default();
        let digest = self.tried(&mut txn, actor, agent, &spec)?;
        // The run answers the request; what it needs is there before.
        let object = format!("Agent/{agent}");
        let request = actor.request.to_string();
        let record = Audit {
            request: Some(&request),
            ..Audit::allowed(&actor.subject, Action::AgentReview.as_str(), &object)
        };
        audit(&mut txn, self.now(), &record)?;
        self.records.store().commit(txn).await?;
        Ok(digest)
    }
}
